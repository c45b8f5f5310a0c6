"""Operators and shapes that tests go through."""

from __future__ import annotations

import torch

from zaohua.operators.base import Identity, Operator
from zaohua.operators.blur import Blur, Kernel, MotionBlur
from zaohua.operators.chain import Chain
from zaohua.operators.covariance import Covariance
from zaohua.operators.frequencies import Band, Resample
from zaohua.operators.levels import Grey
from zaohua.operators.masks import Mask, MaskBox, MaskGap
from zaohua.operators.resizing import Bicubic, Downscale

ODD = (3, 5, 7)
SOUND = (2, 13)
SEEN = torch.rand(5, 7, generator=torch.Generator().manual_seed(0)) < 0.5
UNEVEN = torch.tensor([[0.1, 0.2], [0.0, 0.3], [0.5, -0.1]], dtype=torch.float64)
WIDE = torch.linspace(0, 1, 19 * 15, dtype=torch.float64).view(19, 15) / 40

PICTURES: dict[str, Operator] = {
    "identity": Identity(),
    "mask": Mask(SEEN),
    "box": MaskBox(x=1, y=2, width=4, height=2),
    "downscale": Downscale(factor=2),
    "downscale 9": Downscale(factor=9),
    "bicubic": Bicubic(factor=2),
    "resample": Resample(rate=0.6),
    "band": Band(cutoff=0.6),
    "blur": Blur(sigma=0.8),
    "motion": MotionBlur(length=4.5, angle=30.0),
    "kernel": Kernel(UNEVEN),
    "kernel larger than the picture": Kernel(WIDE),
    "grey": Grey(),
    "grey and mask": Chain((Grey(), Mask(SEEN))),
    "mask and blur": Chain((Mask(SEEN), Blur(sigma=0.5))),
    "blur and downscale": Chain((Blur(sigma=0.5), Downscale(factor=3))),
}
SOUNDS: dict[str, Operator] = {
    "gap": MaskGap(start=3.0, length=4.0),
    "downscale": Downscale(factor=3),
    "bicubic": Bicubic(factor=3),
    "resample": Resample(rate=0.5),
    "band": Band(cutoff=0.4),
    "blur": Blur(sigma=1.1),
    "kernel": Kernel(UNEVEN[:, 0]),
}
LINEAR = {
    **{f"{name} of pictures": (operator, ODD) for name, operator in PICTURES.items()},
    **{f"{name} of sounds": (operator, SOUND) for name, operator in SOUNDS.items()},
}
"""Each linear operator by its name, with the shape of its items."""


class Dense(Covariance):
    """A full covariance matrix of items."""

    def __init__(self, matrix: torch.Tensor) -> None:
        self.matrix, self.factor = matrix, torch.linalg.cholesky(matrix)

    def times(self, v: torch.Tensor) -> torch.Tensor:
        return (v.flatten(1) @ self.matrix).view_as(v)

    def root(self, e: torch.Tensor) -> torch.Tensor:
        return (e.flatten(1) @ self.factor.T).view_as(e)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    """Standard normal numbers, float64."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def matrix(operator: Operator, shape: tuple[int, ...]) -> torch.Tensor:
    """The operator as a matrix, float64 (m, n)."""
    n = torch.Size(shape).numel()
    return operator(torch.eye(n, dtype=torch.float64).view(n, *shape)).flatten(1).T
