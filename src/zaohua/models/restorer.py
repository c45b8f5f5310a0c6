"""Restoration by one pass of a network that was trained for one task."""

from __future__ import annotations

from zaohua.families.regression import Regression
from zaohua.modalities.base import GridCodec


class Restorer(Regression[GridCodec]):
    """Network that is trained for one task of restoration: one pass to the mean of what may have been seen.

    Paper: Zhang, Zuo, Chen, Meng and Zhang, "Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image
    Denoising", 2017 (arXiv:1608.03981).
    """
