"""Embeddings of conditions and times, which all conditional networks share.

`Embed` turns any condition y (a label, a vector, a text, an image, a sound) into tokens (n, L, dim) that a network
attends to or averages with `pool`. Dropping the condition of some items in training, so that one network learns p(x)
and p(x | y), enables classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598). If y is an image on the same axes
as the image x, `Overlay` concatenates it as channels instead.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.spec import DataSpec
from zaohua.nn.convolutions import Conv2d
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


def pool(tokens: Tensor) -> Tensor:
    """Average the tokens (n, L, dim) that aren't padding, (n, dim); zeros if there are none."""
    if tokens.shape[1] == 0:
        return tokens.new_zeros(len(tokens), tokens.shape[2])
    count = present(tokens).sum(dim=1, keepdim=True).clamp(min=1)
    return tokens.sum(dim=1) / count


def present(tokens: Tensor) -> Tensor:
    """Return a mask (n, L) of the tokens (n, L, dim) that aren't padding, for which `Embed` returns exact zeros."""
    return tokens.ne(0).any(dim=-1)


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
        return self.outer(F.silu(self.inner(features.to(self.inner.weight.dtype))))


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

    def forward(self, y: Tensor | None, n: int, keep: Tensor | None = None) -> Tensor:
        """Embed n conditions.

        Args:
            y: a batch as described by `spec`; None for n null tokens.
            n: number of items.
            keep: mask (n,); where it is False, an item's tokens are replaced by the null token.

        Returns:
            Tokens (n, L, dim); exact zeros for padding.
        """
        if self.spec is None:
            return self.nothing.expand(n, 0, self.dim)
        null = self.null.expand(n, 1, self.dim)
        if y is None or y.numel() == 0:
            return null
        tokens = self._tokens(y)
        if self.spec.pad is not None:
            full = present(tokens).any(dim=1)
            keep = full if keep is None else keep & full
        return tokens if keep is None else torch.where(keep.view(n, 1, 1), tokens, null)

    def _tokens(self, y: Tensor) -> Tensor:
        """Map a batch as described by `spec` to tokens (n, L, dim)."""
        assert self.spec is not None
        padded = y == self.spec.pad if self.spec.is_category and self.spec.pad is not None else None
        if padded is not None:
            y = y.masked_fill(padded, 0)
        cells = self.cells(y if self.spec.is_category else y.to(self.null.dtype))
        if not self.spec.axes:
            return cells.unsqueeze(1)
        offsets = positions(cells.shape[1:-1], self.dim, cells.device).to(cells.dtype)
        tokens = self.out(F.silu(cells + offsets))
        if padded is not None:
            tokens = tokens.masked_fill(padded.unsqueeze(-1), 0.0)
        return tokens.flatten(1, -2)


class Patches(nn.Module):
    """Strided convolution that divides images and sounds into at most 64 patches.

    A sound is treated as an image one row high. If sizes differ between items, the strides are 256 samples or 16
    pixels, and neighbouring patches are averaged until there are at most 64.
    """

    def __init__(self, spec: DataSpec, dim: int) -> None:
        super().__init__()
        self.limits = (1, MAX_TOKENS) if len(spec.axes) == 1 else (math.isqrt(MAX_TOKENS), math.isqrt(MAX_TOKENS))
        if spec.shape is None:
            height, width = (1, 256) if len(spec.axes) == 1 else (16, 16)
        else:
            shape = (1, *spec.shape)[-2:]
            height, width = (math.ceil(side / limit) for side, limit in zip(shape, self.limits, strict=True))
        self.cut = Conv2d(spec.channels, dim, (height, width), (height, width))

    def forward(self, y: Tensor) -> Tensor:
        """Map (n, C, length) or (n, C, height, width) to (n, rows, columns, dim)."""
        h = y if y.ndim == 4 else y.unsqueeze(2)
        missing = [-side % step for side, step in zip(h.shape[2:], self.cut.stride, strict=True)]
        h = self.cut(F.pad(h, (0, missing[1], 0, missing[0])))
        rows, columns = (min(side, limit) for side, limit in zip(h.shape[2:], self.limits, strict=True))
        return F.adaptive_avg_pool2d(h, (rows, columns)).movedim(1, -1)


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
        self.null = nn.Parameter(torch.zeros(1, spec.channels, 1, 1))

    def forward(self, x: Tensor, y: Tensor | None, keep: Tensor | None = None) -> Tensor:
        """Map x (B, C, H, W), y (B, Cy, h, w) or None, and the mask keep (B,) to (B, C + Cy, H, W)."""
        null = self.null.expand(len(x), -1, *x.shape[2:]).to(x.dtype)
        if y is None:
            return torch.cat([x, null], dim=1)
        y = y.to(x.dtype)
        if y.shape[2:] != x.shape[2:]:
            y = F.interpolate(y, size=x.shape[2:], mode="bilinear", antialias=True)
        return torch.cat([x, y if keep is None else torch.where(keep.view(-1, 1, 1, 1), y, null)], dim=1)


def lies_over(y_spec: DataSpec | None, x_spec: DataSpec) -> bool:
    """Return True if y is an image on the axes of the image x (sketch to photo, low to high resolution)."""
    return y_spec is not None and not y_spec.is_category and len(x_spec.axes) == 2 and y_spec.axes == x_spec.axes
