"""Content of a table of files, before its files are looked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from zaohua.core.json import JsonValue

FILE_COLUMNS = ("filename", "file", "file_name", "path", "image", "sound", "audio")
"""Names of columns of files, in lower case; so are those that end in `_file_name`."""
LABEL_COLUMNS = ("label", "class", "y", "target", "labels", "category", "class_name")
"""Names of columns, in lower case, whose values stay names even if they are numbers."""
SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".psv", ".jsonl", ".ndjson", ".json"})
"""Endings of such tables."""
IsFile: TypeAlias = Callable[[str], bool]
"""Function that returns whether a name stands for a file that is there."""


class NoLabelsInside(Exception):
    """A file that may say labels doesn't; the message is why."""


@dataclass
class Listing:
    """Content of a table, before its files are looked for.

    Attributes:
        names: names of the columns.
        rows: values of each row; None where there is none.
        files: indices of the columns that name files.
    """

    names: list[str]
    rows: list[list[JsonValue]]
    files: list[int]


def is_file_column(name: str) -> bool:
    """Return True for the name of a column that holds names of files."""
    name = name.strip().casefold()
    return name in FILE_COLUMNS or name.endswith(("_file_name", "_filename"))


def file_columns(
    names: Sequence[str],
    some: Callable[[int], Sequence[JsonValue]],
    is_file: IsFile,
    is_surely: IsFile | None,
) -> list[int]:
    """Return the columns that name files: by their names, the usual first, and by their first values.

    If no value of theirs is a file that is there, only the usual one counts.
    """

    def holds(at: int, test: IsFile) -> bool:
        return any(isinstance(value, str) and value.strip() and test(value) for value in some(at))

    named = [at for at, name in enumerate(names) if is_file_column(name)]
    if is_surely is None and len(named) < 2:
        return named
    held = [at for at in named if holds(at, is_file)]
    if is_surely is not None:
        held = sorted({*held, *(at for at in range(len(names)) if holds(at, is_surely))})
    return held or ([min(named, key=lambda at: _rank(names[at]))] if named else [])


def _rank(name: str) -> int:
    return FILE_COLUMNS.index(name.casefold()) if name.casefold() in FILE_COLUMNS else -1
