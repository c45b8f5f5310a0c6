"""Base of the codecs of tables, which write all rows to one file."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pandas as pd

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.base import Codec
from zaohua.modalities.tables.dialect import Dialect
from zaohua.modalities.tables.frames import DIALECT, TableLike, to_frame


class FrameCodec(Codec[TableLike], ABC):
    """Base of codecs of tables: of anything that `frames.to_frame` accepts."""

    modality: ClassVar[str] = "tables"
    usual_number: ClassVar[int] = 1000

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
