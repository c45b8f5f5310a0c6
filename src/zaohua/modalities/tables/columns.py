"""Columns of tables: their kinds, and the encoding of their cells.

A cell is encoded as one float64 number. Numbers, dates and times become their distance from an origin, NaN if missing.
All other cells become their index in the list of categories; the last one stands for missing cells.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import cast, get_args

import numpy as np
import pandas as pd

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.core.json import Json
from zaohua.modalities.tables.dates import date_format, from_ticks, to_ticks
from zaohua.modalities.tables.frames import ColumnName
from zaohua.modalities.tables.identifiers import IdentifierPattern
from zaohua.modalities.tables.kinds import EXACT, NUMBERS, Kind, decimals, dtype_of, infer, plain


@dataclass
class Column:
    """Fitted properties of a column.

    Attributes:
        name: name of the column.
        kind: kind of its cells.
        dtype: name of pandas' dtype.
        missing: fraction of missing cells.
        null: value of missing cells: "None", "nan" or "NA".
        categories: values of a categorical column, in the order of their indices.
        origin: offset that is subtracted from numbers and times, exactly.
        low, high: minimum and maximum after the subtraction.
        step: step that all numbers are multiples of, counted from `low`; 0 if there is none.
        decimals: number of decimal places; None if there are many.
        unit: unit of times, in ticks of their dtype.
        format: format of times that are strings.
        pattern: pattern of identifiers.
    """

    name: ColumnName
    kind: Kind
    dtype: str
    missing: float = 0.0
    null: str = "nan"
    categories: list[str | float] | None = None
    origin: int = 0
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    decimals: int | None = None
    unit: int = 1
    format: str | None = None
    pattern: Json | None = None

    @property
    def is_category(self) -> bool:
        """True if cells are encoded as indices of categories."""
        return self.kind not in NUMBERS

    @property
    def size(self) -> int:
        """Number of categories, including one for missing cells; 0 for numbers."""
        return 0 if self.categories is None else len(self.categories) + (self.missing > 0)

    @property
    def missing_code(self) -> int | None:
        """Index of the category of missing cells; None if there is none."""
        return self.size - 1 if self.categories is not None and self.missing > 0 else None

    @property
    def is_discrete(self) -> bool:
        """True if numbers have probabilities rather than densities: integers and times."""
        return self.kind in ("integer", "datetime")

    @classmethod
    def from_series(cls, series: pd.Series, kind: str | None = None, most: int = 1000) -> Column:
        """Fit a column.

        Args:
            series: the cells.
            kind: kind of the cells; default: inferred.
            most: maximum number of categories.

        Raises:
            ZaohuaError: the column can't be used, or isn't of that kind; the message names it and says what to do.
        """
        dtype, nulls, series = str(series.dtype), series[series.isna()], plain(series)
        present = series.dropna()
        if kind is None:
            kind = infer(series, present)
        elif kind not in get_args(Kind):
            raise unknown(f"kind of column {series.name!r}:", kind, get_args(Kind))
        column = cls(series.name, cast(Kind, kind), dtype, len(nulls) / max(1, len(series)))
        if len(nulls):
            column.null = {"NoneType": "None", "NAType": "NA"}.get(type(nulls.iloc[0]).__name__, "nan")
        if kind == "identifier":
            column.pattern = IdentifierPattern.from_cells(present).to_json()
        elif column.is_category:
            column._learn_categories(series, present, most)
        else:
            column._learn_numbers(present)
        return column

    def _learn_categories(self, series: pd.Series, present: pd.Series, most: int) -> None:
        if isinstance(series.dtype, pd.CategoricalDtype):
            values = series.dtype.categories.tolist()
        else:
            values = list(present.unique().tolist())
            kinds = {type(value) for value in values}
            values = sorted(values) if len(kinds) == 1 else values
        if len(values) > most:
            raise ZaohuaError(
                f"column {self.name!r} has {len(values):,} different values, more than max_categories="
                f"{most:,}: leave it out, call it an identifier (kinds={{{self.name!r}: 'identifier'}}), "
                "or raise max_categories"
            )
        for value in values:
            if not isinstance(value, (str, int, float, bool)):
                raise ZaohuaError(
                    f"column {self.name!r} holds {value!r}, a {type(value).__name__}: categories must be "
                    "strings, numbers, True or False"
                )
        self.categories = values

    def _learn_numbers(self, present: pd.Series) -> None:
        if not len(present):
            raise ZaohuaError(f"column {self.name!r} has no values at all, so it can't be {self.kind}")
        if self.kind == "datetime":
            self.format = None if present.dtype.kind == "M" else date_format(present)
            ticks = to_ticks(present, self.dtype, self.format)
            self.origin = int(ticks.min())
            self.unit = max(1, int(np.gcd.reduce(ticks - self.origin)))
        else:
            exact = present.astype(object) if self.kind == "integer" and _is_large(present) else None
            self.origin = 0 if exact is None else min(map(int, exact))
        values = self._numbers(present)
        self.low, self.high = float(values.min()), float(values.max())
        if self.is_discrete:
            if not np.array_equal(values, np.round(values)):
                row = present.index[np.flatnonzero(values != np.round(values))[0]]
                raise ZaohuaError(f"column {self.name!r} can't be {self.kind}: it holds {present[row]}")
            gaps = values - self.low
            self.step = float(np.gcd.reduce(gaps.astype(np.int64))) if self.high - self.low < EXACT else 1.0
            self.step = self.step or 1.0
        else:
            self.decimals = decimals(values)
            self.step = 0.0 if self.decimals is None else 10.0**-self.decimals

    # ---- cells -> codes -> cells

    def encode(self, series: pd.Series) -> np.ndarray:
        """Encode cells, float64 (n,); unknown categories become -1, numbers are clipped to the column's range.

        Raises:
            ZaohuaError: a cell isn't of the column's kind.
        """
        series = plain(series)
        missing = series.isna().to_numpy()
        if self.categories is None:
            out = np.full(len(series), np.nan)
            out[~missing] = np.clip(self._numbers(series[~missing]), self.low, self.high)
            return out
        texts = {str(value): index for index, value in enumerate(self.categories)}
        indices = {value: index for index, value in enumerate(self.categories)}
        codes, values = pd.factorize(series, use_na_sentinel=True)
        known = [indices.get(value, texts.get(str(value), -1)) for value in values.tolist()]
        encoded: np.ndarray = np.array([*known, -1], dtype=np.float64)[codes]
        encoded[missing] = -1 if self.missing_code is None else self.missing_code
        return encoded

    def check_known(self, series: pd.Series, codes: np.ndarray) -> None:
        """Raise a `ZaohuaError` that names the first cell of an unknown category."""
        for row in np.flatnonzero(codes == -1) if self.is_category else ():
            value = series.iloc[row]
            if pd.isna(value):
                raise ZaohuaError(f"column {self.name!r} has no value in row {row}, and all rows had one in training")
            raise unknown(f"value in row {row} of column {self.name!r}:", value, self.categories or [])

    def check_range(self, series: pd.Series) -> None:
        """Raise a `ZaohuaError` that names the first number outside the range of training."""
        present = plain(series).dropna()
        values = np.zeros(0) if self.is_category or not len(present) else self._numbers(present)
        for row in np.flatnonzero((values < self.low) | (values > self.high)):
            low, high = self.decode(np.array([self.low, self.high])).tolist()
            raise ZaohuaError(
                f"column {self.name!r} goes from {low} to {high} in training, so it can't be {present.iloc[row]}"
            )

    def identifiers(self, n: int, given: pd.Series | None = None) -> pd.Series:
        """Generate n identifiers, or only those that are missing among n given ones."""
        pattern = IdentifierPattern.from_json(self.pattern or {})
        values = list(pattern.generate(n)) if given is None else pattern.fill(given)
        return pd.Series(values, name=self.name, dtype=dtype_of(self.dtype))

    def decode(self, codes: np.ndarray) -> pd.Series:
        """Decode cells (n,) to the dtype of the column, which must be learnt."""
        if self.categories is not None:
            values = np.array([*self.categories, None], dtype=object)
            cells = values[np.minimum(codes, len(self.categories)).astype(np.int64)]
            if self.dtype == "category":
                kind = pd.CategoricalDtype(self.categories, ordered=self.kind == "ordered")
                return pd.Series(cells, name=self.name, dtype=kind)
            return self._series(cells, codes >= len(self.categories))
        missing = np.isnan(codes)
        return self._series(self._cells(np.where(missing, self.low, self.snap(codes))), missing)

    def snap(self, values: np.ndarray) -> np.ndarray:
        """Clip numbers to the column's range, and round them to multiples of its step."""
        values = np.clip(values, self.low, self.high)
        if self.decimals is not None:
            return np.round(values, self.decimals)
        if self.step:
            values = self.low + np.round((values - self.low) / self.step) * self.step
        return np.clip(values, self.low, self.high)

    def _series(self, cells: pd.Series | np.ndarray, missing: np.ndarray) -> pd.Series:
        if not missing.any():
            return pd.Series(cells, name=self.name).astype(dtype_of(self.dtype))
        if cells.dtype == object or self.dtype == "object":
            cells = cells.astype(object)
            cells[missing] = {"None": None, "NA": pd.NA}.get(self.null, np.nan)
            return pd.Series(cells, name=self.name, dtype=object).astype(dtype_of(self.dtype))
        return pd.Series(cells, name=self.name).mask(missing).astype(dtype_of(self.dtype))

    def _numbers(self, present: pd.Series) -> np.ndarray:
        """Convert cells without missing values to float64."""
        if self.kind == "datetime":
            return (to_ticks(present, self.dtype, self.format) - self.origin) / self.unit
        if self.origin:
            return np.array([int(value) - self.origin for value in present], dtype=np.float64)
        try:
            values: np.ndarray = present.to_numpy(dtype=np.float64)
        except (TypeError, ValueError):
            row = next(row for row, value in enumerate(present) if not isinstance(value, (int, float)))
            raise ZaohuaError(
                f"column {self.name!r} is {self.kind}, but row {row} holds {present.iloc[row]!r}"
            ) from None
        infinite = np.flatnonzero(np.isinf(values))
        if len(infinite):
            raise ZaohuaError(
                f"column {self.name!r} holds {len(infinite):,} infinite values, the first in row "
                f"{present.index[infinite[0]]}: replace them, or leave the rows out"
            )
        return values

    def _cells(self, values: np.ndarray) -> pd.Series | np.ndarray:
        """Convert float64 to cells without missing values."""
        if self.kind == "datetime":
            return from_ticks(self.origin + np.round(values).astype(np.int64) * self.unit, self.dtype, self.format)
        if self.origin:
            return np.array([self.origin + int(value) for value in values], dtype=object)
        return values.astype(np.int64) if self.kind == "integer" and abs(self.high) < EXACT else values

    def about(self) -> str:
        """Describe the column's kind and values in a line."""
        parts: list[str] = [self.kind]
        if self.categories is not None:
            shown = ", ".join([*map(str, self.categories[:4]), *["..."] * (len(self.categories) > 4)])
            parts.append(f"{len(self.categories)} value{'s' * (len(self.categories) != 1)} ({shown})")
        elif self.kind != "identifier":
            ends = self.decode(np.array([self.low, self.high])).tolist()
            parts.append(f"{ends[0]} to {ends[1]}")
            if self.decimals:
                parts.append(f"{self.decimals} decimals")
        else:
            parts.append("generated, not learnt")
        if self.missing:
            parts.append(f"{self.missing:.1%} missing")
        return ", ".join(parts)

    def to_json(self) -> Json:
        """Return all properties as JSON values."""
        return asdict(self)


def _is_large(present: pd.Series) -> bool:
    """Return True if integers are too large to be represented exactly as float64."""
    return max(abs(int(present.max())), abs(int(present.min()))) > EXACT
