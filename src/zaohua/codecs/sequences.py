"""Codes of items that differ in length: one behind another in one tensor, in memory or mapped from a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor


class Sequences:
    """Items as parts of one tensor; what stands between two may belong to both.

    Attributes:
        stream: (N, ...).
        starts, stops: where each item's part begins, and the place behind its end; int64 (n,).
        pad: what fills the parts of a batch up.
        apart: whether every item is to be learnt by itself, as dialogues are, instead of one behind the other.
    """

    def __init__(self, stream: Tensor, starts: Tensor, stops: Tensor, pad: int, apart: bool = False):
        self.stream, self.starts, self.stops, self.pad, self.apart = stream, starts, stops, pad, apart

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[Tensor]:
        """Each item's part, a view."""
        return (self.stream[a:b] for a, b in zip(self.starts.tolist(), self.stops.tolist(), strict=True))

    def __getitem__(self, indices: Any) -> Tensor:
        """The parts of the items at `indices`, int64 (b, longest, ...), filled up with `pad`."""
        parts = [self.stream[self.starts[i] : self.stops[i]].long() for i in torch.as_tensor(indices).tolist()]
        return torch.nn.utils.rnn.pad_sequence(parts, batch_first=True, padding_value=self.pad)
