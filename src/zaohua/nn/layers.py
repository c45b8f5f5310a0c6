"""Layers shared by the networks: variance-preserving convolutions, norms, attention, dropout, padding and cropping.

Waveforms are treated as images one row high: on a CPU, a channels-last Conv2d takes 0.6 to 0.8 of the time of torch's
Conv1d in bfloat16, and 0.7 to 1.1 of it in float32 (torch 2.13).
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
    """Return a convolution that maps unit variance to variance gain^2; with stride 1 it keeps the size.

    The bias is zero at first. An even kernel requires a stride of 2 and an even size (see `even`).

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
    """Return a convolution like `conv` along the rows of (B, C, 1, T), with an odd kernel and a dilation."""
    layer = Conv2d(
        in_channels, out_channels, (1, kernel_size), (1, stride), (0, kernel_size // 2 * dilation), (1, dilation)
    )
    return scaled(layer, gain)


def scaled(layer: Layer, gain: float = 1.0) -> Layer:
    """Initialise a layer with weights N(0, gain^2 / fan_in) and zero bias (LeCun et al. 1998), and return it."""
    nn.init.normal_(layer.weight, std=gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def group_norm(channels: int, *, affine: bool = True) -> nn.GroupNorm:
    """Return a GroupNorm (Wu & He 2018, arXiv 1803.08494) with about 16 channels per group."""
    groups = max(n for n in range(1, max(channels // 16, 1) + 1) if channels % n == 0)
    return nn.GroupNorm(groups, channels, affine=affine)


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    *,
    dropout: float = 0.0,
    causal: bool = False,
    scale: float | None = None,
    cap: float | None = None,
) -> Tensor:
    """Compute scaled dot-product attention, softmax(scale q k^T) v, of q, k, v (..., heads, t, D).

    Keys and values may have fewer heads than queries, each of which serves several. In training on a CPU it runs in
    float32, because there torch's backward pass takes five times as long in bfloat16 (torch 2.13), 40 % of a training
    step of a small GPT.

    Args:
        q: queries.
        k: keys.
        v: values.
        mask: what each query sees, bool.
        dropout: share of the weights that are dropped.
        causal: whether each query sees the keys up to its own place.
        scale: factor of the scores; None for 1 / sqrt(D).
        cap: scores s become cap * tanh(s / cap); None for no cap.
    """
    grouped = q.ndim > 3 and q.shape[-3] != k.shape[-3]
    if cap is not None:
        return _attend_capped(q, k, v, mask, causal, scale or q.shape[-1] ** -0.5, cap)
    if q.device.type != "cpu" or not torch.is_grad_enabled():
        return F.scaled_dot_product_attention(q, k, v, mask, dropout, causal, scale=scale, enable_gqa=grouped)
    with torch.autocast("cpu", enabled=False):
        q32, k32, v32 = q.float(), k.float(), v.float()
        out = F.scaled_dot_product_attention(q32, k32, v32, mask, dropout, causal, scale=scale, enable_gqa=grouped)
    return out.to(q.dtype)


def _attend_capped(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool, scale: float, cap: float
) -> Tensor:
    """Compute attention with capped scores, which torch's own can't."""
    if q.shape[-3] != k.shape[-3]:
        times = q.shape[-3] // k.shape[-3]
        k, v = k.repeat_interleave(times, -3), v.repeat_interleave(times, -3)
    scores = capped(q @ k.mT * scale, cap)
    if causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device).tril(k.shape[-2] - q.shape[-2])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(-1, dtype=torch.float32).to(v.dtype) @ v


def capped(x: Tensor, cap: float | None) -> Tensor:
    """Return cap * tanh(x / cap), which is near x where that is small; None returns x."""
    return x if cap is None else cap * torch.tanh(x / cap)


class Dropout(nn.Dropout):
    """Dropout that is faster than torch's on a CPU: it draws 16 random bits per unit, four units at once.

    torch's own draws a Bernoulli variable per unit, which takes 10 % of a DCGAN's training step. The dropout
    probability is p rounded to a multiple of 1 / 65536, and the other units are scaled exactly for that probability.

    Attributes:
        quick: False to use torch's own, which draws for each item by itself inside `torch.func.vmap`.
    """

    quick = True

    def forward(self, x: Tensor) -> Tensor:
        """Map x of any shape to the same shape, with units dropped in training."""
        if not (self.training and self.quick) or self.p in (0, 1) or x.device.type != "cpu":
            return super().forward(x)
        dropped = round(self.p * 65536)
        bits = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
        mask = (bits[: x.numel()] >= dropped - 32768).to(x.dtype).mul_(65536 / (65536 - dropped))
        return x * mask.as_strided(x.shape, torch.empty_like(x, device="meta").stride())


def even(x: Tensor) -> Tensor:
    """Pad x (B, C, H, W) with zeros to an even height and width."""
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
