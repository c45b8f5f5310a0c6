"""Blur: Gaussian, by motion, or by a kernel that is given. Pictures are reflected at their borders."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional as F

from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.operators.base import SameShape
from zaohua.operators.frequencies import Filter


class Blur(Filter):
    """Gaussian blur; its proximal point has a closed form."""

    name = "blur"

    sigma: Annotated[float, Between(above=0, high=1000)] = 1.0
    """Standard deviation of the kernel, in pixels (samples)."""

    def response(self, shape: tuple[int, ...]) -> Tensor:
        """Return the Fourier transform of a sampled Gaussian along each axis."""
        product = torch.ones((), dtype=torch.float64)
        for n in shape[1:]:
            frequency = torch.arange(n, dtype=torch.float64) * (math.pi / n)
            aliases = frequency[:, None] + 2 * math.pi * torch.arange(-3, 4)
            response = torch.exp(-((aliases * self.sigma) ** 2) / 2).sum(1)
            product = product[..., None] * response / response[0]
        return product


class Convolution(SameShape):
    """Base of blurs by a kernel; its proximal point takes conjugate gradients."""

    @abstractmethod
    def kernel(self) -> Tensor:
        """Return the kernel, float64, of as many axes as the items have."""

    def __call__(self, x: Tensor) -> Tensor:
        """Convolve x (B, C, *axes), reflected at its borders as often as the kernel needs."""
        kernel = self._kernel(x)
        for axis, length in enumerate(kernel.shape, 2):
            x = x.index_select(axis, _reflected(x.shape[axis], length).to(x.device))
        return _each_channel(x, kernel.flip(*range(kernel.ndim)), transposed=False)

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Correlate y, and fold back what was reflected."""
        kernel = self._kernel(y)
        y = _each_channel(y, kernel.flip(*range(kernel.ndim)), transposed=True)
        for axis, length in enumerate(kernel.shape, 2):
            n = shape[axis - 1]
            folded = y.new_zeros(*y.shape[:axis], n, *y.shape[axis + 1 :])
            y = folded.index_add_(axis, _reflected(n, length).to(y.device), y)
        return y

    def _kernel(self, x: Tensor) -> Tensor:
        """Return the kernel as x needs it."""
        kernel = self.kernel()
        if kernel.ndim != x.ndim - 2:
            raise ZaohuaError(f"'{self}' has a kernel of {kernel.ndim} axes, but the items have {x.ndim - 2}")
        return kernel.to(x)


class MotionBlur(Convolution):
    """Blur along a straight line, as of a camera that moves."""

    name = "blur motion"

    length: Annotated[float, Between(1, 1000)] = 9.0
    """Length of the line, in pixels."""
    angle: Annotated[float, Between(-360, 360)] = 0.0
    """Its angle in degrees, from the horizontal upwards."""

    def kernel(self) -> Tensor:
        """Return the line, with soft edges of one pixel."""
        half = (self.length - 1) / 2
        places = torch.arange(-math.ceil(half), math.ceil(half) + 1, dtype=torch.float64)
        y, x = torch.meshgrid(-places, places, indexing="ij")
        cosine, sine = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        along = (x * cosine + y * sine).abs() - half
        across = (y * cosine - x * sine).abs()
        weights = (1 - across).clamp(min=0) * (1 - along.clamp(min=0)).clamp(min=0)
        return weights / weights.sum()


class Kernel(Convolution):
    """Convolution with a kernel that is given, such as a measured one.

    Args:
        kernel: weights of as many axes as the items have; the middle value (after the middle, if their number is even)
            lies on the pixel.
    """

    name = "blur kernel"

    def __init__(self, kernel: Tensor) -> None:
        self.weights = kernel

    def kernel(self) -> Tensor:
        """Return the weights."""
        return self.weights


def _each_channel(x: Tensor, kernel: Tensor, transposed: bool) -> Tensor:
    """Correlate each channel of x (B, C, *axes) with a kernel, without padding; or apply the transpose of that."""
    channels, axes = x.shape[:2], x.shape[2:]
    if kernel.ndim not in (1, 2):
        raise ZaohuaError(f"only items of one or two axes can be blurred by a kernel, not of {kernel.ndim}")
    ways = ((F.conv1d, F.conv2d), (F.conv_transpose1d, F.conv_transpose2d))
    out: Tensor = ways[transposed][kernel.ndim - 1](x.reshape(-1, 1, *axes), kernel[None, None])
    return out.view(*channels, *out.shape[2:])


def _reflected(n: int, length: int) -> Tensor:
    """Return which of n values lie at the places that a kernel of a length needs; half a value outside, they turn."""
    before = length - 1 - length // 2
    places = torch.arange(-before, n + length - 1 - before) % (2 * n)
    return places.minimum(2 * n - 1 - places)
