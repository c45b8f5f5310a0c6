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
from zaohua.modalities.tables import written
from zaohua.modalities.tables.cells import NULLS, Cells
from zaohua.modalities.tables.identifiers import IdentifierPattern
from zaohua.modalities.tables.kinds import (
    EXACT,
    NUMBERS,
    TIMES,
    Kind,
    decimals,
    distinguished,
    dtype_of,
    factorized,
    infer,
    plain,
)
from zaohua.modalities.tables.refused import TooManyCategories

MAYBE = 1e-9
"""Fraction of missing cells that stands for: there may be some."""


@dataclass
class Column(Cells):
    """Fitted properties of a column; see `Cells` for those of single cells.

    Attributes:
        categories: values of a categorical column, in the order of their indices.
        low, high: minimum and maximum of numbers, after the subtraction of `origin`.
        step: step that all numbers are multiples of, counted from `low`; 0 if there is none.
        decimals: number of decimal places; None if there are many.
        pattern: pattern of identifiers.
    """

    categories: list[str | float] | None = None
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    decimals: int | None = None
    pattern: Json | None = None

    @property
    def size(self) -> int:
        """Number of categories, including one for missing cells; 0 for numbers."""
        return 0 if self.categories is None else len(self.categories) + (self.missing > 0)

    @property
    def missing_code(self) -> int | None:
        """Index of the category of missing cells; None if there is none."""
        return self.size - 1 if self.categories is not None and self.missing > 0 else None

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
        given, series = series, plain(series, say=True)
        form = kind.partition(":")[2] if kind is not None and kind.startswith("datetime:") else None
        kind = "datetime" if form else kind
        if kind is not None and kind not in get_args(Kind):
            raise unknown(f"kind of column {series.name!r}:", kind, get_args(Kind))
        found = written.read(series, kind, form) if kind in (None, *NUMBERS) and written.is_text(series) else None
        present = (series if found is None else series[~found.missing]).dropna()
        if kind is None and found is not None:
            kind = "datetime" if found.numbers is None else infer(found.numbers, found.numbers)
        kind = infer(series, present) if kind is None else kind
        column = cls(series.name, cast(Kind, kind), str(given.dtype), 1 - len(present) / max(1, len(series)))
        column._learn_cells(given, series, found)
        if kind == "identifier":
            column.pattern = IdentifierPattern.from_cells(present).to_json()
        elif column.is_category:
            column._learn_categories(series, present, most, None if found is None else found.numbers)
        else:
            column._learn_numbers(present)
        return column

    def _learn_cells(self, given: pd.Series, series: pd.Series, found: written.Written | None) -> None:
        """Learn what missing cells are, how texts are written, and the type of Python's objects."""
        nulls = given[given.isna()]
        if len(nulls):
            self.null = NULLS.get(type(nulls.iloc[0]).__name__, "nan")
        if found is not None and self.kind != "identifier":
            self.format, self.word = found.form, found.word
            self.spelling = None if found.spelling is None else found.spelling.to_json()
        self.objects = written.object_type(given)
        if given.dtype == object and series.dtype.kind in "mM":
            self.times, self.objects = str(series.dtype), written.time_type(given)

    def _learn_categories(
        self, series: pd.Series, present: pd.Series, most: int, numbers: pd.Series | None = None
    ) -> None:
        """Learn the categories: sorted, or in the order of the numbers that texts are."""
        if isinstance(series.dtype, pd.CategoricalDtype):
            values = series.dtype.categories.tolist()
        elif numbers is not None and self.kind == "ordered":
            values = present[numbers.sort_values(kind="stable").index].unique().tolist()
        else:
            values = factorized(present)[1]
            kinds = {type(value) for value in values}
            values = sorted(values) if len(kinds) == 1 else values
        if len(values) > most:
            raise TooManyCategories(self.name, len(values), most)
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
        if self.kind in TIMES:
            ticks = written.ticks(present, self.times or self.dtype, self.format)
            self.origin = int(ticks.min())
            self.unit = max(1, int(np.gcd.reduce(ticks - self.origin)))
        else:
            numbers = written.numbers(present, self.kind, self.spelling)
            exact = numbers.astype(object) if self.kind == "integer" and _is_large(numbers) else None
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

    def encode(self, series: pd.Series, clip: bool = True) -> np.ndarray:
        """Encode cells, float64 (n,); unknown categories become -1.

        Args:
            series: the cells.
            clip: whether numbers are clipped to the column's range.

        Raises:
            ZaohuaError: a cell isn't of the column's kind.
        """
        series = plain(series)
        missing = self.missing_cells(series)
        if self.categories is None:
            out = np.full(len(series), np.nan)
            values = self._numbers(series[~missing])
            out[~missing] = np.clip(values, self.low, self.high) if clip else values
            return out
        texts = {str(value): index for index, value in enumerate(self.categories)}
        equal = {value: index for index, value in enumerate(self.categories)}
        same = {distinguished(value): index for index, value in enumerate(self.categories)}
        codes, cells = factorized(series.mask(missing) if self.word is not None else series)
        known = [same.get(distinguished(cell), equal.get(cell, texts.get(str(cell), -1))) for cell in cells]
        encoded: np.ndarray = np.array([*known, -1], dtype=np.float64)[codes]
        encoded[missing] = -1 if self.missing_code is None else self.missing_code
        return encoded

    def marked(self, codes: np.ndarray) -> np.ndarray:
        """Return codes (n,), not clipped, with those unlike training's hidden: -1 for categories, infinite for numbers.

        Numbers may leave the range by as much as writing and reading them rounds.
        """
        if self.is_category:
            return codes
        rounding = 0.0 if self.is_discrete else 2e-7 * max(abs(self.low), abs(self.high))
        hidden = (codes < self.low - rounding) | (codes > self.high + rounding) | (np.isnan(codes) & (not self.missing))
        return np.where(hidden, np.inf, np.clip(codes, self.low, self.high))

    def check_known(self, series: pd.Series, codes: np.ndarray) -> None:
        """Raise a `ZaohuaError` that names the first cell of an unknown category, or missing where none was."""
        unknown_codes = codes == -1 if self.is_category else np.isnan(codes) | np.isinf(codes)
        missing = (
            self.missing_cells(series) if not self.missing and unknown_codes.any() else np.zeros(len(series), bool)
        )
        for row in np.flatnonzero(unknown_codes & (missing | self.is_category)):
            value = series.iloc[row]
            if missing[row]:
                raise ZaohuaError(f"column {self.name!r} has no value in row {row}, and all rows had one in training")
            raise unknown(f"value in row {row} of column {self.name!r}:", value, self.categories or [])

    def check_range(self, series: pd.Series) -> None:
        """Raise a `ZaohuaError` that names the first number outside the range of training."""
        series = plain(series)
        present = series[~self.missing_cells(series)]
        values = np.zeros(0) if self.is_category or not len(present) else self._numbers(present)
        for row in np.flatnonzero((values < self.low) | (values > self.high)):
            low, high = self._ends()
            raise ZaohuaError(
                f"column {self.name!r} goes from {low} to {high} in training, so it can't be {present.iloc[row]}"
            )

    def identifiers(self, n: int, given: pd.Series | None = None) -> pd.Series:
        """Generate n identifiers, or only those that are missing among n given ones."""
        pattern = IdentifierPattern.from_json(self.pattern or {})
        values = list(pattern.generate(n)) if given is None else pattern.fill(given)
        cells = written.to_objects(np.array(values, dtype=object), self.objects)
        return pd.Series(cells, name=self.name, dtype=dtype_of(self.dtype))

    def decode(self, codes: np.ndarray, snap: bool = True) -> pd.Series:
        """Decode cells (n,) to the dtype of the column, which must be learnt.

        Args:
            codes: the codes.
            snap: whether numbers are brought to the column's range and step.
        """
        if self.categories is not None:
            values = np.array([*self.categories, None], dtype=object)
            cells = values[np.minimum(codes, len(self.categories)).astype(np.int64)]
            if self.dtype == "category":
                kind = pd.CategoricalDtype(self.categories, ordered=self.kind == "ordered")
                return pd.Series(cells, name=self.name, dtype=kind)
            return self._series(cells, codes >= len(self.categories))
        missing = np.isnan(codes)
        return self._series(self._cells(np.where(missing, self.low, self.snap(codes) if snap else codes)), missing)

    def snap(self, values: np.ndarray) -> np.ndarray:
        """Clip numbers to the column's range, and round them to multiples of its step."""
        values = np.clip(values, self.low, self.high)
        if self.decimals is not None:
            return np.round(values, self.decimals)
        if self.step:
            values = self.low + np.round((values - self.low) / self.step) * self.step
        return np.clip(values, self.low, self.high)

    def _ends(self) -> list[object]:
        """Return the minimum and maximum as cells."""
        ends: list[object] = self.decode(np.array([self.low, self.high])).tolist()
        return ends

    def about(self) -> str:
        """Describe the column's kind and values in a line."""
        parts: list[str] = [self.kind]
        if self.categories is not None:
            shown = ", ".join([*map(str, self.categories[:4]), *["..."] * (len(self.categories) > 4)])
            parts.append(f"{len(self.categories)} value{'s' * (len(self.categories) != 1)} ({shown})")
        elif self.kind != "identifier":
            ends = self._ends()
            parts.append(f"{ends[0]} to {ends[1]}")
            if self.decimals:
                parts.append(f"{self.decimals} decimal{'s' * (self.decimals != 1)}")
        else:
            parts.append("generated, not learnt")
        if self.missing:
            parts.append("may be missing" if self.missing == MAYBE else f"{self.missing:.1%} missing")
        return ", ".join(parts)

    def to_json(self) -> Json:
        """Return all properties as JSON values."""
        return asdict(self)


def _is_large(present: pd.Series) -> bool:
    """Return True if integers are too large to be represented exactly as float64."""
    return max(abs(int(present.max())), abs(int(present.min()))) > EXACT
