"""Readers of table files: delimited text, with detection of encoding and delimiter, and Parquet."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd

from zaohua.core.errors import ZaohuaError

MISSING = frozenset(["", "?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>"])
"""Texts of cells that count as missing."""
NUMBER = r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf(?:inity)?)"
ZEROS = r"[+-]?0\d.*"
"""Texts with leading zeros, which are identifiers such as postcodes rather than numbers."""
DELIMITERS = ",;\t|"
BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def read_table(path: Path, names: list[str] | None = None, comment: str | None = None) -> pd.DataFrame:
    """Read a table from a file.

    Args:
        path: a .csv, .tsv or .parquet file.
        names: names of the columns, if the first line doesn't contain them.
        comment: character after which the rest of a line is ignored.

    Raises:
        ZaohuaError: the file is empty, damaged or not a table; the message names the line if it is known.
    """
    if path.suffix.casefold() in (".parquet", ".pq"):
        return _read_parquet(path)
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
    if not head.strip():
        raise ZaohuaError(f"{path}: is empty")
    encoding = _encoding(path, head)
    try:
        text = head.decode(encoding, errors="ignore")
        frame = pd.read_csv(
            path,
            sep=_delimiter(text),
            dtype=str,
            keep_default_na=False,
            encoding=encoding,
            skipinitialspace=True,
            names=names,
            header=0 if names is None else None,
            comment=comment,
        )
    except UnicodeError:
        tried = "UTF-8 or Windows-1252" if encoding == "cp1252" else encoding
        raise ZaohuaError(f"{path}: can't be read as a table (it isn't text in {tried}): save it as UTF-8") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error) as error:
        reason = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        raise ZaohuaError(f"{path}: can't be read as a table ({reason})") from None
    if not isinstance(frame.index, pd.RangeIndex):
        raise ZaohuaError(f"{path}: its rows have more cells than there are names in the first line")
    _refuse_duplicates(path, text, frame)
    comma = _delimiter(text) == ";"
    return pd.DataFrame({name: _typed(frame[name], comma) for name in frame.columns})


def rows_of(path: Path) -> list[list[str]]:
    """Read the rows of a small delimited text file as strings, without empty rows; the first may be a header.

    Raises:
        ZaohuaError: the file can't be read as delimited text.
    """
    data = path.read_bytes()
    try:
        text = data.decode(_encoding(path, data))
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)) if row]
    except (UnicodeError, csv.Error) as error:
        raise ZaohuaError(f"{path}: can't be read: {error}") from None


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except ImportError:
        raise ZaohuaError(f"{path}: reading Parquet needs pyarrow: pip install 'zaohua[tables]'") from None
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise ZaohuaError(f"{path}: can't be read as Parquet ({str(error).splitlines()[0]})") from None


def _encoding(path: Path, head: bytes) -> str:
    """Detect the encoding: by a byte order mark, else UTF-8 if it is valid, else Windows-1252."""
    for mark, name in BOMS.items():
        if head.startswith(mark):
            return name
    try:
        head[: head.rfind(b"\n") + 1 or len(head)].decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        return "cp1252"


def _delimiter(text: str) -> str:
    """Detect the delimiter, which splits the first lines into equally many cells, and into most; default: a comma."""
    lines = text.splitlines()[:20]
    lines = lines[:-1] if len(lines) > 1 and not text.endswith(("\n", "\r")) and len(text) >= 1 << 15 else lines
    best, most = ",", 1
    for delimiter in DELIMITERS:
        counts = {len(row) for row in csv.reader(lines, delimiter=delimiter) if row}
        if len(counts) == 1 and (count := counts.pop()) > most:
            best, most = delimiter, count
    return best


def _refuse_duplicates(path: Path, text: str, frame: pd.DataFrame) -> None:
    """Raise if two columns have the same name, of which pandas would rename the second."""
    for name in map(str, frame.columns):
        stem, dot, number = name.rpartition(".")
        if dot and number.isdigit() and stem in frame.columns and name not in text.partition("\n")[0]:
            raise ZaohuaError(f"{path}: two columns are called {stem!r}: rename one")


def _typed(cells: pd.Series, comma: bool) -> pd.Series:
    """Convert strings to numbers or booleans if all of them are; keep missing values."""
    text = cells.str.strip()
    missing = text.isin(MISSING)
    present = text[~missing]
    if not len(present):
        return pd.Series(np.nan, index=cells.index, name=cells.name)
    if comma and present.str.fullmatch(r"[+-]?\d*,?\d+").all() and present.str.contains(",").any():
        text, present = text.str.replace(",", "."), present.str.replace(",", ".")
    if present.str.fullmatch(NUMBER).all() and not present.str.fullmatch(ZEROS).any():
        return _numbers(text, missing, present)
    if present.str.fullmatch(r"true|false", flags=re.IGNORECASE).all():
        values = text.str.casefold().map({"true": True, "false": False})
        return values.astype("boolean" if missing.any() else bool)
    return text.mask(missing)


def _numbers(text: pd.Series, missing: pd.Series, present: pd.Series) -> pd.Series:
    if not present.str.fullmatch(r"[+-]?\d+").all():
        return pd.to_numeric(text.mask(missing)).astype("float64")
    values = [int(value) for value in present]
    fits = max(map(abs, values)) < 2**63
    if not missing.any():
        return pd.Series(values, index=text.index, name=text.name, dtype="int64" if fits else object)
    out = pd.Series(pd.NA, index=text.index, name=text.name, dtype="Int64" if fits else object)
    out[~missing] = values
    return out
