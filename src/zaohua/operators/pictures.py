"""Operators of pictures, sounds and other grids: what is hidden, and what is averaged."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional as F

from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.operators.base import Operator


class Mask(Operator):
    """Part of the values are seen, and the others are zero.

    Args:
        seen: True where values are seen, bool, of a shape that broadcasts to items (B, C, *axes).
    """

    name = "mask"

    def __init__(self, seen: Tensor) -> None:
        self.seen = seen

    def __call__(self, x: Tensor) -> Tensor:
        """Return x with zeros in place of what is hidden."""
        return x * self.seen

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Hide the same values."""
        return y * self.seen

    def gram(self, shape: tuple[int, ...]) -> Tensor:
        """Return 1 where values are seen, and 0 elsewhere."""
        return self.seen.float()


class Downscale(Operator):
    """Means of blocks of pixels, or of samples."""

    name = "downscale"

    factor: Annotated[int, Between(2)] = 2
    """Length of the side of a block."""

    def __call__(self, x: Tensor) -> Tensor:
        """Average blocks of x (B, C, *axes), whose axes must be multiples of the factor."""
        if any(n % self.factor for n in x.shape[2:]):
            size = " x ".join(map(str, x.shape[2:]))
            raise ZaohuaError(f"{size} values can't be averaged in blocks of {self.factor}: cut them to a multiple")
        axes = len(x.shape) - 2
        means: Tensor = (F.avg_pool1d, F.avg_pool2d)[axes - 1](x, self.factor)
        return means

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Spread each mean over its block."""
        for axis in range(2, y.ndim):
            y = y.repeat_interleave(self.factor, axis) / self.factor
        return y

    def gram(self, shape: tuple[int, ...]) -> float:
        """Return 1 / the size of a block."""
        return float(self.factor ** -(len(shape) - 1))


class Grey(Operator):
    """Brightness of colours, by the weights of ITU-R BT.601, as Pillow's mode "L"."""

    name = "grey"

    def __call__(self, x: Tensor) -> Tensor:
        """Return brightness (B, 1, *axes) of red, green and blue (B, 3, *axes)."""
        if x.shape[1] != 3:
            raise ZaohuaError(f"only pictures of three colours can be made grey, not of {x.shape[1]} channels")
        return (x * _weights(x)).sum(1, keepdim=True)

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Weight brightness by colour."""
        return y * _weights(y)

    def gram(self, shape: tuple[int, ...]) -> float:
        """Return the sum of the squared weights."""
        return sum(weight**2 for weight in WEIGHTS)


WEIGHTS = (0.299, 0.587, 0.114)
"""Share of red, green and blue in brightness."""


def _weights(like: Tensor) -> Tensor:
    """Return the weights of the colours, (3, 1, ...)."""
    return torch.tensor(WEIGHTS, dtype=like.dtype, device=like.device).view(3, *[1] * (like.ndim - 2))
