"""Which part of some columns is x and which is y: the part of the preferred kind of data is x, the rest y."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note, shown
from zaohua.modalities import registry
from zaohua.modalities.base import counted
from zaohua.modalities.collected import recognised
from zaohua.modalities.files.columns import Column, Columns, conditions_of, is_text_name
from zaohua.modalities.files.listing import FILE_COLUMNS
from zaohua.modalities.files.paired_files import TEXT
from zaohua.modalities.found import Found
from zaohua.modalities.listed import of_suffix
from zaohua.modalities.modality import Modality
from zaohua.modalities.reading_options import current

GENERIC = ("filename", "file", "file_name", "path")
"""Names of columns of files that don't say of what."""


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
    kind = None if x is None else kind_of(x)
    if x is None or kind is None:
        return None
    columns = _with_values(columns, x.name)
    y: Any = None
    if labelled:
        columns = _with_texts(columns, x.name)
        others = [column.name for column in columns.beside(columns.named(x.name))]
        only = columns.named(others[0]) if len(others) == 1 else None
        if only is not None and not only.is_texts and (only.is_files or not current().unlabelled):
            columns = _with_values(columns, others[0])
        y = conditions_of([_renamed(columns.named(name)) for name in others]) if others else None
    if isinstance(y, Column):
        y, kept = alone(y, columns.where)
        columns = columns.take(kept)
    items = columns.named(x.name)
    return Found(kind.open(items.paths) if items.is_files else [*items], y, kind)


def _renamed(column: Column) -> Column:
    """Return a column of files that tables call by what it is, such as `file_name`, by the name of an item: "image"."""
    kind = kind_of(column)
    if kind is None or not column.is_files or column.name.casefold() not in GENERIC:
        return column
    return Column(kind.name.removesuffix("s"), column)


def _with_texts(columns: Columns, x: str) -> Columns:
    """Return the columns with the texts of files in place of these, but for the items'; broken ones take their row."""
    for given in [column.name for column in columns.columns]:
        column = columns.named(given)
        kind = kind_of(column)
        if given == x or not column.is_files or kind is None or TEXT not in kind.suffixes:
            continue
        there = [row for row, value in enumerate(column) if isinstance(value, Path)]
        found, kept = kind.read_conditions(column.paths)
        texts = {there[at]: text or None for at, text in zip(kept, found, strict=True)}
        name = given if is_text_name(given) else f"{given}_text"
        own = Column(name, [texts.get(row) for row in range(len(column))])
        broken = set(there) - texts.keys()
        columns = Columns([own if other is column else other for other in columns.columns], columns.where, columns.read)
        columns = columns.take([row for row in range(len(columns)) if row not in broken])
    return columns


def alone(y: Column, where: str) -> tuple[Any, Sequence[int]]:
    """Return the only column that belongs to items, as conditions, and the rows that it was read of."""
    kind = kind_of(y)
    if y.is_files and kind is not None:
        return kind.read_conditions(y.paths)
    return as_conditions(y.name, [*y], where) if y.is_texts else y, range(len(y))


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


def _with_values(columns: Columns, name: str) -> Columns:
    """Return the rows in which a column holds a value, a file of its kind if it is of files, and note the others.

    Raises:
        ZaohuaError: there are none.
    """

    column = columns.named(name)
    kind = kind_of(column)

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
