"""Lines of JSON as rows of a table."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.files.delimited import encoding_of

OF_TEXTS = frozenset(
    "text texts prompt completion prompts answer answers response responses question chosen rejected messages message "
    "conversation conversations dialogue dialog turns role instruction instructions input output content system".split()
)
"""Names of fields of texts and dialogues."""


def read_json_lines(path: Path, data: bytes) -> pd.DataFrame:
    """Read a table whose rows are JSON objects, one a line; fields that a row lacks are missing.

    Raises:
        ZaohuaError: a line isn't an object; the message names it.
    """
    rows = []
    for number, line in enumerate(_text(path, data).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ZaohuaError(f"{path}: line {number} isn't JSON ({error})") from None
        if not isinstance(row, dict):
            raise ZaohuaError(f"{path}: line {number} is a {type(row).__name__}, but each must be an object: a row")
        rows.append(row)
    if not rows:
        raise ZaohuaError(f"{path}: is empty")
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pd.DataFrame({name: column_of([row.get(name) for row in rows], name) for name in names})


def is_of_rows(data: bytes) -> bool:
    """Return True if the first lines of JSON are rows of plain values rather than texts or dialogues."""
    lines = [line for line in data.splitlines()[:20] if line.strip()]
    try:
        rows = [json.loads(line) for line in lines[: -1 if len(lines) > 1 else None]]
    except ValueError:
        return False
    return bool(rows) and all(
        isinstance(row, dict)
        and len(row) > 1
        and not OF_TEXTS & {str(name).casefold() for name in row}
        and not any(isinstance(value, (dict, list)) for value in row.values())
        for row in rows
    )


def column_of(cells: list[object], name: str) -> pd.Series:
    """Return a column of Python's values; whole numbers stay whole where some are missing."""
    types = {type(cell) for cell in cells if cell is not None}
    missing = any(cell is None for cell in cells)
    if types == {int} and all(abs(cell) < 2**63 for cell in cells if isinstance(cell, int)):
        return pd.Series(cells, name=name, dtype="Int64" if missing else "int64")
    if types == {bool} and missing:
        return pd.Series(cells, name=name, dtype="boolean")
    if types and types <= {int, float}:
        return pd.Series(cells, name=name, dtype=object if int in types and float not in types else "float64")
    return pd.Series(cells, name=name) if len(types) == 1 else pd.Series(cells, name=name, dtype=object)


def _text(path: Path, data: bytes) -> str:
    encoding = encoding_of(data)
    try:
        return data.decode(encoding)
    except UnicodeError:
        raise ZaohuaError(f"{path}: isn't text in {encoding}: save it as UTF-8") from None
