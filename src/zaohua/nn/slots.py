"""Rows of a causal transformer's state that come and go one by one, each with a length of its own.

The keys and values of the rows that are there lie at the front, so that each layer computes with one view of them. A
row that leaves is overwritten by the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from zaohua.nn.attention import Ahead, Cache, Prefix

FIRST = 4
"""Number of rows that there is room for at first; it doubles when it is needed."""


class Rows:
    """What all layers know of the rows.

    Attributes:
        lengths: number of tokens of each, with those of its condition.
        firsts: position of the first token of each.
        summaries: what is added to every token of each, (1, 1, width); None for nothing.
        places: index of the next token of each among its own, int64 (n,).
        end: number of tokens of the longest, with the next.
        device: device of the tensors.
    """

    def __init__(self, device: torch.device) -> None:
        self.lengths, self.firsts, self.summaries = list[int](), list[int](), list[Tensor | None]()
        self.device, self.end, self.places = device, 0, torch.zeros(0, dtype=torch.int64, device=device)
        self.index, self._summary = self.places, torch.zeros(0, device=device)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def prefix(self) -> Prefix:
        """The conditions, which the rows hold already; what is left of them is the summary."""
        return Prefix(torch.zeros(0), None, 0, self._summary if len(self._summary) else None)

    def add(self, length: int, prefix: Prefix) -> None:
        """Add a row behind the others."""
        self.lengths.append(length)
        self.firsts.append(prefix.first)
        self.summaries.append(prefix.summary)
        self._changed()

    def remove(self, row: int) -> None:
        """Remove a row, whose place the last one takes."""
        for values in cast(tuple[list[object], ...], (self.lengths, self.firsts, self.summaries)):
            values[row] = values[-1]
            values.pop()
        self._changed()

    def _changed(self) -> None:
        self.index = torch.arange(len(self), device=self.device)
        there = [summary for summary in self.summaries if summary is not None]
        self._summary = torch.cat(there) if there else torch.zeros(0, device=self.device)

    def ahead(self, window: int | None) -> Ahead:
        """Make room for the next token of each row; return where it is, and what it sees."""
        self.places = torch.tensor(self.lengths, device=self.device)
        positions = [first + length for first, length in zip(self.firsts, self.lengths, strict=True)]
        self.end = max(self.lengths) + 1
        mask = None
        if min(self.lengths) < self.end - 1:
            mask = (torch.arange(self.end, device=self.device) <= self.places[:, None])[:, None, None]
        near = mask
        if window is not None and self.end > window:
            near = (torch.arange(self.end, device=self.device) > self.places[:, None] - window)[:, None, None]
            near = near if mask is None else near & mask
        self.grow()
        return Ahead(torch.tensor(positions, device=self.device)[:, None], mask, near)

    def grow(self) -> None:
        """Count one token more in each row."""
        self.lengths = [length + 1 for length in self.lengths]


class SlotCache:
    """Keys and values of the rows in one layer, (slots, H, room, D)."""

    def __init__(self, rows: Rows, shape: tuple[int, ...], like: Tensor) -> None:
        self.rows = rows
        # zeros: what a mask hides must be numbers
        self.keys, self.values = (like.new_zeros(FIRST, *shape) for _ in range(2))

    @property
    def prefix(self) -> Prefix:
        """The conditions of the rows."""
        return self.rows.prefix

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append keys and values of one token of each row, (n, H, 1, D); return all so far."""
        rows = self.rows
        self.keys[rows.index, :, rows.places] = k[:, :, 0]
        self.values[rows.index, :, rows.places] = v[:, :, 0]
        return self.keys[: len(rows), :, : rows.end], self.values[: len(rows), :, : rows.end]

    def add(self, cache: Cache) -> None:
        """Add the row of another cache behind the others."""
        n, length = len(self.rows), cache.length
        if n == len(self.keys):
            self.keys, self.values = (torch.cat([part, torch.zeros_like(part)]) for part in (self.keys, self.values))
        self.keys[n, :, :length] = cache.keys[0, :, :length]
        self.values[n, :, :length] = cache.values[0, :, :length]

    def remove(self, row: int) -> None:
        """Move the last row to the place of one that leaves."""
        last = len(self.rows) - 1
        if row != last:
            length = self.rows.lengths[last]
            self.keys[row, :, :length] = self.keys[last, :, :length]
            self.values[row, :, :length] = self.values[last, :, :length]


class Slots:
    """State of rows that come and go: a cache for each layer, and what they share.

    Args:
        layers: number of layers.
        shape: heads of keys and values, room, and channels of a head.
        like: tensor of the type and on the device of keys and values.
    """

    def __init__(self, layers: int, shape: tuple[int, int, int], like: Tensor) -> None:
        self.rows = Rows(like.device)
        self.caches = [SlotCache(self.rows, shape, like) for _ in range(layers)]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def row_bytes(self) -> int:
        """Bytes that are kept for each row."""
        return sum((cache.keys[0].nbytes + cache.values[0].nbytes) for cache in self.caches)

    def __getitem__(self, layer: int) -> SlotCache:
        return self.caches[layer]

    def join(self, state: Sequence[Cache]) -> None:
        """Add the row of another state behind the others."""
        for own, cache in zip(self.caches, state, strict=True):
            own.add(cache)
        self.rows.add(state[0].length, state[0].prefix)

    def leave(self, row: int) -> None:
        """Remove a row, whose place the last one takes."""
        for own in self.caches:
            own.remove(row)
        self.rows.remove(row)
