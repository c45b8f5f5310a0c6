"""Tables as delimited text: the lines that belong to the table, their header, and rows and columns that hold no data.

What is left out or guessed is noted: lines before the table, empty rows and columns, a missing header, a row of totals.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note, shown
from zaohua.modalities.files.delimited import delimiter_of, encoding_of
from zaohua.modalities.tables.column_types import typed
from zaohua.modalities.tables.dialect import Dialect
from zaohua.modalities.tables.frames import DIALECT
from zaohua.modalities.tables.header import has_header, is_total, totals_label

HEAD = 1 << 16
"""Number of bytes from which the encoding, the delimiter and the header are found out."""
MOST_BEFORE = 10
"""Maximum number of lines before a table."""
SEPARATOR = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """Where the table of a text is.

    Attributes:
        delimiter: between cells.
        skip: number of lines before the table.
        rows: the first rows.
    """

    delimiter: str
    skip: int
    rows: list[list[str]]

    @classmethod
    def of(cls, text: str, path: Path) -> Layout:
        """Find the table in the beginning of a text; note the lines before it."""
        said = SEPARATOR.match(text)
        lines = text.splitlines()
        lines = lines[:-1] if len(lines) > 1 and len(text) >= HEAD // 4 and not text.endswith(("\n", "\r")) else lines
        if said:
            return cls(said[1], 1, list(filter(None, csv.reader(lines[1:], delimiter=said[1]))))
        delimiter, skip = delimiter_of(text), 0
        if delimiter is None:
            for skip in range(1, min(MOST_BEFORE, max(len(lines) - 3, 0)) + 1):
                delimiter = delimiter_of("\n".join(lines[skip:])) if lines[skip].strip() else None
                if delimiter is not None and all(delimiter not in line for line in lines[:skip]):
                    before = [line for line in lines[:skip] if line.strip()]
                    count = f"{len(before)} line{'s' * (len(before) > 1)}"
                    note(f"{path.name}: left out {count} before the table ({before[0]!r})")
                    break
                delimiter = None
            else:
                skip = 0
        delimiter = delimiter or ","
        return cls(delimiter, skip, list(filter(None, csv.reader(lines[skip:], delimiter=delimiter))))


def read_text_table(
    path: Path,
    data: bytes | None = None,
    names: list[str] | None = None,
    comment: str | None = None,
    header: str = "auto",
) -> pd.DataFrame:
    """Read a table from delimited text.

    Args:
        path: the file, whose name is for messages if `data` are given.
        data: its bytes, if they don't come from the file.
        names: names of the columns, if the first line doesn't contain them.
        comment: character after which the rest of a line is ignored.
        header: whether the first line holds names.

    Raises:
        ZaohuaError: the text is empty, damaged or not a table; the message names the line if it is known.
    """
    if data is None:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
    else:
        head = data[:HEAD]
    if not head.strip():
        raise ZaohuaError(f"{path}: is empty")
    encoding = encoding_of(head)
    layout = Layout.of(head.decode(encoding, errors="ignore"), path)
    if names is None and (header == "no" or (header == "auto" and not has_header(layout.rows))):
        names = own_names(len(layout.rows[0]) if layout.rows else 1, header, path)
    try:
        frame = pd.read_csv(
            path if data is None else io.BytesIO(data),
            sep=layout.delimiter,
            dtype=str,
            keep_default_na=False,
            encoding=encoding,
            skipinitialspace=True,
            names=names,
            header=0 if names is None else None,
            comment=comment,
            skiprows=layout.skip,
        )
    except UnicodeError:
        tried = "UTF-8 or Windows-1252" if encoding == "cp1252" else encoding
        raise ZaohuaError(f"{path}: can't be read as a table (it isn't text in {tried}): save it as UTF-8") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error) as error:
        reason = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        raise ZaohuaError(f"{path}: can't be read as a table ({reason})") from None
    if not isinstance(frame.index, pd.RangeIndex):
        row = next((row for row in layout.rows[1:] if len(row) > len(layout.rows[0])), [])
        example = f", such as {layout.delimiter.join(row)[:60]!r}" if row else ""
        raise ZaohuaError(f"{path}: its rows have more cells than there are names in the first line{example}")
    if not len(frame):
        raise ZaohuaError(f"{path}: holds names of columns, but no rows")
    if names is None:
        _refuse_duplicates(path, layout.rows[0] if layout.rows else [], frame)
    if comment is None and (frame.shape[1] == 1 or (frame.iloc[:, -1] == "").any()):
        _note_short_rows(path, data, encoding, layout, frame.shape[1])
    return to_types(with_data(frame, path.name), path.name, layout.delimiter)


def _note_short_rows(path: Path, data: bytes | None, encoding: str, layout: Layout, width: int) -> None:
    """Note rows that have fewer cells than there are columns, and empty lines among the cells of a single column."""
    source = path.open("rb") if data is None else io.BytesIO(data)
    with io.TextIOWrapper(source, encoding, newline="") as lines:
        try:
            rows = csv.reader(itertools.islice(lines, layout.skip, None), delimiter=layout.delimiter)
            lengths = [len(row) for row in rows]
        except csv.Error:  # a cell of more than 128 KiB, which pandas reads
            return
    short = sum(0 < length < width for length in lengths)
    last = max((place for place, length in enumerate(lengths) if length), default=0)
    empty = lengths[1:last].count(0) if width == 1 else 0
    if empty:
        note(f"{path.name}: left out {empty:,} empty line{'s' * (empty > 1)}")
    if short:
        note(f"{path.name}: {short:,} row{'s' * (short > 1)} with too few cells, filled up with missing ones")


def to_types(frame: pd.DataFrame, name: str, delimiter: str = ",") -> pd.DataFrame:
    """Give columns of texts their types, and leave out a row of totals; keep the dialect in the frame's attributes."""
    decimal = _decimal(frame) if delimiter == ";" else None
    if is_total(frame, decimal):
        note(f"{name}: left out the last row, {totals_label(frame)!r}, whose numbers are the sums of the columns")
        frame = frame.iloc[:-1]
    elif (label := totals_label(frame)) is not None:
        note(f"{name}: the last row says {label!r}, but few of its numbers are the sums of the columns, so it is kept")
    columns = {column: typed(frame[column], decimal) for column in frame.columns}
    out = pd.DataFrame({column: cells for column, (cells, _) in columns.items()}, index=frame.index)
    dialects = {str(column): dialect for column, (_, dialect) in columns.items() if dialect != type(dialect)()}
    dialect = Dialect(";" if delimiter == ";" else ",", dialects).to_json()
    if dialect:
        out.attrs[DIALECT] = dialect
    return out


def own_names(count: int, header: str, path: Path) -> list[str]:
    """Return names for the columns of a table without a header, and note that, unless it was said."""
    names = [f"column_{i + 1}" for i in range(count)]
    if header == "auto":
        note(
            f"{path.name}: the first line holds data, not names, so the columns are called {shown(names)} "
            f"({option('header', 'yes')} takes it for names)"
        )
    return names


def with_data(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Leave out columns without a name or a cell, empty rows, and the NUL characters that damaged files have."""
    damaged = frame.apply(lambda cells: cells.str.contains("\0", regex=False))
    if damaged.to_numpy(dtype=bool).any():
        note(f"{name}: left out NUL characters in {int(damaged.to_numpy().sum()):,} cells: the file may be damaged")
        frame = frame.apply(lambda cells: cells.str.replace("\0", "", regex=False))
    blank = frame.apply(lambda cells: cells.str.strip()) == ""
    unnamed = [column for column in frame.columns if re.fullmatch(r"Unnamed: \d+|column_\d+|\s*", str(column))]
    empty = [column for column in unnamed if blank[column].all()]
    if empty and len(empty) < frame.shape[1]:
        note(f"{name}: left out {len(empty)} column{'s' * (len(empty) > 1)} without a name or a cell")
        frame, blank = frame.drop(columns=empty), blank.drop(columns=empty)
    rows = blank.all(axis=1)
    if rows.any() and frame.shape[1] > 1 and not rows.all():
        note(f"{name}: left out {int(rows.sum()):,} empty row{'s' * (int(rows.sum()) > 1)}")
        frame = frame[~rows].reset_index(drop=True)
    return frame


def _decimal(frame: pd.DataFrame) -> str:
    """Return the decimal separator of a file with semicolons: a point if a column has decimal points, else a comma."""
    for column in frame.columns:
        present = frame[column].dropna().str.strip()
        present = present[present != ""]
        if present.str.fullmatch(r"[+-]?\d+\.\d+").any() and not present.str.contains(",", regex=False).any():
            if (
                present.str.fullmatch(r"[+-]?\d*\.?\d+").all()
                and not present.str.fullmatch(r"[+-]?\d{1,3}(\.\d{3})*").all()
            ):
                return "."
    comma = any(frame[column].dropna().str.strip().str.fullmatch(r"[+-]?\d+,\d+").any() for column in frame.columns)
    return "," if comma else "."


def _refuse_duplicates(path: Path, header: list[str], frame: pd.DataFrame) -> None:
    """Raise if columns have the same name, of which pandas would rename the second."""
    names = [name.strip() for name in header]
    twice = list(dict.fromkeys(name for name in names if name and names.count(name) > 1))
    if twice:
        count = "two" if len(twice) == 1 and names.count(twice[0]) == 2 else "several"
        raise ZaohuaError(f"{path}: {count} columns are called {' and '.join(map(repr, twice))}: rename one")
