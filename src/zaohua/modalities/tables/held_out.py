"""Held-out rows of a table for evaluation, encoded by a model's codec, and the names of its columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from zaohua.evaluation.splits import Items

MISSING, UNSEEN = "missing", "not in training"


@dataclass(frozen=True, eq=False)
class HeldOutRows(Items):
    """Held-out real rows.

    Attributes:
        values: float64 (n, C): numbers, NaN if missing, and category indices, -1 if unknown in training.
        columns: the codec's columns: `name`, `kind`, `is_category`, `size` and `decode`.
        given: labels of all rows, if the model is conditional on labels, or None.
        known: mask of the labels that occur in training, bool (n,).
        scored: the rows as models score them, with cells unlike training's hidden (see `TableCodec.encode_partly`).
    """

    most = math.inf  # copies are searched among all training rows

    values: np.ndarray
    columns: Sequence[Any]
    given: Sequence[Any] | None = None
    known: np.ndarray | None = None
    scored: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: np.ndarray) -> HeldOutRows:
        """Return the rows with these indices, in their order."""
        given = None if self.given is None else [self.given[i] for i in rows]
        known, scored = (None if part is None else part[rows] for part in (self.known, self.scored))
        return HeldOutRows(self.values[rows], self.columns, given, known, scored)

    @property
    def unlike(self) -> np.ndarray:
        """Which cells are unlike training's, bool (n, columns)."""
        codes = self.values if self.scored is None else self.scored
        categories = np.array([bool(column.is_category) for column in self.columns])
        return np.asarray(np.isinf(codes) | ((codes == -1) & categories))

    @property
    def _labelled(self) -> np.ndarray:
        """Indices of the rows whose labels and combinations occur in training."""
        return np.flatnonzero(np.ones(len(self), bool) if self.known is None else self.known)

    @property
    def codes(self) -> torch.Tensor:
        """The rows that models score, without cells unlike training's; those with unknown labels are left out."""
        return torch.from_numpy((self.values if self.scored is None else self.scored)[self._labelled])

    @property
    def labels(self) -> list[Any] | None:
        """Labels of the rows that models score."""
        return None if self.given is None else [self.given[i] for i in self._labelled.tolist()]


def rows(model: Any, items: Any, labels: Any) -> HeldOutRows:
    """Return real rows, as the codec of a model encodes them.

    Args:
        model: a fitted one.
        items: as `zaohua.read` returns them, without the column of labels by which the model learnt them.
        labels: one for each, or None.
    """
    values, columns = model.codec_.encode(items, unseen=True).numpy(), columns_of(model)
    scored = model.codec_.encode_partly(items).numpy()
    if labels is None or model.y_codec_ is None:
        return HeldOutRows(values, columns, scored=scored)
    return HeldOutRows(values, columns, labels, model.y_codec_.knows(labels), scored)


def columns_of(model: Any) -> Sequence[Any]:
    """Return the columns that a model of tables has learnt."""
    return list(model.codec_.columns_)


def sizes_of(columns: Sequence[Any]) -> list[int]:
    """Return the number of categories of each column, with one for those that training didn't have; 0 of numbers."""
    return [column.size + 1 if column.is_category else 0 for column in columns]


def with_unknown_category(values: np.ndarray, columns: Sequence[Any]) -> np.ndarray:
    """Return rows with one code, the last of the column, for all categories that training didn't have."""
    sizes = np.array(sizes_of(columns))
    return np.where((sizes > 0) & (values < 0), sizes - 1, values)


def names_of(columns: Sequence[Any]) -> list[str]:
    """Return unique names of columns: the index is appended to names that occur twice."""
    names = [str(column.name) for column in columns]
    return [name if names.count(name) == 1 else f"{name} ({index})" for index, name in enumerate(names)]


def categories_of(column: Any) -> list[str]:
    """Return the names of a column's categories, in the order of their codes, and one for those new since training."""
    cells = column.decode(np.arange(column.size, dtype=np.float64)).tolist()
    return [MISSING if cell is None or cell != cell else str(cell) for cell in cells] + [UNSEEN]
