"""Real rows of a table to measure by, as the codec of a model encodes them; and what its columns are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from zaohua import codecs
from zaohua.tasks.evaluation.splits import Items, check_kind

MISSING, UNSEEN = "missing", "not in training"


@dataclass(frozen=True, eq=False)
class Rows(Items):
    """Real rows.

    Attributes:
        values: float64 (n, C): numbers, NaN where missing, and codes of categories, -1 where training never saw it.
        columns: what the codec knows of each: `name`, `kind`, `is_category`, `size`, and `decode` of codes.
    """

    values: np.ndarray
    columns: Sequence[Any]
    labels: Any = None

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: np.ndarray) -> Rows:
        """Some of them, in the order of `rows`."""
        return Rows(self.values[rows], self.columns)

    @property
    def unseen(self) -> np.ndarray:
        """Which rows have a category that training never saw, bool (n,)."""
        return np.any(self.values[:, [bool(column.is_category) for column in self.columns]] < 0, axis=1)

    @property
    def codes(self) -> torch.Tensor:
        """Those that a model can score: without such categories."""
        return torch.from_numpy(self.values[~self.unseen])


def rows(model: Any, source: str | Path, split: str | None) -> Rows:
    """The rows of a source."""
    check_kind(model, source, "tables")
    items, _ = codecs.read(source, split=split)
    return Rows(model.codec_.encode(items, unseen=True).numpy(), columns_of(model))


def columns_of(model: Any) -> Sequence[Any]:
    """The columns that a model of tables has learnt."""
    return list(model.codec_.columns_)


def sizes_of(columns: Sequence[Any]) -> list[int]:
    """Categories of each column, with one for those that training never saw; 0 of numbers."""
    return [column.size + 1 if column.is_category else 0 for column in columns]


def coded(values: np.ndarray, columns: Sequence[Any]) -> np.ndarray:
    """Rows whose categories that training never saw have a code of their own, the last of the column."""
    sizes = np.array(sizes_of(columns))
    return np.where((sizes > 0) & (values < 0), sizes - 1, values)


def names_of(columns: Sequence[Any]) -> list[str]:
    """Their names, of which no two are the same: places tell those apart that are written alike."""
    names = [str(column.name) for column in columns]
    return [name if names.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(names)]


def categories_of(column: Any) -> list[str]:
    """What the categories of a column are called, in the order of their codes; one more for those never seen."""
    cells = column.decode(np.arange(column.size, dtype=np.float64)).tolist()
    return [MISSING if cell is None or cell != cell else str(cell) for cell in cells] + [UNSEEN]
