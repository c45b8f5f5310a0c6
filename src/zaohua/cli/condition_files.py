"""Read files of conditions for `--y-file`: a line of text, an object of JSON or a row of a table for each item."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.notes import note, shown

if TYPE_CHECKING:
    from zaohua.modalities.condition_base import ConditionCodec
    from zaohua.modalities.records.codec import RecordCodec

LINE = ""
"""Name of the column of a file that has no columns."""
USUAL = "y"
"""Name of the column that is taken where a table has several and conditions have no parts."""
TABLES = (".csv", ".tsv")
Cells: TypeAlias = Mapping[str, object]
"""What a line of a file holds, by column."""


def read_column(path: Path, codec: ConditionCodec) -> list[object]:
    """Read the conditions in a file, one a line, as they are written there; None where a line has none.

    Raises:
        ZaohuaError: the file can't be read, or it has several columns of which none is called `y`.
    """
    rows = _rows(path)
    names = _columns(rows)
    if len(names) > 1 and USUAL not in names:
        raise ZaohuaError(f"{path}: has the columns {', '.join(names)}: leave one, or call one {USUAL}")
    name = USUAL if USUAL in names else names[0]
    return [_value(path, number, codec, row.get(name)) for number, row in enumerate(rows, start=1)]


def read_parts(path: Path, codec: RecordCodec) -> dict[str, list[object]]:
    """Read the values of each part of the records in a file; None where a line lacks it.

    Raises:
        ZaohuaError: the file can't be read, or no column of it is a part.
    """
    rows, parts = _rows(path), codec.codecs_
    names = _columns(rows)
    if names == [LINE]:
        if list(parts) != [codec.ONLY]:
            raise ZaohuaError(
                f"{path}: this run's conditions have parts ({', '.join(parts)}): give a .csv or .jsonl with a column "
                "for each"
            )
        rows, names = [{codec.ONLY: row[LINE]} for row in rows], [codec.ONLY]
    if list(parts) == [codec.ONLY] and len(names) == 1:
        rows, names = [{codec.ONLY: next(iter(row.values()), None)} for row in rows], [codec.ONLY]
    others = [name for name in names if name not in parts]
    if len(others) == len(names):
        raise unknown(f"part of y in {path}:", others[0], list(parts))
    if others:
        note(f"columns of {path} that are no part of this run's conditions aren't read: {shown(others)}")
    return {
        name: [_value(path, number, parts[name], row.get(name)) for number, row in enumerate(rows, start=1)]
        for name in names
        if name in parts
    }


def _columns(rows: Sequence[Cells]) -> list[str]:
    """Return the names of all columns, without that of the files that conditions were written beside."""
    from zaohua.modalities.files.metadata import NAME

    names = list(dict.fromkeys(name for row in rows for name in row))
    return [name for name in names if name != NAME] or names


def _value(path: Path, number: int, codec: ConditionCodec, value: object) -> object:
    """Return the condition that a line or cell holds; a file is named from the folder of the table."""
    from zaohua.core.missing import missing

    if missing(value):
        return None
    if not isinstance(value, str):
        return value
    try:
        typed = codec.typed(value)
    except ZaohuaError as error:
        raise ZaohuaError(f"{path}, number {number}: {error}") from None
    if typed is not None:
        return typed[0]
    file = path.parent / Path(value).expanduser()
    if not file.is_file():
        raise ZaohuaError(f"{path}, number {number}: {file} is no file")
    return file


def _rows(path: Path) -> list[Cells]:
    """Read the lines of a file, at least one."""
    if not path.is_file():
        raise ZaohuaError(f"--y-file {path}: is no file")
    suffix = path.suffix.casefold()
    if suffix not in (".txt", ".jsonl", ".ndjson", *TABLES):
        raise ZaohuaError(f"--y-file {path}: give a .txt with a condition a line, or a .csv or .jsonl with columns")
    rows = _table(path) if suffix in TABLES else _text(path, suffix == ".txt")
    if not rows:
        raise ZaohuaError(f"--y-file {path}: holds no conditions")
    return rows


def _table(path: Path) -> list[Cells]:
    """Read a table with a header."""
    from zaohua.modalities.files.delimited import rows_of

    header, *rows = rows_of(path) or [[]]
    names = [name.strip() for name in header]
    wrong = next((number for number, row in enumerate(rows, start=1) if len(row) > len(names)), None)
    if wrong is not None:
        raise ZaohuaError(f"{path}: row {wrong} has more cells than the header: put texts in quotes")
    return [dict(zip(names, row, strict=False)) for row in rows]


def _text(path: Path, plain: bool) -> list[Cells]:
    """Read a file of lines, plain or of JSON; empty lines at the end don't count."""
    try:
        lines = path.read_text("utf-8-sig").rstrip().split("\n")
    except UnicodeDecodeError:
        raise ZaohuaError(f"{path}: is no text in UTF-8") from None
    if lines == [""]:
        return []
    if plain:
        return [{LINE: line.strip()} for line in lines]
    rows: list[Cells] = []
    for number, line in enumerate(lines, start=1):
        try:
            value = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError):
            raise ZaohuaError(f"{path}: line {number} isn't JSON") from None
        rows.append(value if isinstance(value, dict) else {LINE: value})
    return rows
