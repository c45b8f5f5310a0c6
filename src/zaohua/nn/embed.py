"""Embeddings of conditions and times, which all conditional networks share.

`Embed` turns any condition y (a label, numbers, a text, an image, a sound, a record of several) into tokens (n, L, dim)
that a network attends to, and their summary (n, dim). Hiding the condition of some items in training, so that one
network learns p(x) and p(x | y), enables classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598). If y is an
image on the same axes as the image x, `overlay.Overlay` concatenates it as channels instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.record import Condition, Record, part_of, plain
from zaohua.core.spec import DataSpec
from zaohua.nn.layers import conv, scaled
from zaohua.nn.patches import Patches
from zaohua.nn.rows import RowLayout

MOST_TOKENS = 512
"""Number of tokens of a condition to which longer ones are averaged down."""
MIXING = 3
"""Number of convolutions over tokens; each sees two tokens to either side in texts and sounds, else one."""


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


class Tokens(NamedTuple):
    """Conditions as networks see them.

    Attributes:
        values: tokens (n, L, dim), zeros where there is none.
        present: which of them are there, bool (n, L): not what items were padded with.
        summary: one vector for each item, (n, dim): the mean of its tokens, with their maximum where there are several,
            and of a record the mean over its parts.
    """

    values: Tensor
    present: Tensor
    summary: Tensor


def pool(values: Tensor, present: Tensor) -> Tensor:
    """Return the mean of the tokens that are present, (n, dim); zeros where there are none."""
    return values.sum(dim=1) / present.sum(dim=1, keepdim=True).clamp(min=1)


class Embed(nn.Module):
    """Embedding of conditions as tokens (n, L, dim), with a learnt null token for "no condition".

    Args:
        spec: description of y; None for an unconditional network, which gets L = 0 tokens.
        dim: width of a token, even.
        leave_out: indices of parts of a record that aren't embedded, because they lie over x.

    Labels are looked up in a table; weights of all labels, float (n, K), give a mixture of their entries. Numbers and
    rows pass through a hidden layer. Texts, images and sounds get sinusoidal positions and a hidden layer, so that even
    the mean of the tokens depends on their order. Tokens are then mixed with their neighbours, so that a word is more
    than its letters. Each part of a record has an embedding of its own.
    """

    nothing: Tensor

    def __init__(self, spec: DataSpec | None, dim: int, leave_out: Sequence[int] = ()) -> None:
        super().__init__()
        self.indices = [] if spec is None else [i for i in range(len(spec.parts)) if i not in leave_out]
        spec = None if spec is not None and spec.is_record and not self.indices else spec
        self.spec, self.dim = spec, dim
        if spec is None:
            self.register_buffer("nothing", torch.zeros(1, 0, dim), persistent=False)
            return
        if spec.is_record:
            self.parts = nn.ModuleList(Embed(spec.parts[i][1], dim) for i in self.indices)
            return
        self.null = nn.Parameter(torch.randn(1, 1, dim))
        self.cells = cells_of(spec, dim)
        if spec.axes or not spec.is_category:
            self.out = scaled(nn.Linear(dim, dim))
        self.mix = Mix(dim, len(spec.axes)) if self.several and not is_set(spec) and len(spec.axes) <= 3 else None

    @property
    def several(self) -> bool:
        """True if an item may have more than one token."""
        spec = self.spec
        return spec is not None and (spec.is_record or bool(spec.axes and not spec.is_row))

    def forward(self, y: Condition | None, n: int, keep: Tensor | None = None) -> Tokens:
        """Embed n conditions.

        Args:
            y: a batch as described by `spec`; None for n null tokens.
            n: number of items.
            keep: mask (n,), or (n, parts) for records; where it is False, the null token replaces an item's tokens.

        Returns:
            The tokens; exact zeros for padding.
        """
        if self.spec is None:
            none = self.nothing.expand(n, 0, self.dim)
            return Tokens(none, none.new_ones(n, 0, dtype=torch.bool), none.sum(1))
        if self.spec.is_record:
            assert y is None or isinstance(y, Record)
            return self._record(y, n, keep)
        null = self.null.expand(n, 1, self.dim)
        alone, keep = plain(y, keep)
        if alone is None or alone.numel() == 0:
            return Tokens(null, null.new_ones(n, 1, dtype=torch.bool), null[:, 0])
        values, present = self._tokens(alone)
        if self.spec.pad is not None:
            full = present.any(dim=1)
            keep = full if keep is None else keep & full
        if keep is not None:
            first = torch.zeros_like(present)
            first[:, 0] = True
            values = torch.where(keep.view(n, 1, 1), values, null * first.unsqueeze(-1))
            kept = keep.view(n, 1)
            present = present & kept | first & ~kept  # not `torch.where`, which onnxruntime has for numbers only
        if self.mix is None:
            return Tokens(values, present, pool(values, present))
        summary = self.mix.summary(values, present)
        if keep is not None:
            summary = torch.where(keep.view(n, 1), summary, null[:, 0].to(summary.dtype))
        return Tokens(values, present, summary)

    def _record(self, y: Record | None, n: int, keep: Tensor | None) -> Tokens:
        """Embed the parts of records one by one."""
        assert self.spec is not None
        parts = []
        for i, embed in zip(self.indices, self.parts, strict=True):
            part, shown = part_of(y, keep, i, self.spec.parts[i][0])
            parts.append(embed(part, n, shown))
        values, present, summaries = zip(*parts, strict=True)
        return Tokens(torch.cat(values, dim=1), torch.cat(present, dim=1), torch.stack(summaries).mean(0))

    def _tokens(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens of a batch as `spec` describes it, and which are there."""
        assert self.spec is not None
        if isinstance(self.cells, nn.Embedding) and not self.spec.axes and y.is_floating_point():
            mixed = (y.to(self.null.dtype) @ self.cells.weight).unsqueeze(1)
            return mixed, mixed.new_ones(mixed.shape[:2], dtype=torch.bool)
        spec, pad = self.spec, self.spec.pad if self.spec.is_category else None
        there = y != pad if pad is not None else None
        if there is not None:
            y = y.masked_fill(~there, 0)
        cells = self.cells(y.to(self.null.dtype) if not spec.is_category and not spec.is_row else y)
        if not spec.axes or spec.is_row:
            values = (cells if spec.is_category else self.out(F.silu(cells))).unsqueeze(1)
            return values, values.new_ones(values.shape[:2], dtype=torch.bool)
        if not is_set(spec):
            cells = cells + positions(cells.shape[1:-1], self.dim, cells.device).to(cells.dtype)
        values = self.out(F.silu(cells))
        if there is None:
            there = values.new_ones(values.shape[:-1], dtype=torch.bool)
        else:
            values = values.masked_fill(~there.unsqueeze(-1), 0.0)
        if self.mix is not None:
            values = self.mix(values, there)
        values, there = values.flatten(1, -2), there.flatten(1)
        return (values, there) if values.shape[1] <= MOST_TOKENS else packed(values, there, MOST_TOKENS)


def is_set(spec: DataSpec) -> bool:
    """Return True if the order of an item's tokens means nothing, as that of several labels."""
    return spec.axes == ("member",)


def cells_of(spec: DataSpec, dim: int) -> nn.Module:
    """Return the first layer of the embedding of conditions as a spec describes them."""
    if spec.is_row:
        return WideRow(spec, dim)
    if spec.is_category:
        return nn.Embedding(spec.channels, dim)
    return Patches(spec, dim) if spec.axes else nn.Linear(spec.channels, dim)


class WideRow(nn.Module):
    """Linear layer of the one-hot categories and the numbers of table rows (n, features)."""

    def __init__(self, spec: DataSpec, dim: int) -> None:
        super().__init__()
        self.layout = RowLayout(spec)
        self.linear = nn.Linear(self.layout.width, dim)

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows, float64 with NaN for missing numbers, to (n, dim)."""
        out: Tensor = self.linear(self.layout.wide(rows).to(self.linear.weight.dtype))
        return out


class Mix(nn.Module):
    """Residual convolutions over the tokens of a text, a picture or a sound, which padding doesn't change; its summary.

    In phrases that were never learnt, words are found better by the maximum over all tokens than by their mean, which
    every other word changes (benchmarks/captions/probe.py).
    """

    def __init__(self, dim: int, axes: int) -> None:
        super().__init__()
        side = 5 if axes == 1 else 3
        self.convs = nn.ModuleList(conv(dim, dim, side, axes=axes, gain=0.5) for _ in range(MIXING))
        self.both = scaled(nn.Linear(2 * dim, dim), gain=0.5)

    def forward(self, values: Tensor, present: Tensor) -> Tensor:
        """Map tokens (n, *cells, dim), of which some are present (n, *cells), to the same shape."""
        x, mask = values.movedim(-1, 1), present.unsqueeze(1)
        if x.ndim == 3:  # a row of tokens
            x, mask = x.unsqueeze(2), mask.unsqueeze(2)
        for layer in self.convs:
            x = (x + layer(F.silu(x))) * mask
        return x.movedim(1, -1).reshape(values.shape)

    def summary(self, values: Tensor, present: Tensor) -> Tensor:
        """Return the mean of tokens (n, L, dim), at least one of each item present, and a map of it and the maximum."""
        mean, most = pool(values, present), values.masked_fill(~present.unsqueeze(-1), -torch.inf).amax(1)
        out: Tensor = mean + self.both(torch.cat([mean, most], dim=1))
        return out


def packed(values: Tensor, present: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Move the tokens of each item to the right end; average neighbours where an item has more than `most`.

    An item's result doesn't depend on the others, but for the padding on the left.

    Args:
        values: tokens (n, L, dim).
        present: which of them are there, bool (n, L).
        most: the number of tokens of an item to keep.

    Returns:
        Tokens (n, P, dim), where P is the number of tokens of the longest item or `most`, and which are there, (n, P).
    """
    counts = present.sum(1, keepdim=True)
    kept = counts.clamp(max=most)
    length = int(kept.max())
    rank = present.cumsum(1) - 1
    place = length - kept + torch.where(counts > most, rank * most // counts.clamp(min=1), rank)
    place = torch.where(present, place, length)  # what isn't there goes to one more place, which is cut off
    sums = values.new_zeros(len(values), length + 1, values.shape[2])
    sums = sums.scatter_add(1, place.unsqueeze(-1).expand_as(values), values)
    sizes = values.new_zeros(len(values), length + 1).scatter_add(1, place, torch.ones_like(place, dtype=values.dtype))
    return sums[:, :-1] / sizes[:, :-1].clamp(min=1).unsqueeze(-1), sizes[:, :-1] > 0


def positions(shape: tuple[int, ...], dim: int, device: torch.device) -> Tensor:
    """Return sinusoidal position encodings (*shape, dim) of a grid: the sum of the encodings of its axes."""
    total = torch.zeros(*shape, dim, device=device)
    for axis, length in enumerate(shape):
        code = sinusoids(torch.arange(length, device=device) * (1.0 + 0.618 * axis), dim, low=1e-4, high=1.0)
        total = total + code.view(length, *[1] * (len(shape) - axis - 1), dim)
    return total
