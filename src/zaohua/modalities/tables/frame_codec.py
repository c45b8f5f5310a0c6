"""Base of the codecs of tables, which write all rows to one file."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

import pandas as pd

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError, unknown
from zaohua.modalities.base import Codec
from zaohua.modalities.tables.dialect import Dialect
from zaohua.modalities.tables.frames import DIALECT, Container, TableLike, to_frame


class FrameCodec(Codec[TableLike], ABC):
    """Base of codecs of tables: of anything that `frames.to_frame` accepts."""

    modality: ClassVar[str] = "tables"
    usual_number: ClassVar[int] = 1000

    leave_out: tuple[str, ...] | None = None
    """Columns to leave out; samples don't have them."""
    header: Literal["auto", "yes", "no"] = "auto"
    """Whether the first line of a file holds names of columns; auto: unless its cells are like those below."""
    sheet: str | None = None
    """Sheet of a workbook to read; by default the first."""

    def learns(self) -> str:
        """Return that it tells the columns."""
        return "columns, their kinds, categories, bounds and scales"

    def reading(self) -> dict[str, object]:
        """Return the options of reading: the header and the sheet."""
        return {"header": self.header, "sheet": self.sheet}

    def kept(self, items: TableLike) -> tuple[pd.DataFrame, Container]:
        """Convert a table to a frame without the columns that are to be left out; return it with its type.

        Raises:
            ZaohuaError: a column to leave out isn't there, or no other is.
        """
        frame, container = to_frame(items)
        for name in self.leave_out or ():
            if name not in map(str, frame.columns):
                raise unknown("column to leave out:", name, frame.columns)
        out = [name for name in frame.columns if str(name) in (self.leave_out or ())]
        if out and len(out) == frame.shape[1]:
            raise ZaohuaError(f"{option('leave_out')} leaves no column")
        rest = [name for name in frame.columns if name not in out]
        return frame[rest], replace(container, columns=rest, left_out=out)

    def _write_csv(self, items: TableLike, path: Path, y: Sequence[object] | None, columns: int | None) -> None:
        frame = _with_y(items, y)
        dialect = Dialect.of(frame.attrs)
        dialect.write(frame).to_csv(path, index=False, sep=dialect.delimiter)

    def _write_parquet(self, items: TableLike, path: Path, y: Sequence[object] | None, columns: int | None) -> None:
        try:
            _with_y(items, y).to_parquet(path, index=False)
        except ImportError:
            raise ZaohuaError(f"{path}: writing Parquet needs pyarrow: pip install 'zaohua[tables]'") from None

    sheets = {".csv": _write_csv, ".parquet": _write_parquet}

    def write(self, items: TableLike, folder: Path, names: Sequence[str]) -> list[Path]:
        """Write all rows to one file, `table.csv`."""
        folder.mkdir(parents=True, exist_ok=True)
        return [self.write_sheet(items, folder / "table.csv")]

    def as_items(self, y: object, n: int | None) -> TableLike:
        """Return the rows unchanged."""
        return y


def _with_y(items: TableLike, y: Sequence[object] | None) -> pd.DataFrame:
    """Convert a table to a frame, with the conditions of its rows as a column; keep its dialect."""
    frame, container = to_frame(items)
    if y is not None:
        frame = frame.assign(**{"label" if "label" not in frame else "y": list(y)})
    if container.dialect:
        frame.attrs[DIALECT] = container.dialect
    return frame
