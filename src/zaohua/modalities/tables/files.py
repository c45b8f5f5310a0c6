"""Files of tables: delimited text, lines of JSON, Parquet, Feather and Excel workbooks, packed, and several as one.

A packed file (.gz, .bz2, .xz, .zip) is unpacked in memory, up to a bound. An archive must hold one table.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

import pandas as pd

from zaohua.core.errors import ZaohuaError
from zaohua.core.memory import free_memory
from zaohua.core.notes import note, shown
from zaohua.modalities.files.delimited import delimiter_of, encoding_of
from zaohua.modalities.files.piped import STDIN, received
from zaohua.modalities.tables.frames import DIALECT, quoted
from zaohua.modalities.tables.text_tables import HEAD, read_text_table

TEXT = frozenset({".csv", ".tsv", ".tab", ".psv", ".txt", ".dat", ".data"})
LINES = frozenset({".jsonl", ".ndjson"})
PARQUET = frozenset({".parquet", ".pq"})
FEATHER = frozenset({".feather", ".arrow"})
EXCEL = frozenset({".xlsx", ".xlsm"})
PACKED: dict[str, Callable[[Path], IO[bytes]]] = {
    ".gz": lambda path: cast(BinaryIO, gzip.open(path, "rb")),
    ".bz2": lambda path: bz2.open(path, "rb"),
    ".xz": lambda path: lzma.open(path, "rb"),
}
OWN = frozenset({".csv", ".tsv", ".tab", ".psv", ".ndjson", *PARQUET, *FEATHER, *EXCEL})
"""Endings of files that are of no other kind of data."""
ALL = TEXT | LINES | PARQUET | FEATHER | EXCEL
BESIDE = frozenset({"", ".md", ".txt", ".rst", ".pdf", ".html", ".docx"})
"""Endings of files that may lie beside a table in an archive, such as its description."""


def is_table_file(path: Path, sure: bool = False) -> bool:
    """Return True if a file holds a table by its name.

    Args:
        path: the file.
        sure: whether it is known to be a table, if it may be: a .txt file or lines of JSON may also be texts.
    """
    if path == STDIN:
        return sure or _is_table(received()[1].read_bytes()[:HEAD])
    suffix = path.suffix.casefold()
    endings = ALL if sure else OWN
    if suffix in LINES and not sure:
        from zaohua.modalities.tables.json_lines import is_of_rows

        with path.open("rb") as stream:
            return is_of_rows(stream.read(1 << 16))
    if suffix == ".zip":
        members = _members(path)
        tables = [name for name in members if name.suffix.casefold() in endings]
        others = {name.suffix.casefold() for name in members if name not in tables}
        return len(tables) == 1 and others <= BESIDE  # others are read as folders
    return (Path(path.stem) if suffix in PACKED else path).suffix.casefold() in endings


def _is_table(head: bytes) -> bool:
    """Return True if what is piped in is lines of JSON that are rows, or delimited text of several columns."""
    from zaohua.modalities.tables.json_lines import is_of_rows

    if head.lstrip()[:1] in (b"{", b"["):
        return is_of_rows(head)
    return delimiter_of(head.decode(encoding_of(head), errors="ignore")) is not None


def read_table(
    path: Path,
    names: list[str] | None = None,
    comment: str | None = None,
    header: str = "auto",
    sheet: str | None = None,
) -> pd.DataFrame:
    """Read a table from a file, packed or not, or from standard input ("-").

    Args:
        path: the file.
        names: names of the columns, if the first line doesn't contain them.
        comment: character after which the rest of a line is ignored.
        header: whether the first line holds names; by default that is found out.
        sheet: name of the sheet of a workbook; default: the first.

    Raises:
        ZaohuaError: the file is empty, damaged or not a table; the message names the line if it is known.
    """
    inner, data = path, None
    if path == STDIN:
        inner, data = Path("standard input"), received()[1].read_bytes()
    elif path.suffix.casefold() in PACKED:
        inner, data = path.with_suffix(""), _unpacked(path)
    elif path.suffix.casefold() == ".zip":
        inner, data = _member(path)
    suffix = inner.suffix.casefold()
    if sheet is not None and suffix not in EXCEL:
        raise ZaohuaError(f"{path}: has no sheets: they are in .xlsx files")
    if suffix in LINES or (path == STDIN and data is not None and data.lstrip()[:1] == b"{"):
        from zaohua.modalities.tables.json_lines import read_json_lines

        return read_json_lines(path, path.read_bytes() if data is None else data)
    if suffix in PARQUET | FEATHER:
        return _read_arrow(path, suffix in PARQUET, data)
    if suffix in EXCEL:
        from zaohua.modalities.tables.excel import read_sheet

        return read_sheet(path, data, header, sheet)
    return read_text_table(path, data, names, comment, header)


def read_tables(paths: Sequence[Path], where: str, header: str = "auto", sheet: str | None = None) -> pd.DataFrame:
    """Read several files of the same columns as one table, in the order of their paths; note how many there are.

    Raises:
        ZaohuaError: there is none, one can't be read, or their columns differ; the message names those that do.
    """
    frames = [read_table(path, header=header, sheet=sheet) for path in paths]
    if len(frames) == 1:
        return frames[0]
    columns = list(frames[0].columns)
    other = [i for i, frame in enumerate(frames) if set(frame.columns) != set(columns)]
    if other:
        frame = frames[other[0]]
        less = [name for name in columns if name not in frame]
        more = [name for name in frame.columns if name not in columns]
        parts = [f"no column {quoted(less)}"] * bool(less) + [f"also {quoted(more)}"] * bool(more)
        rest = f"; so differ {len(other):,} of {len(paths):,} files" if len(other) > 1 else ""
        raise ZaohuaError(
            f"{where}: the files must have the same columns, but {paths[other[0]].name} has {' and '.join(parts)}, "
            f"unlike {paths[0].name}{rest}"
        )
    out = pd.concat([_without_dialect(frame[columns]) for frame in frames], ignore_index=True)
    out = pd.DataFrame({name: _one_type([frame[name] for frame in frames], out[name]) for name in columns})
    if DIALECT in frames[0].attrs:
        out.attrs[DIALECT] = frames[0].attrs[DIALECT]
    note(f"{len(paths):,} files, {len(out):,} rows: {shown([path.name for path in paths])}")
    return out


def _without_dialect(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.copy(deep=False)
    frame.attrs = {}
    return frame


def _one_type(parts: Sequence[pd.Series], whole: pd.Series) -> pd.Series:
    """Return a column of several files with one type: whole numbers stay whole where some are missing."""
    kinds = {str(part.dtype) for part in parts}
    if kinds <= {"int64", "Int64", "float64"} and "float64" in kinds and len(kinds) > 1:
        if all(part.isna().all() for part in parts if part.dtype == "float64"):
            return whole.astype("Int64")
    return whole


# ---- bytes


def limit() -> int:
    """Return the maximum number of bytes that a packed file may unpack to."""
    return free_memory() // 8


def _bounded(stream: IO[bytes], path: Path) -> bytes:
    most = limit()
    data = stream.read(most + 1)
    if len(data) > most:
        raise ZaohuaError(
            f"{path}: holds more than {most / 2**30:.1f} GiB, which memory isn't enough for: unpack and cut it"
        )
    return data


def _unpacked(path: Path) -> bytes:
    try:
        with PACKED[path.suffix.casefold()](path) as stream:
            return _bounded(stream, path)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ZaohuaError(f"{path}: can't be unpacked ({error})") from None


def _members(path: Path) -> list[PurePosixPath]:
    """Return the files in an archive, without those that a Mac adds; none if it is no archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [PurePosixPath(info.filename) for info in archive.infolist() if not info.is_dir()]
    except (OSError, zipfile.BadZipFile):
        return []
    return [name for name in names if "__MACOSX" not in name.parts and not name.name.startswith(".")]


def _member(path: Path) -> tuple[Path, bytes]:
    """Return the name and the bytes of the one table in an archive."""
    if not zipfile.is_zipfile(path):
        raise ZaohuaError(f"{path}: isn't a zip archive, or is damaged")
    members = _members(path)
    tables = [name for name in members if name.suffix.casefold() in ALL]
    if len(tables) != 1:
        held = f"{len(tables)} tables ({shown(tables)})" if tables else f"no table ({shown(members) or 'nothing'})"
        raise ZaohuaError(
            f"{path}: holds {held}, and must hold one: unpack it and give the file, or the folder of files"
        )
    name = tables[0]
    if name.is_absolute() or ".." in name.parts or "\\" in str(name):
        raise ZaohuaError(f"{path}: its file {str(name)!r} points outside of the archive: unpack it yourself")
    if len(members) > 1:
        note(f"{path.name}: left out {len(members) - 1} of its files ({shown([m for m in members if m != name])})")
    try:
        with zipfile.ZipFile(path) as archive, archive.open(str(name)) as stream:
            return Path(name.name), _bounded(stream, path)
    except (OSError, EOFError, zlib.error, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise ZaohuaError(f"{path}: can't be unpacked ({error})") from None


def _read_arrow(path: Path, parquet: bool, data: bytes | None) -> pd.DataFrame:
    """Read a Parquet or Feather file."""
    name = "Parquet" if parquet else "Feather"
    source: Path | IO[bytes] = path if data is None else io.BytesIO(data)
    try:
        return pd.read_parquet(source) if parquet else pd.read_feather(source)
    except ImportError:
        raise ZaohuaError(f"{path}: reading {name} needs pyarrow: pip install 'zaohua[tables]'") from None
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise ZaohuaError(f"{path}: can't be read as {name} ({str(error).splitlines()[0]})") from None
