"""Smaller pictures, and shorter sounds: means of blocks, and bicubic interpolation."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional as F

from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.operators.base import Operator


class Shrinking(Operator):
    """Base of operators that make each side a whole number of times shorter; a rest is rounded up."""

    factor: Annotated[int, Between(2, 64)] = 2
    """How many times shorter each side becomes."""

    def after(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of what is seen."""
        return (shape[0], *(-(-n // self.factor) for n in shape[1:]))

    def before(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of items whose sides are multiples of the factor."""
        return (shape[0], *(n * self.factor for n in shape[1:]))


class Downscale(Shrinking):
    """Means of blocks of pixels, or of samples; a last block that isn't whole is averaged over what there is."""

    name = "downscale"

    def __call__(self, x: Tensor) -> Tensor:
        """Average blocks of x (B, C, *axes)."""
        axes = x.ndim - 2
        if axes not in (1, 2):
            raise ZaohuaError(f"'{self}' averages blocks of one or two axes, not of {axes}")
        if axes == 1:
            return F.avg_pool1d(x, self.factor, ceil_mode=True, count_include_pad=False)
        return F.avg_pool2d(x, self.factor, ceil_mode=True, count_include_pad=False)

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Spread each mean over its block."""
        y = y * torch.as_tensor(self.gram(shape), dtype=y.dtype, device=y.device)
        for axis in range(2, y.ndim):
            y = y.repeat_interleave(self.factor, axis).narrow(axis, 0, shape[axis - 1])
        return y

    def gram(self, shape: tuple[int, ...]) -> Tensor | float:
        """Return 1 / the size of each block."""
        if not any(n % self.factor for n in shape[1:]):
            return float(self.factor ** -(len(shape) - 1))
        sizes = torch.ones((), dtype=torch.float64)
        for n in shape[1:]:
            starts = torch.arange(0, n, self.factor)
            sizes = sizes[..., None] * (n - starts).clamp(max=self.factor)
        return 1 / sizes


class Bicubic(Shrinking):
    """Smaller by bicubic interpolation with as wide a kernel as the step, as Pillow and torch (antialias) do it.

    Along each axis it is a matrix, so the proximal point has a closed form by singular values of both.
    """

    name = "downscale bicubic"

    def __call__(self, x: Tensor) -> Tensor:
        """Interpolate x (B, C, *axes)."""
        return _along_axes(x, [_weights(n, self.factor) for n in x.shape[2:]])

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Apply the transposed matrices."""
        return _along_axes(y, [_weights(n, self.factor).T for n in shape[1:]])

    def gram(self, shape: tuple[int, ...]) -> Tensor:
        """Return the products of the squared singular values of the axes' matrices."""
        product = torch.ones((), dtype=torch.float64)
        for n in shape[1:]:
            product = product[..., None] * _singular(n, self.factor)[1] ** 2
        return product

    @property
    def in_own_basis(self) -> bool:
        """False: the basis is that of the left singular vectors."""
        return False

    def turned(self, y: Tensor, shape: tuple[int, ...], back: bool = False) -> Tensor:
        """Express observations in singular vectors, or go back."""
        bases = [_singular(n, self.factor)[0] for n in shape[1:]]
        return _along_axes(y, bases if back else [basis.T for basis in bases])


def _along_axes(x: Tensor, matrices: list[Tensor]) -> Tensor:
    """Multiply each axis of x (B, C, *axes) by a matrix."""
    for axis, matrix in enumerate(matrices, 2):
        x = (x.movedim(axis, -1) @ matrix.to(x).T).movedim(-1, axis)
    return x


@lru_cache(maxsize=32)
def _weights(n: int, factor: int) -> Tensor:
    """Return the matrix that makes n values fewer, float64 (m, n); cubic convolution with a = -0.5 (Keys, 1981)."""
    m = -(-n // factor)
    scale = n / m
    distance = ((torch.arange(n) + 0.5) - (torch.arange(m)[:, None] + 0.5) * scale).double().abs() / scale
    inner = (1.5 * distance - 2.5) * distance**2 + 1
    outer = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    weights = inner.where(distance < 1, outer).where(distance < 2, torch.zeros_like(distance))
    return weights / weights.sum(1, keepdim=True)


@lru_cache(maxsize=32)
def _singular(n: int, factor: int) -> tuple[Tensor, Tensor]:
    """Return the left singular vectors and the singular values of the matrix."""
    left, values, _ = torch.linalg.svd(_weights(n, factor), full_matrices=False)
    return left, values
