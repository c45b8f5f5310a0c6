"""Delimited text: its encoding, its delimiter and its rows."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from zaohua.core.errors import ZaohuaError

DELIMITERS = ",;\t|"
BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def rows_of(path: Path) -> list[list[str]]:
    """Read the rows of a small delimited text file as strings, without empty rows; the first may be a header.

    Raises:
        ZaohuaError: the file can't be read as delimited text.
    """
    data = path.read_bytes()
    try:
        text = data.decode(encoding_of(data))
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text) or ",") if row]
    except (UnicodeError, csv.Error) as error:
        raise ZaohuaError(f"{path}: can't be read: {error}") from None


def encoding_of(head: bytes) -> str:
    """Detect the encoding: by a byte order mark, else UTF-8 if it is valid, else Windows-1252."""
    for mark, name in BOMS.items():
        if head.startswith(mark):
            return name
    try:
        head[: head.rfind(b"\n") + 1 or len(head)].decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        return "cp1252"


def delimiter_of(text: str) -> str | None:
    """Detect the delimiter, which splits the first lines into equally many cells, and into most; None if none does."""
    lines = text.splitlines()[:20]
    lines = lines[:-1] if len(lines) > 1 and not text.endswith(("\n", "\r")) and len(text) >= 1 << 15 else lines
    best, most = None, 1
    for delimiter in DELIMITERS:
        counts = {len(row) for row in csv.reader(lines, delimiter=delimiter) if row}
        if len(counts) == 1 and (count := counts.pop()) > most:
            best, most = delimiter, count
    return best
