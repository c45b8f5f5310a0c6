"""Cells of a column of a table: how they are written, and their conversion to numbers and back."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionDtype

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.modalities.tables import written
from zaohua.modalities.tables.dates import from_ticks
from zaohua.modalities.tables.frames import ColumnName
from zaohua.modalities.tables.kinds import EXACT, NUMBERS, TIMES, Kind, dtype_of
from zaohua.modalities.tables.missing import is_word
from zaohua.modalities.tables.spelling import NumberSpelling

NULLS = {"NoneType": "None", "NAType": "NA", "NaTType": "NaT"}
MISSING = {"None": None, "NA": pd.NA, "NaT": pd.NaT}


@dataclass
class Cells:
    """Properties of the cells of a column.

    Attributes:
        name: name of the column.
        kind: kind of its cells.
        dtype: name of pandas' dtype.
        missing: fraction of missing cells.
        null: value of missing cells: "None", "nan", "NA" or "NaT".
        origin: offset that is subtracted from numbers and times, exactly.
        unit: unit of times, in ticks of their dtype.
        format: format of times that are strings.
        spelling: fields of the `NumberSpelling` of numbers that are strings.
        word: text of missing cells, if numbers or times are strings that have one.
        objects: type of cells that are Python's objects, in `written.OBJECTS` or `written.TIMES`.
        times: dtype of the times that such objects are.
    """

    name: ColumnName
    kind: Kind
    dtype: str
    missing: float = 0.0
    null: str = "nan"
    origin: int = 0
    unit: int = 1
    format: str | None = None
    spelling: Json | None = None
    word: str | None = None
    objects: str | None = None
    times: str | None = None

    @property
    def is_category(self) -> bool:
        """True if cells are encoded as indices of categories."""
        return self.kind not in NUMBERS

    @property
    def is_discrete(self) -> bool:
        """True if numbers have probabilities rather than densities: integers and times."""
        return self.kind in ("integer", *TIMES)

    def missing_cells(self, series: pd.Series) -> np.ndarray:
        """Return a mask of the cells that are missing, or hold a word for it among numbers or times, bool (n,)."""
        missing: np.ndarray = series.isna().to_numpy(dtype=bool)
        if (self.kind in NUMBERS or self.word is not None) and written.is_text(series):
            words = [isinstance(value, str) and is_word(value.strip()) for value in series]
            missing = missing | np.array(words, dtype=bool)
        return missing

    def _series(self, cells: pd.Series | np.ndarray, missing: np.ndarray) -> pd.Series:
        cells = written.to_objects(cells, self.objects)
        if not missing.any():
            kind = object if isinstance(cells, np.ndarray) and cells.dtype == object else None  # no other is inferred
            return pd.Series(cells, name=self.name, dtype=kind).astype(dtype_of(self.dtype))
        if cells.dtype == object or self.dtype == "object":
            cells = cells.astype(object)
            cells[missing] = MISSING.get(self.null, np.nan) if self.word is None else self.word
            return pd.Series(cells, name=self.name, dtype=object).astype(self._with_holes())
        return pd.Series(cells, name=self.name).mask(missing).astype(self._with_holes())

    def _with_holes(self) -> str | ExtensionDtype:
        """Return the column's dtype, or pandas' nullable integers in place of those that hold no missing cells."""
        whole = re.fullmatch(r"(u?)int(\d+)", self.dtype)
        return dtype_of(self.dtype) if whole is None else f"{whole[1].upper()}Int{whole[2]}"

    def _numbers(self, present: pd.Series) -> np.ndarray:
        """Convert cells without missing values to float64."""
        if self.kind in TIMES:
            return (written.ticks(present, self.times or self.dtype, self.format) - self.origin) / self.unit
        present = written.numbers(present, self.kind, self.spelling)
        if self.origin:
            return np.array([int(value) - self.origin for value in present], dtype=np.float64)
        values: np.ndarray = present.to_numpy(dtype=np.float64)
        infinite = np.flatnonzero(np.isinf(values))
        if len(infinite):
            raise ZaohuaError(
                f"column {self.name!r} holds {len(infinite):,} infinite values, the first in row "
                f"{present.index[infinite[0]]}: replace them, or leave the rows out"
            )
        return values

    def _cells(self, values: np.ndarray) -> pd.Series | np.ndarray:
        """Convert float64 to cells without missing values."""
        if self.kind in TIMES:
            ticks = self.origin + np.round(values).astype(np.int64) * self.unit
            return from_ticks(ticks, self.times or self.dtype, self.format)
        if self.origin:
            numbers = np.array([self.origin + int(value) for value in values], dtype=object)
        else:
            whole = self.kind == "integer" and float(np.abs(values).max(initial=0.0)) < EXACT
            numbers = np.rint(values).astype(np.int64) if whole else values
        return numbers if self.spelling is None else NumberSpelling(**self.spelling).write(numbers)
