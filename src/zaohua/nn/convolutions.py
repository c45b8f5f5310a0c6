"""Convolutions that never run where oneDNN's 16-bit kernels go wrong on a CPU.

On some CPUs a bfloat16 convolution with a stride whose output is one column wide, and a transposed one whose input
is, read memory that nobody wrote: outputs and gradients are NaN or silently wrong (torch 2.13, docs/known-issues.md).
Such maps are tiny, so that computing them in float32 costs next to nothing. Which layers do so follows from shapes and
dtypes alone, so that every CPU computes the same. Parameters and their names are those of torch's own layers.

Of voxels many more go wrong, with strides and without: where the input is shorter than the kernel, one place wide or of
one channel. All convolutions of those are computed in float32 on a CPU. There is no layer for series, which Zaohua
computes as pictures one row high.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from zaohua.core.errors import ZaohuaError


class Conv2d(nn.Conv2d):
    """torch's Conv2d; with a stride, and an output one column wide, in float32 instead of 16 bits on a CPU."""

    def forward(self, input: Tensor) -> Tensor:
        """Return what torch's layer returns, in the dtype that it would have."""
        if max(self.stride) == 1 or not _is_16_bit(input):
            return super().forward(input)
        padding = 0 if isinstance(self.padding, str) else self.padding[1]  # "valid": "same" takes no stride
        reach = self.dilation[1] * (self.kernel_size[1] - 1)
        if (input.shape[-1] + 2 * padding - reach - 1) // self.stride[1] > 0:  # two columns of output or more
            return super().forward(input)
        return _in_float32(super().forward, self.weight, input)


class Conv3d(nn.Conv3d):
    """torch's Conv3d, in float32 instead of 16 bits on a CPU."""

    def forward(self, input: Tensor) -> Tensor:
        """Return what torch's layer returns, in the dtype that it would have."""
        return _in_float32(super().forward, self.weight, input) if _is_16_bit(input) else super().forward(input)


class ConvTranspose2d(nn.ConvTranspose2d):
    """torch's ConvTranspose2d; with a stride, and an input one column wide, in float32 instead of 16 bits on a CPU."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return what torch's layer returns, in the dtype that it would have."""
        if max(self.stride) == 1 or input.shape[-1] > 1 or not _is_16_bit(input):
            return super().forward(input, output_size)
        return _in_float32(lambda x: super(ConvTranspose2d, self).forward(x, output_size), self.weight, input)


def _dtype(x: Tensor) -> torch.dtype:
    """Return the dtype that a convolution of x computes in, on a CPU."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype


def _is_16_bit(x: Tensor) -> bool:
    """Return whether a convolution of x runs on a CPU in 16 bits."""
    return x.device.type == "cpu" and _dtype(x).itemsize == 2


def _in_float32(convolve: Callable[[Tensor], Tensor], weight: Tensor, x: Tensor) -> Tensor:
    """Return the convolution of x, computed in float32 and rounded to the dtype around it."""
    if weight.dtype != torch.float32:
        raise ZaohuaError(
            f"a convolution's weight is {str(weight.dtype).removeprefix('torch.')}: keep weights in "
            "float32 and compute under torch.autocast"
        )
    dtype = _dtype(x)
    with torch.autocast("cpu", enabled=False):
        return convolve(x.float()).to(dtype)
