"""Tables of files as delimited text: `labels.csv`, Hugging Face's `metadata.csv`, LJSpeech's without a header."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import JsonValue
from zaohua.core.notes import note, shown
from zaohua.modalities.base import counted
from zaohua.modalities.files.columns import is_text_name
from zaohua.modalities.files.delimited import DELIMITERS, delimiter_of, encoding_of
from zaohua.modalities.files.folders import TABLE
from zaohua.modalities.files.listing import (
    LABEL_COLUMNS,
    IsFile,
    Listing,
    NoLabelsInside,
    file_columns,
    is_file_column,
)

NUMBER = re.compile(r"[-+]?(0|[1-9]\d*|\d*\.\d+|[1-9]\d*\.)(e[-+]?\d+)?", re.IGNORECASE)
"""Numbers as they are written, but for codes such as 007."""


def delimited(path: Path, is_file: IsFile, is_surely: IsFile | None) -> Listing:
    """Read delimited text with a header, or LJSpeech's without one: `id|transcript|normalized transcript`.

    Args:
        path: the table.
        is_file: whether a name stands for a file.
        is_surely: as for `file_columns`.

    Raises:
        NoLabelsInside: it holds nothing that belongs to files.
        ZaohuaError: it is damaged, or it is a `labels.csv` without labels; the message names the row.
    """
    strict, rows = path.name == TABLE, _rows(path, is_file)
    if not rows:
        raise ZaohuaError(f"{path}: is empty") if strict else NoLabelsInside("it is empty")
    names, body, start = [name.strip() for name in rows[0]], rows[1:], 2
    heads = [name.casefold() for name in names]
    if not any(map(is_file_column, heads)) and not set(heads) & set(LABEL_COLUMNS) and is_file(rows[0][0]):
        if len(names) == 3 and not strict:
            return _transcripts(path, rows)
        body, start = rows, 1
        names = ["file_name", "label" if strict else "text", *(f"column {i}" for i in range(3, len(names) + 1))]
    files = file_columns(names, lambda at: [row[at] for row in body[:20] if len(row) > at], is_file, is_surely)
    others = [at for at in range(len(names)) if at not in files]
    if files:
        others = _of_label(path, names, others) if strict else _with_names(path, names, others)
    label = names[others[0]].casefold() if strict and len(others) == 1 else ""
    if not files or len(files) + len(others) < 2 or (label and label not in LABEL_COLUMNS and not is_text_name(label)):
        missing = "filename" if not files else "label"
        reason = f"has no column {missing!r}; its columns: {', '.join(rows[0])}"
        raise ZaohuaError(f"{path}: {reason}") if strict else NoLabelsInside(reason)
    cells = _cells(path, body, start, len(names))
    if label in LABEL_COLUMNS and (lost := [n for n, row in cells.items() if row[others[0]] is None]):
        raise ZaohuaError(f"{path}: row {lost[0]} has no label")
    _refuse_open_quotes(path, cells, is_file)
    kept = sorted([*files, *others])
    names, listed = [names[at] for at in kept], [[row[at] for at in kept] for row in cells.values()]
    return Listing(names, _typed(names, listed), [kept.index(at) for at in files])


def _rows(path: Path, is_file: IsFile) -> list[list[str]]:
    """Return the rows of delimited text that aren't empty; where bars separate LJSpeech's, quotes are letters."""
    data = path.read_bytes()
    try:
        text = data.decode(encoding_of(data))
        first = next((line for line in text.splitlines() if line.strip()), "")
        if "|" in first and not is_file_column(first.split("|")[0]) and is_file(first.split("|")[0]):
            return [line.split("|") for line in re.split(r"\r\n|\n|\r", text) if line.strip()]
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, first)) if row]
    except (UnicodeError, csv.Error) as error:
        raise ZaohuaError(f"{path}: can't be read: {error}") from None


def _cells(path: Path, rows: Sequence[Sequence[str]], start: int, n: int) -> dict[int, list[JsonValue]]:
    """Return n cells of each row, by its number, and None where they are empty; note rows with more cells than that."""
    found, odd = dict[int, list[JsonValue]](), list[int]()
    for number, row in enumerate(rows, start):
        cells: list[JsonValue] = [cell.strip() or None for cell in row]
        if any(cell is not None for cell in cells[n:]):
            odd.append(number)
        else:
            found[number] = [*cells[:n], *[None] * (n - len(cells))]
    if len(odd) > len(rows) / 10:
        raise ZaohuaError(f"{path}: row {odd[0]} has more cells than the header: put texts in quotes")
    if odd:
        note(f"left out {counted(len(odd), 'row')} of {path.name} with more cells than its header ({shown(odd)})")
    return found


def _refuse_open_quotes(path: Path, cells: dict[int, list[JsonValue]], is_file: IsFile) -> None:
    """Raise a `ZaohuaError` if a cell of several lines holds names of files: then it runs over the rows after it."""
    for number, row in cells.items():
        for cell in row:
            parts = re.split(r'[\r\n,;|\t"]+', cell)[1:] if isinstance(cell, str) and "\n" in cell else []
            name = next((part.strip() for part in parts if Path(part.strip()).suffix and is_file(part)), None)
            if name is not None:
                raise ZaohuaError(f"{path}: row {number} runs on to {name}: a quote is open, so double those in texts")


def _of_label(path: Path, names: Sequence[str], others: list[int]) -> list[int]:
    """Return the column of labels of a `labels.csv`, and note the others; all of them if none is called so."""
    heads = [names[at].casefold() for at in others]
    label = next((others[heads.index(name)] for name in LABEL_COLUMNS if name in heads), None)
    unread = [names[at] for at in others if at != label]
    if label is None or not unread:
        return others
    note(f"{counted(len(unread), 'column')} of {path.name} not read ({shown(unread)}): a metadata.csv has any columns")
    return [label]


def _with_names(path: Path, names: Sequence[str], others: list[int]) -> list[int]:
    """Return the columns that have a name, each another; note the others."""
    seen, kept = set[str](), list[int]()
    for at in others:
        if names[at] and names[at] not in seen:
            kept.append(at)
        seen.add(names[at])
    lost = [names[at] or "without a name" for at in others if at not in kept]
    if lost and kept:
        note(f"left out {counted(len(lost), 'column')} of {path.name} without a name of their own ({shown(lost)})")
    return kept


def _delimiter(text: str, first: str) -> str:
    """Return the delimiter by which the header names files, or else that of the first lines."""
    for delimiter in DELIMITERS:
        cells = [cell.strip(' "') for cell in first.split(delimiter)]
        if len(cells) > 1 and any(map(is_file_column, cells)):
            return delimiter
    return delimiter_of(text) or ","


def _transcripts(path: Path, rows: Sequence[Sequence[str]]) -> Listing:
    """Return the files and texts of a table without header; of two texts the second is the normalized one."""
    note(f"texts are the third column of {path.name}, the normalized transcript")
    texts = [next((cell.strip() for cell in (*row[2:3], *row[1:2]) if cell.strip()), None) for row in rows]
    return Listing(["file_name", "text"], [[row[0].strip(), text] for row, text in zip(rows, texts, strict=True)], [0])


def _typed(names: Sequence[str], rows: list[list[JsonValue]]) -> list[list[JsonValue]]:
    """Return the rows with numbers in the columns that hold nothing else, except labels and codes such as 007."""
    for at, name in enumerate(names):
        values = [str(row[at]) for row in rows if row[at] is not None]
        plain = name.casefold() not in LABEL_COLUMNS and not is_text_name(name)
        if plain and values and all(NUMBER.fullmatch(value) for value in values):
            whole = all(re.fullmatch(r"[-+]?\d+", value) for value in values)
            for row in rows:
                row[at] = None if row[at] is None else int(str(row[at])) if whole else float(str(row[at]))
    return rows
