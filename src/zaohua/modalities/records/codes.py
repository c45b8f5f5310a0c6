"""Encoded records of conditions, from which batches are gathered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic

import numpy as np
import torch
from torch import Tensor

from zaohua.core.record import Record
from zaohua.modalities.condition_base import BatchT, CodesOf, ConditionCodes


class RecordCodes:
    """Codes of records: those of each part, of the items that have it.

    Args:
        parts: codes of each part; a part that no item has is left out.
        index: for every part, the row of each item's code in them, int64 (n,); -1 where an item lacks the part.
    """

    def __init__(self, parts: Mapping[str, CodesOf[Tensor]], index: Mapping[str, np.ndarray]) -> None:
        self.parts, self.index = parts, index

    @property
    def at_hand(self) -> bool:
        """True if batches are gathered at negligible cost."""
        return all(isinstance(part, Tensor) or getattr(part, "at_hand", False) for part in self.parts.values())

    def __len__(self) -> int:
        return len(next(iter(self.index.values())))

    def __getitem__(self, rows: np.ndarray) -> Record:
        """Return the conditions of the items at `rows`."""
        index = {name: index[rows] for name, index in self.index.items()}
        parts = {name: part[index[name].clip(min=0)] for name, part in self.parts.items()}
        return Record(parts, {name: torch.from_numpy(index[name] >= 0) for name in self.index})


class Picked(Generic[BatchT]):
    """Codes of the items at some indices of others, such as the condition of each window of a recording.

    Args:
        codes: the codes.
        index: indices into them, int64 (n,).
    """

    def __init__(self, codes: CodesOf[BatchT], index: np.ndarray) -> None:
        self.codes, self.index = codes, index

    @property
    def at_hand(self) -> bool:
        """True if batches are gathered at negligible cost."""
        codes: object = self.codes
        return isinstance(codes, Tensor) or bool(getattr(codes, "at_hand", False))

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: np.ndarray) -> BatchT:
        """Return the codes of the items at `rows`."""
        return self.codes[self.index[rows]]


def picked(codes: ConditionCodes, index: np.ndarray) -> ConditionCodes:
    """Return the codes at some indices: a tensor of a tensor, else a view."""
    return codes[torch.from_numpy(index)] if isinstance(codes, Tensor) else Picked(codes, index)
