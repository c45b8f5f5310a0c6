"""Conditions as networks see them: one tensor, or a record of several named ones, such as a text and a speaker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Record:
    """Named conditions of n items, any of which may be missing for some items.

    Attributes:
        parts: the tensor of each part, (n, ...); a part that no item has may be left out.
        present: which items have the part, bool (n,), for every part. What `parts` holds for the others is arbitrary.
    """

    parts: Mapping[str, Tensor]
    present: Mapping[str, Tensor]

    def __len__(self) -> int:
        return len(next(iter(self.present.values())))

    def __getitem__(self, rows: Tensor | np.ndarray | slice) -> Record:
        """Return the conditions of the items at `rows` (integers, a mask or a slice)."""
        at = torch.from_numpy(rows) if isinstance(rows, np.ndarray) else rows
        return Record(
            {name: part[at] for name, part in self.parts.items()},
            {name: there[at] for name, there in self.present.items()},
        )

    @property
    def device(self) -> torch.device:
        """Device of the tensors."""
        return next(iter(self.present.values())).device

    def to(self, device: torch.device | str) -> Record:
        """Return a copy on a device."""
        return Record(
            {name: part.to(device) for name, part in self.parts.items()},
            {name: there.to(device) for name, there in self.present.items()},
        )

    def repeat_interleave(self, times: int, dim: int = 0) -> Record:
        """Return each item's conditions `times` times in a row, as torch's method of tensors does."""
        return self[torch.arange(len(self), device=self.device).repeat_interleave(times)]


Condition: TypeAlias = Tensor | Record
"""Conditions of a batch as tensors: what networks take for y."""
PLAIN = ""
"""Name of the only part of a record that stands for a plain condition, hidden from some items."""


def hidden(y: Condition, keep: Tensor) -> Record:
    """Hide conditions from some items.

    Args:
        y: the conditions of n items.
        keep: mask of the items that keep theirs, (n,), or of each part of a record, (n, parts).

    Returns:
        The conditions as a record, in which what is hidden is missing.
    """
    if isinstance(y, Tensor):
        return Record({PLAIN: y}, {PLAIN: keep})
    masks = keep.unbind(1) if keep.ndim > 1 else [keep] * len(y.present)
    return Record(y.parts, {name: y.present[name] & mask for name, mask in zip(y.present, masks, strict=True)})


def plain(y: Condition | None, keep: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    """Return a condition that is no record as its tensor, and the mask of the items that show it; see `hidden`."""
    return part_of(y, keep, 0, PLAIN) if isinstance(y, Record) else (y, keep)


def repeated(y: Condition, times: int) -> Condition:
    """Return the conditions of n items followed by the same again, `times` times in all."""
    if isinstance(y, Record):
        return y[torch.arange(len(y), device=y.device).repeat(times)]
    return torch.cat([y] * times)


def part_of(y: Record | None, keep: Tensor | None, index: int, name: str) -> tuple[Tensor | None, Tensor | None]:
    """Return one part of the records of a batch, and which items show it.

    Args:
        y: the records; None for none.
        keep: mask of the items that show their record, (n,), or each of its parts, (n, parts); None for all.
        index: index of the part.
        name: its name.

    Returns:
        Its tensor, None if no item has it; a mask (n,) of the items that show it, None for all.
    """
    shown = None if keep is None else keep if keep.ndim == 1 else keep[:, index]
    part = None if y is None else y.parts.get(name)
    if y is None or part is None:
        return None, shown
    return part, y.present[name] if shown is None else shown & y.present[name]
