"""Records of conditions in the forms in which people hold them, as columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from zaohua.core.errors import ZaohuaError, named, shown, unknown
from zaohua.core.missing import missing

RecordsLike: TypeAlias = Any
"""Records: a list of dictionaries, a dictionary of lists, or a data frame."""
Columns: TypeAlias = dict[str, list[object]]
"""The values of each part for all items; None where an item lacks the part."""


class Opened:
    """Records as they are encoded, without those of which a part is a file that can't be read.

    Attributes:
        columns: the values of each part, of the items that have it, in the form that its codec takes.
        index: for every part, the place of each item's value in these, int64 (n,); -1 where an item lacks the part.
        rows: index of each item among the records as they were given, int64 (n,).
    """

    def __init__(self, columns: dict[str, Any], index: dict[str, np.ndarray], rows: np.ndarray) -> None:
        self.columns, self.index, self.rows = columns, index, rows

    def __len__(self) -> int:
        return len(self.rows)


def is_records(y: object) -> bool:
    """Return True if conditions are records: a list of dictionaries, a dictionary of lists, or a data frame."""
    if isinstance(y, Mapping) or hasattr(y, "columns"):
        return True
    return isinstance(y, (list, tuple)) and any(isinstance(item, Mapping) for item in y)


def columns_of(y: RecordsLike, names: Sequence[str] | None = None) -> Columns:
    """Return records as columns.

    Args:
        y: the records.
        names: all names that there may be, in order; None takes those that occur.

    Raises:
        ZaohuaError: lists of different lengths, an item that is no dictionary, or a name that isn't text or unknown.
    """
    if hasattr(y, "columns") and hasattr(y, "to_dict"):
        columns = {name: _values(y[name]) for name in y.columns}
    elif isinstance(y, Mapping):
        columns = {name: _values(values) for name, values in y.items()}
    else:
        columns = _of_rows(y)
    for name in columns:
        if not isinstance(name, str) or not name:
            raise ZaohuaError(f"parts of y are named by texts, not by {shown(name)}")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ZaohuaError(f"the parts of y differ in length: {', '.join(f'{k} {v:,}' for k, v in lengths.items())}")
    n = next(iter(lengths.values()), 0 if isinstance(y, Mapping) else len(y))
    if not n or (names is None and not columns):
        raise ZaohuaError("y is empty: give a condition for each item")
    return columns if names is None else _known(columns, names, n)


def rows_of(y: RecordsLike) -> list[dict[str, object]]:
    """Return records as a list of dictionaries, with None for the parts that an item lacks.

    Raises:
        ZaohuaError: as `columns_of`.
    """
    columns = columns_of(y)
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _known(columns: Columns, names: Sequence[str], n: int) -> Columns:
    """Return the columns of all names in order, empty ones for those that aren't given."""
    for name in columns:
        if name not in names:
            raise unknown("part of y", name, names)
    return {name: columns.get(name, [None] * n) for name in names}


def _of_rows(rows: object) -> Columns:
    """Return a list of dictionaries as columns."""
    if not isinstance(rows, Iterable) or isinstance(rows, (str, bytes)):
        raise ZaohuaError(f"records are given as a list of dictionaries, not as {named(rows)}")
    rows = list(rows)
    columns: Columns = {}
    for i, row in enumerate(rows):
        if row is not None and not isinstance(row, Mapping):
            raise ZaohuaError(f"record {i} is {named(row)}: give a dictionary of its parts, or None")
        for name, value in (row or {}).items():
            columns.setdefault(name, [None] * len(rows))[i] = None if missing(value) else value
    return columns


def _values(values: object) -> list[object]:
    """Return the values of a column as a list, with None for what is missing."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ZaohuaError(f"the parts of y are lists with one value for each item, not {shown(values)}")
    return [None if missing(value) else value for value in values]
