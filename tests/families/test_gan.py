import torch

import zaohua as zh
from zaohua.core.noise import BatchNoise
from zaohua.core.spec import DataSpec, Feature
from zaohua.training.events import Batch


def test_one_pass_has_the_gradients_of_both_phases():
    spec = DataSpec(axes=("height", "width"), shape=(12, 12), features=(Feature("pixel", "real", size=1, levels=256),))
    model = zh.DCGAN(channels=8, max_channels=8, latent_dim=4, dropout=0.0, base_layers=1)
    torch.manual_seed(0)
    nets = model.build(spec, None)
    nets["discriminator"].head.weight.data.mul_(10)
    x = torch.rand(6, 1, 12, 12)

    def gradient(phase, net):
        nets.zero_grad()
        model.loss(nets, Batch(x, None, BatchNoise(3, 6)), phase).sum().backward()
        return torch.cat([p.grad.flatten() for p in nets[net].parameters()])

    for net in ("discriminator", "generator"):
        torch.testing.assert_close(gradient("both", net), gradient(net, net), rtol=1e-4, atol=1e-5)
