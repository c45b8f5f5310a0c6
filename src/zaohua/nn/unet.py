"""U-Net for images of 8 to 256 pixels, conditional on time and on anything that `Embed` can embed.

Time and condition scale and shift the norms of the residual blocks (ADM, Dhariwal & Nichol 2021, arXiv 2105.05233; EDM,
Karras et al. 2022, arXiv 2206.00364); there is attention at the lowest resolution. Images of 24 pixels and more are
folded into patches first, so that little work is done at full resolution.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.record import Condition
from zaohua.core.spec import DataSpec
from zaohua.nn.embed import Embed, TimeEmbed, Tokens
from zaohua.nn.grids import check_axes, fold, unfold
from zaohua.nn.layers import Dropout, attend, conv, crop, group_norm, pyramid, scaled
from zaohua.nn.overlay import overlay_of

LOWEST = {1: 16, 2: 8, 3: 4}
"""Longest side at which there is attention, by the number of axes; 64 positions at most.

A series of 64 learns better when it is halved twice than at full length (examples/series, one seed: 77 % of the samples
lie among real ones instead of 44 %).
"""
PATCHES = {1: (512, 4096), 2: (24, 128), 3: (12, 48)}
"""Longest sides from which on items are folded into patches of 2 and of 4. Those of 1 and 3 axes aren't measured."""
HEAD_DIM = 32


class UNet(nn.Module):
    """U-Net from an image, a time and a condition to an image.

    Args:
        x_spec: description of the image.
        y_spec: description of the condition. Images on the same axes are concatenated as channels. Anything else is
            embedded as tokens: their mean modulates every block, and if there are several, attention sees each token.
        channels: number of channels at the highest resolution, a multiple of 8; lower ones have two to four times more.
        blocks: number of residual blocks per resolution, on the way down and on the way up.
        patch: side of the patches that are folded into channels; None chooses 1, 2 or 4 by the size of the image.
        dropout: dropout probability inside a block.
        out_channels: channels of the output; None for those of x.
    """

    def __init__(
        self,
        x_spec: DataSpec,
        y_spec: DataSpec | None = None,
        *,
        channels: int = 64,
        blocks: int = 2,
        patch: int | None = None,
        dropout: float = 0.0,
        out_channels: int | None = None,
    ) -> None:
        super().__init__()
        check_axes("a U-Net", x_spec, 1, 2, 3)
        shape, axes = x_spec.tensor_shape[1:], len(x_spec.axes)
        side = patch or default_patch(shape)
        self.overlay, more_channels, overlaid = overlay_of(y_spec, x_spec)
        in_channels = x_spec.channels + more_channels
        out_channels = out_channels or x_spec.channels
        sizes = pyramid(tuple(math.ceil(n / side) for n in shape), LOWEST[axes], least=1)
        widths = [channels * min(2**level, 4) for level in range(len(sizes))]
        context = 4 * channels
        row = (1,) if axes == 1 else ()
        self.is_series = axes == 1
        self.patch = (*row, *[side] * axes)
        self.strides = [(*row, *halving(size)) for size in sizes[:-1]]
        self.multiple = [math.prod(steps) for steps in zip(self.patch, *self.strides, strict=True)]

        plain_overlay = self.overlay is not None and not overlaid
        self.embed = Embed(None if plain_overlay else y_spec, context, leave_out=overlaid)
        self.time = TimeEmbed(context)
        self.stem = conv(in_channels * math.prod(self.patch), widths[0], 3, axes=axes)
        self.down = nn.ModuleList(Stage(width, width, blocks, context, dropout, axes) for width in widths)
        self.shrink = nn.ModuleList(
            conv(high, low, 3, axes=axes, stride=stride)
            for (high, low), stride in zip(pairwise(widths), self.strides, strict=True)
        )
        self.attention = UNetAttention(widths[-1], context if self.embed.several else None)
        self.grow = nn.ModuleList(conv(low, high, 1, axes=axes) for high, low in pairwise(widths))
        self.up = nn.ModuleList(Stage(2 * width, width, blocks, context, dropout, axes) for width in widths)
        self.norm = group_norm(widths[0])
        self.head = conv(widths[0], out_channels * math.prod(self.patch), 3, axes=axes, gain=0.0)

    def forward(self, x: Tensor, t: Tensor, y: Condition | None = None, keep: Tensor | None = None) -> Tensor:
        """x (B, C, *sides), t (B,), y as its spec says, keep bool (B,) or (B, parts) -> (B, out, *sides)."""
        if self.overlay is not None:
            x = self.overlay(x, y, keep)
        if self.is_series:
            x = x.unsqueeze(2)
        tokens = self.embed(y, x.shape[0], keep)
        context = F.silu(self.time(t) + tokens.summary)

        missing = [-side % multiple for side, multiple in zip(x.shape[2:], self.multiple, strict=True)]
        h = self.stem(fold(F.pad(x, [n for end in reversed(missing) for n in (0, end)]), self.patch))
        skips = []
        for level, stage in enumerate(self.down):
            h = stage(self.shrink[level - 1](h) if level else h, context)
            skips.append(h)
        h = self.attention(h, tokens)
        for level in reversed(range(len(self.up))):
            h = self.up[level](torch.cat([h, skips[level]], dim=1), context)
            if level:
                h = F.interpolate(self.grow[level - 1](h), scale_factor=[float(n) for n in self.strides[level - 1]])
        h = crop(unfold(self.head(F.silu(self.norm(h))), self.patch), tuple(x.shape[2:]))
        return h.squeeze(2) if self.is_series else h


class Stage(nn.Module):
    """Residual blocks of one resolution."""

    def __init__(self, in_channels: int, channels: int, blocks: int, context: int, dropout: float, axes: int) -> None:
        super().__init__()
        ins = [in_channels, *[channels] * (blocks - 1)]
        self.blocks = nn.ModuleList(UNetBlock(n, channels, context, dropout, axes) for n in ins)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Map x (B, Cin, H, W) and the context (B, context) to (B, C, H, W)."""
        for block in self.blocks:
            x = block(x, context)
        return x


class UNetBlock(nn.Module):
    """Residual block: norm, SiLU, 3x3 convolution, twice; the context modulates the second norm. Identity at first."""

    def __init__(self, in_channels: int, channels: int, context: int, dropout: float, axes: int) -> None:
        super().__init__()
        self.norm1 = group_norm(in_channels)
        self.conv1 = conv(in_channels, channels, 3, axes=axes)
        self.modulate = scaled(nn.Linear(context, 2 * channels), gain=0.1)
        self.norm2 = group_norm(channels, affine=False)
        self.dropout = Dropout(dropout)
        self.conv2 = conv(channels, channels, 3, axes=axes, gain=0.0)
        self.skip = conv(in_channels, channels, 1, axes=axes) if in_channels != channels else nn.Identity()

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(B, Cin, *sides), (B, context) -> (B, C, *sides)."""
        scale, shift = self.modulate(context)[(..., *[None] * (x.ndim - 2))].chunk(2, dim=1)
        h = self.conv1(F.silu(self.norm1(x)))
        h = F.silu(torch.addcmul(shift, self.norm2(h), scale + 1))
        h = self.conv2(self.dropout(h))
        out: Tensor = (self.skip(x) + h) * math.sqrt(0.5)
        return out


class UNetAttention(nn.Module):
    """Self-attention over pixels, plus cross-attention to the tokens of the condition. Identity at first.

    Args:
        channels: number of channels of the features.
        context: width of the tokens; None if there is at most one token, which the blocks see anyway.
    """

    def __init__(self, channels: int, context: int | None) -> None:
        super().__init__()
        self.heads = next(n for n in range(max(1, channels // HEAD_DIM), 0, -1) if channels % n == 0)
        self.norm = group_norm(channels)
        self.qkv = scaled(nn.Linear(channels, 3 * channels))
        self.kv = scaled(nn.Linear(context, 2 * channels)) if context is not None else None
        self.out = scaled(nn.Linear(channels, channels), gain=0.0)

    def forward(self, x: Tensor, tokens: Tokens) -> Tensor:
        """(B, C, *sides), tokens (B, L, context) -> (B, C, *sides)."""
        flat = self.norm(x).flatten(2).transpose(1, 2)
        query, key, value = self._split(self.qkv(flat), 3)
        h = attend(query, key, value)
        if self.kv is not None:
            key, value = self._split(self.kv(tokens.values), 2)
            h = h + attend(query, key, value, tokens.present[:, None, None])
        h = self.out(h.transpose(1, 2).flatten(2)).transpose(1, 2).unflatten(2, x.shape[2:])
        out: Tensor = (x + h) * math.sqrt(0.5)
        return out

    def _split(self, h: Tensor, parts: int) -> tuple[Tensor, ...]:
        """Split (B, L, parts * C) into `parts` tensors (B, heads, L, C / heads)."""
        out: tuple[Tensor, ...] = h.unflatten(2, (parts, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        return out


def default_patch(shape: tuple[int, ...]) -> int:
    """Return the side of a patch for the longest side: of images 1 below 24 pixels, 2 below 128, else 4."""
    side: int = 2 ** sum(max(shape) >= bound for bound in PATCHES[len(shape)])
    return side


def halving(size: tuple[int, ...]) -> tuple[int, ...]:
    """Strides that halve a grid: 2, but 1 along an axis of one place, which would only be padded.

    Pictures are halved both ways all the same, for the sake of networks that are trained.
    """
    return tuple(2 if side > 1 or len(size) == 2 else 1 for side in size)
