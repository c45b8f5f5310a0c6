"""Strided convolutions that avoid faulty 16-bit kernels of oneDNN on CPUs.

On Xeons with AMX, a strided bfloat16 convolution whose output is one column wide, and a transposed one whose input is,
read uninitialised memory: outputs and gradients are NaN or silently wrong (torch 2.13, docs/known-issues.md). Such maps
are tiny, so computing them in float32 costs next to nothing. The choice depends on shapes and dtypes alone, so that
every CPU computes the same. Parameters and their names are those of torch's own layers.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from zaohua.core.errors import ZaohuaError


class Conv2d(nn.Conv2d):
    """torch's Conv2d, except that strided ones with an output one column wide run in float32 on a CPU."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the output of torch's layer, in the same dtype."""
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
        """Return the output of torch's layer, in the same dtype."""
        return _in_float32(super().forward, self.weight, input) if _is_16_bit(input) else super().forward(input)


class ConvTranspose2d(nn.ConvTranspose2d):
    """torch's ConvTranspose2d, except that strided ones with an input one column wide run in float32 on a CPU."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return the output of torch's layer, in the same dtype."""
        if max(self.stride) == 1 or input.shape[-1] > 1 or not _is_16_bit(input):
            return super().forward(input, output_size)
        return _in_float32(lambda x: super(ConvTranspose2d, self).forward(x, output_size), self.weight, input)


def _dtype(x: Tensor) -> torch.dtype:
    """Return the dtype that a convolution of x computes in, on a CPU."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype


def _is_16_bit(x: Tensor) -> bool:
    """Return True if a convolution of x runs on a CPU in 16 bits."""
    return x.device.type == "cpu" and _dtype(x).itemsize == 2


def _in_float32(convolve: Callable[[Tensor], Tensor], weight: Tensor, x: Tensor) -> Tensor:
    """Compute the convolution of x in float32 and round it to the dtype that it would have."""
    if weight.dtype != torch.float32:
        raise ZaohuaError(
            f"a convolution's weight is {str(weight.dtype).removeprefix('torch.')}: keep weights in "
            "float32 and compute under torch.autocast"
        )
    dtype = _dtype(x)
    with torch.autocast("cpu", enabled=False):
        return convolve(x.float()).to(dtype)
