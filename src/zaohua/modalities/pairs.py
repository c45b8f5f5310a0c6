"""Items and what belongs to each of them, kept together when items leave or are cut into parts.

Items in files know their `rows`: which of the items as they were read they are. Whatever else loses items, such
as a collection of records some of which are in files, tells it in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note, shown
from zaohua.modalities.base import Codes, counted
from zaohua.modalities.files.columns import Column
from zaohua.modalities.files.items import kept_rows
from zaohua.modalities.records.codes import picked


def take(items: Any, rows: np.ndarray | None) -> Any:
    """Return the items at these rows, in the form that they have: a list, an array, a frame, or items in files."""
    if items is None or rows is None:
        return items
    if isinstance(items, Mapping):
        return {name: take(column, rows) for name, column in items.items()}
    if len(rows) == len(items) and np.array_equal(rows, np.arange(len(rows))):
        return items
    if isinstance(items, (list, tuple)):
        taken = [items[row] for row in rows.tolist()]
        return Column(items.name, taken) if isinstance(items, Column) else taken
    if hasattr(items, "iloc"):
        return items.iloc[rows]
    if hasattr(items, "take") and not isinstance(items, (np.ndarray, Tensor)):
        return items.take(rows)
    return items[torch.from_numpy(rows) if isinstance(items, Tensor) else rows]


def take_codes(codes: Codes, rows: np.ndarray) -> Codes:
    """Return the codes at these rows, in files still if they are."""
    taken = None if isinstance(codes, Tensor) else getattr(codes, "take", None)
    return cast(Codes, picked(codes, rows) if taken is None else taken(rows))


def without_broken(y: object, n: int, names: object) -> np.ndarray:
    """Return which of n items have conditions that could be read, int64 (k,), and note the others.

    Args:
        y: the conditions as they are encoded, after those that are broken were dropped.
        n: number of items, and of conditions as they were read.
        names: the items, for the note.

    Raises:
        ZaohuaError: a condition has several parts, such as the pages of a file.
    """
    rows = kept_rows(y)
    if rows is None:
        return np.arange(n)
    if len(np.unique(rows)) < len(rows):
        row = int(rows[np.flatnonzero(np.diff(rows) == 0)[0]])
        raise ZaohuaError(f"y of item {row} has several parts, such as pages: an item has one condition")
    lost = np.setdiff1d(np.arange(n), rows)
    if len(lost):
        paths = getattr(names, "paths", None)
        named = [f"number {row}" if paths is None else str(paths[row]) for row in lost.tolist()]
        note(f"left out {counted(len(lost), 'item')} whose conditions are broken ({shown(named)})")
    return rows
