"""Sheets of Excel workbooks."""

from __future__ import annotations

import datetime
import io
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.memory import free_memory
from zaohua.core.notes import note, shown
from zaohua.modalities.tables.header import has_header
from zaohua.modalities.tables.json_lines import column_of
from zaohua.modalities.tables.text_tables import own_names, to_types, with_data


def read_sheet(path: Path, data: bytes | None, header: str, sheet: str | None) -> pd.DataFrame:
    """Read a sheet of a workbook; by default the first, and those that are left out are noted.

    Args:
        path: the file.
        data: its bytes, if they don't come from the file.
        header: whether the first row holds names.
        sheet: name of the sheet.

    Raises:
        ZaohuaError: openpyxl isn't installed, or the workbook is damaged, too large or has no such sheet.
    """
    try:
        import openpyxl
    except ImportError:
        raise ZaohuaError(f"{path}: reading workbooks needs openpyxl: pip install 'zaohua[excel]'") from None
    source: Any = path if data is None else io.BytesIO(data)
    try:
        with zipfile.ZipFile(source) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > free_memory() // 16:
            raise ZaohuaError(
                f"{path}: unpacks to {size / 2**30:.1f} GiB, which memory isn't enough for: save it as CSV"
            )
        book = openpyxl.load_workbook(source, read_only=True, data_only=True)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, ZaohuaError):
            raise
        raise ZaohuaError(f"{path}: can't be read as a workbook ({error})") from None
    names = book.sheetnames
    if sheet is not None and sheet not in names:
        raise unknown("sheet", sheet, names)
    if sheet is None and len(names) > 1:
        others = shown(list(map(repr, names[1:])))
        note(f"{path.name}: read the sheet {names[0]!r}, left out {others} ({option('sheet')} takes another)")
    rows = [list(row) for row in book[sheet or names[0]].iter_rows(values_only=True)]
    book.close()
    while rows and all(cell is None for cell in rows[-1]):
        rows.pop()
    while rows and all(cell is None for cell in rows[0]):
        rows.pop(0)
    if not rows:
        raise ZaohuaError(f"{path}: the sheet {sheet or names[0]!r} is empty")
    return _to_frame(path, rows, header)


def _to_frame(path: Path, rows: list[list[Any]], header: str) -> pd.DataFrame:
    """Make a table of the rows of a sheet: texts get their types as in a text file, other cells keep theirs."""
    width = max(map(len, rows))
    rows = [row + [None] * (width - len(row)) for row in rows]
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows[:201]]
    named = header == "yes" or (header == "auto" and has_header(texts))
    names = [cell or f"Unnamed: {i}" for i, cell in enumerate(texts[0])] if named else own_names(width, header, path)
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ZaohuaError(f"{path}: several columns are called {' and '.join(map(repr, twice))}: rename one")
    body = rows[1:] if named else rows
    held = [row for row in body if any(cell is not None and str(cell).strip() for cell in row)]
    if len(held) < len(body):
        note(f"{path.name}: left out {len(body) - len(held):,} empty row{'s' * (len(body) - len(held) > 1)}")
    body = held
    whole = pd.DataFrame(
        {name: ["" if row[i] is None else str(row[i]) for row in body] for i, name in enumerate(names)}
    )
    kept = with_data(whole.astype(str), path.name)
    out = to_types(kept, path.name)
    body = body[: len(out)]  # without a row of totals
    for name in out.columns:
        cells = [row[names.index(name)] for row in body]
        own = {type(cell) for cell in cells if cell is not None}
        if own and not own & {str}:
            out[name] = _column(cells, str(name))
    return out


def _column(cells: list[Any], name: str) -> pd.Series:
    """Return a column of a sheet that holds no texts: times at midnight alone are dates, and keep their type."""
    if all(isinstance(cell, datetime.datetime) for cell in cells if cell is not None):
        return pd.Series(pd.to_datetime(pd.Series(cells, dtype=object)), name=name)
    return column_of(cells, name)
