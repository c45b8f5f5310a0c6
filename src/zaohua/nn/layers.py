"""Parts that the convolutional networks share: convolutions that keep the variance, a norm, sizes of a pyramid.

Waves are pictures one row high: on a CPU a convolution of those in channels-last takes 0.6 to 0.8 of the time of
torch's Conv1d in bfloat16, and 0.7 to 1.1 of it in float32 (torch 2.13).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.nn.convolutions import Conv2d, Conv3d

Convolution = nn.Conv2d | nn.Conv3d
Layer = TypeVar("Layer", bound=nn.Conv2d | nn.Conv3d | nn.Linear)


def conv(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    *,
    axes: int = 2,
    stride: int | tuple[int, ...] = 1,
    gain: float = 1.0,
) -> Convolution:
    """A convolution that maps unit variance to variance gain^2, bias zero, padded so that stride 1 keeps the size.

    An even kernel wants a stride of 2 and an even size (see `even`).

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: side of the kernel, the same along all axes.
        axes: axes that the kernel stretches along: 1 for series (B, C, 1, T), 2 for pictures, 3 for voxels.
        stride: one for all axes, or for each.
        gain: standard deviation of the output, for an input of unit variance.
    """
    row = (1,) if axes == 1 else ()
    layer: Callable[..., Convolution] = Conv3d if axes == 3 else Conv2d
    kernel = (*row, *[kernel_size] * axes)
    steps = (*row, *[stride] * axes) if isinstance(stride, int) else stride
    return scaled(layer(in_channels, out_channels, kernel, steps, [(side - 1) // 2 for side in kernel]), gain)


def row_conv(
    in_channels: int, out_channels: int, kernel_size: int, *, stride: int = 1, dilation: int = 1, gain: float = 1.0
) -> nn.Conv2d:
    """`conv` along the rows of (B, C, 1, T), with an odd kernel whose taps are `dilation` apart."""
    layer = Conv2d(
        in_channels, out_channels, (1, kernel_size), (1, stride), (0, kernel_size // 2 * dilation), (1, dilation)
    )
    return scaled(layer, gain)


def scaled(layer: Layer, gain: float = 1.0) -> Layer:
    """The layer with weights N(0, gain^2 / fan_in) and no bias (LeCun et al. 1998; gain 0 for a silent layer)."""
    nn.init.normal_(layer.weight, std=gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def group_norm(channels: int, *, affine: bool = True) -> nn.GroupNorm:
    """GroupNorm (Wu & He 2018, arXiv 1803.08494) with about 16 channels per group."""
    groups = max(n for n in range(1, max(channels // 16, 1) + 1) if channels % n == 0)
    return nn.GroupNorm(groups, channels, affine=affine)


def attend(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, dropout: float = 0.0, causal: bool = False
) -> Tensor:
    """softmax(q k^T / sqrt(D)) v of q, k, v (..., t, D): torch's, but in training on a CPU always in float32.

    There its backward pass takes five times as long in bfloat16 (torch 2.13): 40 % of a small GPT's step.
    """
    if q.device.type != "cpu" or not torch.is_grad_enabled():
        return F.scaled_dot_product_attention(q, k, v, mask, dropout, causal)
    with torch.autocast("cpu", enabled=False):
        seen = F.scaled_dot_product_attention(q.float(), k.float(), v.float(), mask, dropout, causal)
    return seen.to(q.dtype)


class Dropout(nn.Dropout):
    """Dropout whose mask costs 16 random bits per unit, four units to a draw, on the CPU.

    There torch's own takes a Bernoulli draw for each unit: 10 % of the time of a DCGAN's step. The share dropped is
    p to the nearest 1 / 65536, and what is kept is scaled by exactly its inverse.
    """

    def forward(self, x: Tensor) -> Tensor:
        """x of any shape -> the same, with zeros in it in training."""
        if not self.training or self.p in (0, 1) or x.device.type != "cpu":
            return super().forward(x)
        dropped = round(self.p * 65536)
        bits = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
        kept = (bits[: x.numel()] >= dropped - 32768).to(x.dtype).mul_(65536 / (65536 - dropped))
        return x * kept.as_strided(x.shape, torch.empty_like(x, device="meta").stride())


def even(x: Tensor) -> Tensor:
    """x (B, C, H, W) with a row and a column of zeros more where its height and width are odd."""
    height, width = x.shape[2:]
    return F.pad(x, (0, width % 2, 0, height % 2)) if height % 2 or width % 2 else x


def crop(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """The first places of x (B, C, *sides) along each axis: of a picture, the upper left (height, width)."""
    return x[(slice(None), slice(None), *(slice(side) for side in size))]


def pyramid(shape: tuple[int, ...], smallest: int, least: int = 0) -> list[tuple[int, ...]]:
    """Sizes from the full one downwards, halved and rounded up until no side exceeds `smallest`.

    At least `least` halvings are done as long as the longest side is above 1.
    """
    sizes = [tuple(shape)]
    while max(sizes[-1]) > smallest or (len(sizes) <= least and max(sizes[-1]) > 1):
        sizes.append(tuple((side + 1) // 2 for side in sizes[-1]))
    return sizes
