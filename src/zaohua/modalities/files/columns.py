"""Columns: what belongs to each item, by name, as tables of files hold it, or files beside one another."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zaohua.core.notes import note, shown
from zaohua.modalities.base import counted

TEXT_WORDS = frozenset("caption captions description prompt sentence text transcript transcription".split())
"""Words in the name of a column that holds texts, not labels."""


class Column(list[object]):
    """List of the values of a column, one for each item, that knows the column's name.

    Attributes:
        name: name of the column.
    """

    def __init__(self, name: str, values: Iterable[object] = ()):
        super().__init__(values)
        self.name = name

    @property
    def is_files(self) -> bool:
        """True for a column of files."""
        return any(isinstance(value, Path) for value in self)

    @property
    def is_texts(self) -> bool:
        """True for a column of texts by its name."""
        return is_text_name(self.name) and all(isinstance(value, (str, type(None))) for value in self)

    @property
    def paths(self) -> list[Path]:
        """Its files, without values that are missing."""
        return [value for value in self if isinstance(value, Path)]


def is_text_name(name: str) -> bool:
    """Return True for the name of a column that holds texts, such as `caption` or `normalized_text`."""
    return not TEXT_WORDS.isdisjoint(re.split(r"[^a-z]+", name.casefold()))


@dataclass
class Columns:
    """Columns of the same length.

    Attributes:
        columns: the columns, of which at least one is of files.
        where: what they were read from, for messages ("labels.csv").
        read: the files of tables and texts that they were read from.
    """

    columns: list[Column]
    where: str
    read: list[Path] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.columns[0])

    def named(self, name: str) -> Column:
        """Return the column of a name."""
        return next(column for column in self.columns if column.name == name)

    def first(self, holds: Callable[[Column], bool]) -> Column | None:
        """Return the first column that a condition holds for."""
        return next((column for column in self.columns if holds(column)), None)

    def take(self, rows: Sequence[int] | np.ndarray) -> Columns:
        """Return the columns with these rows."""
        at = [int(row) for row in rows]
        columns = [Column(column.name, [column[row] for row in at]) for column in self.columns]
        return Columns(columns, self.where, self.read)

    def beside(self, x: Column) -> list[Column]:
        """Return the other columns; those that hold nothing are left out and named."""
        others = [column for column in self.columns if column is not x]
        empty = [column.name for column in others if all(value in (None, "") for value in column)]
        if empty:
            note(f"left out {counted(len(empty), 'column')} of {self.where} without values ({shown(empty)})")
        return [column for column in others if column.name not in empty]


def conditions_of(columns: Sequence[Column]) -> Column | list[dict[str, object]]:
    """Return what belongs to each item: the values of one column, or a dictionary of several."""
    if len(columns) == 1:
        return columns[0]
    names = [column.name for column in columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
