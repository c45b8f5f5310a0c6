"""Embeddings of conditions and times, which all conditional networks share.

`Embed` turns any condition y (a label, a vector, a text, an image, a sound) into tokens (n, L, dim) that a network
attends to or averages with `pool`. Dropping the condition of some items in training, so that one network learns p(x)
and p(x | y), enables classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598). If y is an image on the same axes
as the image x, `Overlay` concatenates it as channels instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.errors import ZaohuaError
from zaohua.core.spec import DataSpec
from zaohua.nn.convolutions import Conv2d, Conv3d
from zaohua.nn.grids import resize
from zaohua.nn.layers import scaled

MAX_TOKENS = 64


def sinusoids(t: Tensor, dim: int, low: float, high: float) -> Tensor:
    """Compute sines and cosines of t at log-spaced angular frequencies (Vaswani et al. 2017, arXiv 1706.03762).

    Args:
        t: real numbers (...,).
        dim: number of features, even.
        low: lowest frequency, radians per unit of t.
        high: highest frequency.

    Returns:
        Features in [-1, 1], (..., dim), float32.
    """
    steps = torch.linspace(math.log(low), math.log(high), dim // 2, device=t.device, dtype=torch.float32)
    angles = t.float().unsqueeze(-1) * steps.exp()
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


class Tokens(NamedTuple):
    """Conditions as networks see them.

    Attributes:
        values: tokens (n, L, dim), zeros where there is none.
        present: which of them are there, bool (n, L): not what items were padded with.
    """

    values: Tensor
    present: Tensor


def pool(tokens: Tokens) -> Tensor:
    """Mean of the tokens that are there -> (n, dim); zeros where there are none."""
    return tokens.values.sum(dim=1) / tokens.present.sum(dim=1, keepdim=True).clamp(min=1)


class TimeEmbed(nn.Module):
    """Embedding of a scalar time: fixed sinusoids and two linear layers.

    The frequencies span 0.001 to 4 radians per unit, so that both t = 0 ... 1000 and log(sigma) / 4 are resolved.
    """

    def __init__(self, dim: int, features: int = 64) -> None:
        super().__init__()
        self.features = features
        self.inner = nn.Linear(features, dim)
        self.outer = nn.Linear(dim, dim)

    def forward(self, t: Tensor) -> Tensor:
        """Map times t (n,) to (n, dim)."""
        features = sinusoids(t, self.features, low=1e-3, high=4.0)
        out: Tensor = self.outer(F.silu(self.inner(features.to(self.inner.weight.dtype))))
        return out


class Embed(nn.Module):
    """Embedding of conditions as tokens (n, L, dim), with a learnt null token for "no condition".

    Args:
        spec: description of y; None for an unconditional network, which gets L = 0 tokens.
        dim: width of a token, even.

    Labels are looked up in a table and vectors are mapped linearly. Texts, images and sounds get sinusoidal positions
    and a hidden layer, so that even the mean of the tokens depends on their order.
    """

    nothing: Tensor

    def __init__(self, spec: DataSpec | None, dim: int) -> None:
        super().__init__()
        self.spec, self.dim = spec, dim
        if spec is None:
            self.register_buffer("nothing", torch.zeros(1, 0, dim), persistent=False)
            return
        self.null = nn.Parameter(torch.randn(1, 1, dim))
        self.cells: nn.Module
        if spec.is_category:
            self.cells = nn.Embedding(spec.channels, dim)
        else:
            self.cells = Patches(spec, dim) if spec.axes else nn.Linear(spec.channels, dim)
        if spec.axes:
            self.out = scaled(nn.Linear(dim, dim))

    def forward(self, y: Tensor | None, n: int, keep: Tensor | None = None) -> Tokens:
        """Embed n conditions.

        Args:
            y: a batch as described by `spec`; None for n null tokens.
            n: number of items.
            keep: mask (n,); where it is False, an item's tokens are replaced by the null token.

        Returns:
            Tokens (n, L, dim); exact zeros for padding.
        """
        if self.spec is None:
            return Tokens(self.nothing.expand(n, 0, self.dim), self.nothing.new_ones(n, 0, dtype=torch.bool))
        null = self.null.expand(n, 1, self.dim)
        if y is None or y.numel() == 0:
            return Tokens(null, null.new_ones(n, 1, dtype=torch.bool))
        tokens = self._tokens(y)
        if self.spec.pad is not None:
            full = tokens.present.any(dim=1)
            keep = full if keep is None else keep & full
        if keep is None:
            return tokens
        values = torch.where(keep.view(n, 1, 1), tokens.values, null)
        return Tokens(values, tokens.present | ~keep.view(n, 1))

    def _tokens(self, y: Tensor) -> Tokens:
        """A batch as `spec` describes it."""
        assert self.spec is not None
        padded = y == self.spec.pad if self.spec.is_category and self.spec.pad is not None else None
        if padded is not None:
            y = y.masked_fill(padded, 0)
        cells = self.cells(y if self.spec.is_category else y.to(self.null.dtype))
        if not self.spec.axes:
            return Tokens(cells.unsqueeze(1), cells.new_ones(cells.shape[0], 1, dtype=torch.bool))
        offsets = positions(cells.shape[1:-1], self.dim, cells.device).to(cells.dtype)
        values = self.out(F.silu(cells + offsets))
        if padded is None:
            padded = torch.zeros(values.shape[:-1], dtype=torch.bool, device=values.device)
        else:
            values = values.masked_fill(padded.unsqueeze(-1), 0.0)
        return Tokens(values.flatten(1, -2), ~padded.flatten(1))


class Patches(nn.Module):
    """Series, pictures and voxels as at most 64 cells: a strided convolution.

    A sound, or any series, is a picture one row high. Where sizes differ from item to item, the strides are 256
    samples, 16 pixels or 8 voxels, and what is still too long is averaged down.
    """

    def __init__(self, spec: DataSpec, dim: int) -> None:
        super().__init__()
        if not 1 <= len(spec.axes) <= 3:
            raise ZaohuaError(
                f"a condition of real numbers has 3 axes at most, not {len(spec.axes)} ({', '.join(spec.axes)})"
            )
        n, row = len(spec.axes), (1,) if len(spec.axes) == 1 else ()
        limit, stride = round(MAX_TOKENS ** (1 / n)), {1: 256, 2: 16, 3: 8}[n]
        strides = [stride] * n if spec.shape is None else [math.ceil(side / limit) for side in spec.shape]
        self.limits = (*row, *[limit] * n)
        self.cut: nn.Conv2d | nn.Conv3d = (Conv3d if n == 3 else Conv2d)(
            spec.channels, dim, (*row, *strides), (*row, *strides)
        )

    def forward(self, y: Tensor) -> Tensor:
        """(n, C, *sides) -> (n, *cells, dim), where the cells of a series are in one row: (n, 1, cells, dim)."""
        h = y.unsqueeze(2) if y.ndim == 3 else y
        missing = [-side % step for side, step in zip(h.shape[2:], self.cut.stride, strict=True)]
        h = self.cut(F.pad(h, [n for end in reversed(missing) for n in (0, end)]))
        cells = [min(side, limit) for side, limit in zip(h.shape[2:], self.limits, strict=True)]
        shrink: Callable[..., Tensor] = F.adaptive_avg_pool3d if len(cells) == 3 else F.adaptive_avg_pool2d
        return shrink(h, cells).movedim(1, -1)


def positions(shape: tuple[int, ...], dim: int, device: torch.device) -> Tensor:
    """Return sinusoidal position encodings (*shape, dim) of a grid: the sum of the encodings of its axes."""
    total = torch.zeros(*shape, dim, device=device)
    for axis, length in enumerate(shape):
        code = sinusoids(torch.arange(length, device=device) * (1.0 + 0.618 * axis), dim, low=1e-4, high=1.0)
        total = total + code.view(length, *[1] * (len(shape) - axis - 1), dim)
    return total


class Overlay(nn.Module):
    """Concatenation of an image condition with x as channels: resized to x, and a learnt value where it is dropped."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.null = nn.Parameter(torch.zeros(1, spec.channels, *[1] * len(spec.axes)))

    def forward(self, x: Tensor, y: Tensor | None, keep: Tensor | None = None) -> Tensor:
        """Map x (B, C, H, W), y (B, Cy, h, w) or None, and the mask keep (B,) to (B, C + Cy, H, W)."""
        null = self.null.expand(x.shape[0], -1, *x.shape[2:]).to(x.dtype)
        if y is None:
            return torch.cat([x, null], dim=1)
        y = resize(y.to(x.dtype), tuple(x.shape[2:]))
        if keep is not None:
            y = torch.where(keep.view(-1, *[1] * (y.ndim - 1)), y, null)
        return torch.cat([x, y], dim=1)


def lies_over(y_spec: DataSpec | None, x_spec: DataSpec) -> bool:
    """Whether y is made of real numbers on the axes of x (sketch to photo, low to high resolution)."""
    return y_spec is not None and not y_spec.is_category and 1 <= len(x_spec.axes) <= 3 and y_spec.axes == x_spec.axes
