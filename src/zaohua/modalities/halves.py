"""Which part of some columns is x and which is y: the part of the preferred kind of data is x, the rest y."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note, shown
from zaohua.modalities import registry
from zaohua.modalities.base import counted
from zaohua.modalities.collected import recognised
from zaohua.modalities.files.columns import Column, Columns, conditions_of
from zaohua.modalities.files.file_tables import FILE_COLUMNS
from zaohua.modalities.found import Found
from zaohua.modalities.listed import of_suffix
from zaohua.modalities.modality import Modality
from zaohua.modalities.pairs import take


def kind_of(column: Column) -> Modality | None:
    """Return the kind of data of a column: that of most of its files, or of its texts; None for labels and numbers."""
    if column.is_files:
        counts = Counter(value.suffix.casefold() for value in column if isinstance(value, Path))
        return of_suffix(counts.most_common(1)[0][0], registry.known())
    return recognised([next((value for value in column if value), "")]) if column.is_texts else None


def column_of(columns: Columns, wanted: Sequence[Modality]) -> Column | None:
    """Return the first column of the first of some kinds of data that there is one of; None if there is none."""
    kinds = {id(column): kind_of(column) for column in columns.columns}
    return next((c for kind in wanted for c in columns.columns if kinds[id(c)] is kind), None)


def split(columns: Columns, wanted: Sequence[Modality], labelled: bool = True) -> Found | None:
    """Return the column of a wanted kind as items, and the others as what belongs to them.

    Args:
        columns: the columns.
        wanted: kinds of data, the first of which that there is a column of are the items.
        labelled: whether to return the others.

    Returns:
        The items, what belongs to them, and their kind; None if no column is of any of these kinds.

    Raises:
        ZaohuaError: nothing is left.
    """
    x = column_of(columns, wanted)
    if x is None:
        return None
    kind, name = kind_of(x), x.name
    assert kind is not None
    columns = _with_values(columns, x, kind)
    if not labelled:
        x = _same(columns, name)
        return Found(kind.open([value for value in x if isinstance(value, Path)]) if x.is_files else [*x], None, kind)
    others = columns.beside(_same(columns, name))
    for other in others:
        if len(others) == 1 and not other.is_texts:
            columns = _with_values(columns, other, kind_of(other))
    columns = Columns([_same(columns, name), *(_same(columns, other.name) for other in others)], columns.where)
    y: Any = conditions_of(columns.columns[1:]) if others else None
    rows = np.arange(len(columns))
    if isinstance(y, Column):
        y, rows = _alone(y, columns.where)
    x = columns.columns[0]
    items: Any = [*x] if not x.is_files else [value for value in x if isinstance(value, Path)]
    items = take(items, rows)
    return Found(kind.open(items) if x.is_files else items, y, kind)


def _same(columns: Columns, name: str) -> Column:
    return next(column for column in columns.columns if column.name == name)


def _alone(y: Column, where: str) -> tuple[Any, np.ndarray]:
    """Return the only column that belongs to items, as conditions, and the rows that it was read of."""
    kind = kind_of(y)
    if y.is_files and kind is not None:
        found, kept = kind.read_conditions([value for value in y if isinstance(value, Path)])
        return as_conditions(y.name, found, where), np.asarray(kept, np.int64)
    return as_conditions(y.name, [*y], where) if y.is_texts else y, np.arange(len(y))


def as_conditions(name: str, found: Any, where: str) -> Any:
    """Return conditions as they are, and texts as a column, without those that are empty, which are counted.

    Args:
        name: name of the column.
        found: items of a kind of data, or a list of texts.
        where: what they were read from, for the note.
    """
    if type(found) is not list:
        return found
    empty = sum(not text for text in found)
    if empty:
        note(f"{counted(empty, 'item')} of {len(found):,} without {name} in {where}: learnt without a condition")
    return Column(name, [text or None for text in found])


def _with_values(columns: Columns, column: Column, kind: Modality | None) -> Columns:
    """Return the rows in which a column holds a value, a file of its kind if it is of files, and note the others.

    Raises:
        ZaohuaError: there are none.
    """

    def holds(row: int) -> bool:
        value = column[row]
        if isinstance(value, Path):
            return kind is not None and value.suffix.casefold() in kind.suffixes
        return value not in (None, "") and not column.is_files

    kept = [row for row in range(len(columns)) if holds(row)]
    if not kept:
        raise ZaohuaError(f"{columns.where}: no row has a value of {column.name}")
    lost = len(columns) - len(kept)
    if lost:
        names = _names(columns, set(kept))
        note(f"left out {counted(lost, 'row')} of {columns.where} without {_article(column)}" + names)
        return columns.take(kept)
    return columns


def _article(column: Column) -> str:
    return "a file" if column.name.casefold() in FILE_COLUMNS else column.name


def _names(columns: Columns, kept: Collection[int]) -> str:
    """Return the names of the files of rows that are left out, in brackets."""
    files = columns.first(lambda column: column.is_files)
    lost = [] if files is None else [files[row] for row in range(len(columns)) if row not in kept]
    names = [path.name for path in lost if isinstance(path, Path)]
    return f" ({shown(names)})" if names else ""
