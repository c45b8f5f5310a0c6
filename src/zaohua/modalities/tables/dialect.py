"""How a file writes its cells: remembered with a frame, so that samples are written to files the same way.

In memory, columns of plain numbers have a numeric dtype. Their spelling (decimal comma, decimal places, exponents), the
spelling of True and False, the text of missing cells and the delimiter are kept in `frame.attrs["dialect"]`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Self

import numpy as np
import pandas as pd

from zaohua.core.json import Json
from zaohua.modalities.tables.frames import DIALECT
from zaohua.modalities.tables.spelling import NumberSpelling


@dataclass
class CellDialect:
    """How the cells of a column are written.

    Attributes:
        word: text of missing cells.
        spelling: fields of the `NumberSpelling` of numbers; None for numbers as programs write them.
        booleans: texts of False and True.
    """

    word: str = ""
    spelling: Json | None = None
    booleans: list[str] | None = None

    def write(self, cells: pd.Series) -> pd.Series:
        """Write cells as texts; those of another type than in training stay as they are."""
        out = cells.astype(object)
        present = cells.notna().to_numpy(dtype=bool)
        if self.booleans is not None and pd.api.types.is_bool_dtype(cells.dtype):
            out[present] = np.where(cells[present].to_numpy(dtype=bool), self.booleans[1], self.booleans[0])
        elif self.spelling is not None and pd.api.types.is_numeric_dtype(cells.dtype):
            finite = present & np.isfinite(cells.to_numpy(dtype=np.float64, na_value=np.nan))
            out[finite] = NumberSpelling(**self.spelling).write(cells[finite].tolist())
        out[~present] = self.word
        return out


@dataclass
class Dialect:
    """How a file writes a table.

    Attributes:
        delimiter: between cells.
        columns: dialect of each column that needs one, by name.
    """

    delimiter: str = ","
    columns: dict[str, CellDialect] = field(default_factory=dict)

    @classmethod
    def of(cls, attributes: Json) -> Self:
        """Return the dialect in the attributes of a frame; the usual one if there is none."""
        found = attributes.get(DIALECT) or {}
        columns = {name: CellDialect(**column) for name, column in found.get("columns", {}).items()}
        return cls(found.get("delimiter", ","), columns)

    def to_json(self) -> Json:
        """Return what isn't usual as JSON values."""
        columns = {
            name: {key: value for key, value in asdict(column).items() if value != getattr(CellDialect(), key)}
            for name, column in self.columns.items()
        }
        return {} if self == Dialect() else {"delimiter": self.delimiter, "columns": columns}

    def write(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Write the cells of a frame as texts, as far as the dialect says how."""
        written = {name: self.columns[str(name)].write(frame[name]) for name in frame if str(name) in self.columns}
        return frame.assign(**{str(name): cells for name, cells in written.items()}) if written else frame
