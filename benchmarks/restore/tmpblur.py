import torch, torch.nn.functional as F
from zaohua.operators.base import Operator
class Blur(Operator):
    name="blur"; linear=True
    sigma: float = 1.5
    def __call__(self,x):
        r=6; k=torch.exp(-torch.arange(-r,r+1.)**2/2/self.sigma**2); k=(k/k.sum()).to(x.dtype)
        c=x.shape[1]
        h=F.pad(x,(r,r,r,r),mode="replicate")
        h=F.conv2d(h,k.view(1,1,1,-1).expand(c,1,1,-1),groups=c)
        return F.conv2d(h,k.view(1,1,-1,1).expand(c,1,-1,1),groups=c)
