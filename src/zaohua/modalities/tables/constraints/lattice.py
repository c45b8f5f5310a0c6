"""Columns of numbers or dates that constraints link, in common units, and the constraints as linear inequalities.

If all columns have a step (whole numbers, decimals, dates), their values v are multiples of one common unit and
therefore whole, so that sums and comparisons are exact. Otherwise v are the numbers themselves.

    A v <= b    or    A v = b
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction

import numpy as np
import pandas as pd

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.modalities.tables import date_formats
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.constraints.parsing import Linear
from zaohua.modalities.tables.dates import nanoseconds, zone_of
from zaohua.modalities.tables.kinds import NUMBERS, TIMES

PRECISION = {"float16": 2.0**-9, "float32": 2.0**-21}
"""Relative distance that numbers must have to differ, by dtype; that of float64 is `FINE`."""
FINE = 1e-12
EQUAL = 1e-9
"""Relative difference of sums of numbers without steps that counts as none."""
FREE = 0.01
"""Distance, in whole units, that a strict inequality demands of a value that need not exist."""
LARGEST = 1e300


@dataclass
class Lattice:
    """Linked columns in common units.

    Attributes:
        columns: indices of the columns in a table's codes.
        mult, shift: v = code * mult + shift, for each column.
        step, offset: v of a column are offset + multiples of step; step is 0 for numbers of any value.
        low, high: range in training.
        least, most: range of the dtype.
        decimals: decimal places of the codes; -1 if there are none to keep.
        whole: True if all v are whole.
        noise: relative error of codes that is due to their dtype.
        margin: distance that strict inequalities demand.
        texts: the constraint that each inequality is part of.
        matrix, bound: A and b.
        equal, strict: whether an inequality is an equation, and whether it is strict.
    """

    columns: list[int]
    mult: list[float]
    shift: list[float]
    step: list[float]
    offset: list[float]
    low: list[float]
    high: list[float]
    least: list[float]
    most: list[float]
    decimals: list[int]
    whole: bool
    noise: float
    margin: float
    texts: list[str]
    matrix: list[list[float]]
    bound: list[float]
    equal: list[bool]
    strict: list[bool]

    @classmethod
    def fit(
        cls, indices: Sequence[int], columns: Sequence[Column], codes: np.ndarray, linears: Sequence[Linear]
    ) -> Lattice:
        """Determine the common units of columns, and convert the constraints to them.

        Args:
            indices: indices of the linked columns.
            columns: all columns.
            codes: codes of all columns (n, columns), NaN if missing.
            linears: the constraints.

        Raises:
            ZaohuaError: numbers and dates are mixed, or a constant is neither; the message names the constraint.
        """
        for linear in linears:
            _check_kinds(linear, columns)
        linked = [_with_exact_step(columns[index], codes[:, index]) for index in indices]
        is_time = linked[0].kind in TIMES
        whole = is_time or all(column.step > 0 for column in linked)
        units, origins = _time_units(linked) if is_time else _number_units(linked, whole)
        zeros = _zeros(linked, origins)
        names = [column.name for column in linked]
        rows = []
        for linear in linears:
            unit = Fraction(units.common) if whole else Fraction(1)
            coefficients = [dict(linear.terms).get(name, 0) for name in names]
            constant = sum((sign * _literal(linear, text, columns) for sign, text in linear.literals), Fraction(0))
            moved = sum((each * Fraction(zero) for each, zero in zip(coefficients, zeros, strict=True)), Fraction(0))
            bound = (-constant - moved) / unit
            rows.append((linear, coefficients, bound))
        scale = max(max(abs(column.low), abs(column.high)) for column in linked) or 1.0
        mult = [float(Fraction(each) / units.common) for each in units.each] if whole else [1.0] * len(linked)
        shift = [
            float((Fraction(origin) - zero) / (units.common if whole else 1))
            for origin, zero in zip(origins, zeros, strict=True)
        ]
        step = [_step(column, by) if whole else column.step for column, by in zip(linked, mult, strict=True)]
        limits = [_limits(column) for column in linked]
        lattice = cls(
            columns=list(indices),
            mult=mult,
            shift=shift,
            step=step,
            offset=[
                (column.low if column.is_discrete else 0.0) * by + add
                for column, by, add in zip(linked, mult, shift, strict=True)
            ],
            low=[column.low * by + add for column, by, add in zip(linked, mult, shift, strict=True)],
            high=[column.high * by + add for column, by, add in zip(linked, mult, shift, strict=True)],
            least=[
                _bounded(low, column, by, add)
                for (low, _), column, by, add in zip(limits, linked, mult, shift, strict=True)
            ],
            most=[
                _bounded(high, column, by, add)
                for (_, high), column, by, add in zip(limits, linked, mult, shift, strict=True)
            ],
            decimals=[-1 if column.decimals is None else column.decimals for column in linked],
            whole=whole,
            noise=max(_noise(column) for column in linked),
            margin=1.0 if whole else scale * max(PRECISION.get(column.dtype, FINE) for column in linked),
            texts=[linear.text for linear, _, _ in rows],
            matrix=[[float(each) for each in coefficients] for _, coefficients, _ in rows],
            bound=[float(bound) for _, _, bound in rows],
            equal=[linear.relation == "=" for linear, _, _ in rows],
            strict=[linear.relation == "<" for linear, _, _ in rows],
        )
        if whole:
            for name in ("low", "high", "offset"):
                setattr(lattice, name, np.rint(getattr(lattice, name)).tolist())
        return lattice

    @property
    def tolerance(self) -> float:
        """Difference of values that counts as none."""
        return 1e-6 if self.whole else self.margin / 8

    def values(self, codes: np.ndarray) -> np.ndarray:
        """Convert codes of all columns (n, columns) to values of the linked ones (n, m)."""
        v = codes[:, self.columns] * self.mult + self.shift
        if self.whole:
            near = np.rint(v)
            v = np.where(np.abs(v - near) <= np.maximum(self.noise * np.abs(v), 1e-6), near, v)
        return np.asarray(v)

    def codes(self, v: np.ndarray) -> np.ndarray:
        """Convert values (n, m) to codes (n, m)."""
        codes = (v - self.shift) / self.mult
        if self.whole:
            for j, digits in enumerate(self.decimals):
                if digits >= 0:
                    kept = np.round(codes[:, j], digits)
                    codes[:, j] = np.where(np.isclose(kept, codes[:, j], rtol=1e-12, atol=1e-9), kept, codes[:, j])
        return np.asarray(codes)

    def broken(self, v: np.ndarray) -> np.ndarray:
        """Return which inequalities values (n, m) violate, bool (n, k); one with a missing value is none of them."""
        total = np.zeros((len(v), len(self.bound)))
        size = np.zeros_like(total)
        for k, row in enumerate(self.matrix):
            for j, coefficient in enumerate(row):
                if coefficient:
                    total[:, k] += coefficient * v[:, j]
                    size[:, k] += np.abs(coefficient * v[:, j])
        over = total - self.bound
        slack = np.full_like(size, 1e-6) if self.whole else EQUAL * size + 1e-6 * min(1.0, self._scale)
        out = np.where(self.equal, np.abs(over) > slack, np.where(self.strict, over >= 0, over > 0))
        if self.whole:
            out = np.where(self.equal, out, np.where(self.strict, over > -1e-6, over > 1e-6))
        return out & ~np.isnan(total)

    @property
    def _loose(self) -> float:
        return EQUAL * len(self.columns) * self._scale + 1e-6 * min(1.0, self._scale)

    @property
    def _scale(self) -> float:
        return max(map(abs, [*self.low, *self.high])) or 1.0

    def inequalities(self, free: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return A (k, m) and b (k,) of A v <= b with all strict inequalities tightened, and equations as pairs.

        Args:
            free: True to tighten less, for values that need not be multiples of a step because they are missing.
        """
        rows, bounds = [], []
        for row, bound, equal, strict in zip(self.matrix, self.bound, self.equal, self.strict, strict=True):
            if strict:
                bound = bound - (FREE if self.whole and free else self.margin)
                bound = math.ceil(bound - 1e-9) if self.whole and not free else bound
            elif self.whole and not equal:
                bound = math.floor(bound + 1e-9)
            loose = 0.0 if self.whole or not equal else self._loose if free else self.margin / 2
            rows.append(row)
            bounds.append(bound + loose)
            if equal:
                rows.append([-each for each in row])
                bounds.append(-bound + loose)
        return np.array(rows, dtype=np.float64), np.array(bounds, dtype=np.float64)

    def real_inequalities(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return A, b and whether they are strict (k,), as they are for real numbers, with equations as pairs."""
        rows, bounds, strict = [], [], []
        for row, bound, equal, is_strict in zip(self.matrix, self.bound, self.equal, self.strict, strict=True):
            for sign in (1.0, -1.0)[: 1 + equal]:
                rows.append([sign * each for each in row])
                bounds.append(sign * bound)
                strict.append(float(is_strict))
        return np.array(rows), np.array(bounds), np.array(strict)

    def to_json(self) -> Json:
        """Return all properties as JSON values."""
        return asdict(self)


def _noise(column: Column) -> float:
    """Return the relative error of numbers of a column's dtype."""
    return PRECISION.get(column.dtype, 2.0**-50)


def _with_exact_step(column: Column, codes: np.ndarray) -> Column:
    """Return a column without a step if its numbers are only near to multiples of it."""
    if column.decimals is None:
        return column
    v = codes[~np.isnan(codes)] * 10.0**column.decimals
    near = np.abs(v - np.rint(v)) <= np.maximum(_noise(column) * np.abs(v), 1e-6)
    return column if near.all() else replace(column, decimals=None, step=0.0)


@dataclass(frozen=True)
class _Units:
    """Units of codes, and the common unit."""

    each: list[Fraction]
    common: Fraction


def _check_kinds(linear: Linear, columns: Sequence[Column]) -> None:
    by_name = {column.name: column for column in columns}
    linked = [by_name[name] for name, _ in linear.terms]
    for column in linked:
        if column.kind not in NUMBERS:
            raise ZaohuaError(
                f"constraint {linear.text!r}: column {column.name!r} is neither numbers nor times, but {column.kind}"
            )
    times = [column for column in linked if column.kind in TIMES]
    if not times:
        return
    if len(times) < len(linked):
        other = next(column for column in linked if column.kind not in TIMES)
        raise ZaohuaError(
            f"constraint {linear.text!r} mixes times ({times[0].name!r}) and numbers ({other.name!r}): "
            "write durations as constants, such as '30 days'"
        )
    dates = [column for column in times if column.kind == "datetime"]
    if len({_calendar(column) for column in dates}) > 1:
        raise ZaohuaError(
            f"constraint {linear.text!r}: {dates[0].name!r} and {dates[-1].name!r} have different time zones or periods: "
            "convert one"
        )
    if _date_sign(linear, columns) not in (-1, 0, 1):
        raise ZaohuaError(f"constraint {linear.text!r}: dates can be subtracted, but not added")


def _date_sign(linear: Linear, columns: Sequence[Column]) -> int:
    """Return the sum of the coefficients of dates: 0 if the expression is a duration, 1 or -1 if it is a date."""
    dates = {column.name for column in columns if column.kind == "datetime"}
    return sum(coefficient for name, coefficient in linear.terms if name in dates)


def _calendar(column: Column) -> str | None:
    """Return what dates must have in common to be compared: the time zone, or the dtype of periods."""
    dtype = column.times or column.dtype
    return dtype if dtype.startswith("period") else zone_of(dtype)


def _zeros(linked: Sequence[Column], origins: Sequence[int]) -> list[int]:
    """Return what is subtracted from each column: one origin for all dates, or for large whole numbers."""
    dates = [origin for column, origin in zip(linked, origins, strict=True) if column.kind == "datetime"]
    if linked[0].kind in TIMES:
        return [min(dates) if column.kind == "datetime" else 0 for column in linked]
    return [min(origins) if any(origins) else 0] * len(linked)


def _number_units(linked: Sequence[Column], whole: bool) -> tuple[_Units, list[int]]:
    digits = max(column.decimals or 0 for column in linked) if whole else 0
    return _Units([Fraction(1)] * len(linked), Fraction(1, 10**digits)), [column.origin for column in linked]


def _time_units(linked: Sequence[Column]) -> tuple[_Units, list[int]]:
    """Return units and origins of times, in nanoseconds or periods; the common unit is the longest that divides all."""
    ticks = [_tick(column) for column in linked]
    each = [column.unit * tick for column, tick in zip(linked, ticks, strict=True)]
    origins = [column.origin * tick for column, tick in zip(linked, ticks, strict=True)]
    zeros = _zeros(linked, origins)
    common = math.gcd(*each, *(origin - zero for origin, zero in zip(origins, zeros, strict=True)))
    return _Units([Fraction(unit) for unit in each], Fraction(common)), origins


def _tick(column: Column) -> int:
    dtype = column.times or column.dtype
    return 1 if dtype.startswith("period") else nanoseconds(dtype, column.format)


DURATION = re.compile(r"[+-]?[\d.]+\s*[A-Za-z]+|[+-]?\d+ days? [\d:.]+")


def _literal(linear: Linear, text: str, columns: Sequence[Column]) -> Fraction:
    """Convert a constant to a number, or to nanoseconds beside dates."""
    first = next(column for column in columns if column.name == linear.terms[0][0])
    if first.kind not in TIMES:
        try:
            return Fraction(Decimal(text.replace("_", "")))
        except InvalidOperation:
            raise ZaohuaError(f"constraint {linear.text!r}: {text!r} is not a number") from None
    is_difference = _date_sign(linear, columns) == 0
    try:
        if DURATION.fullmatch(text) or text == "0":
            return Fraction(pd.Timedelta(text if text != "0" else 0).value)
        if is_difference:
            raise ValueError(text)
        date = next(column for column in columns if column.kind == "datetime" and column.name in dict(linear.terms))
        dtype = date.times or date.dtype
        if dtype.startswith("period"):
            return Fraction(pd.Period(text, freq=dtype.partition("[")[2].rstrip("]")).ordinal)
        time = _time(text, date.format).to_datetime64().astype("datetime64[us]")
        return Fraction(int(time.astype(np.int64)) * 1000)
    except (ValueError, TypeError, OverflowError):
        what = "a duration, such as '30 days'" if is_difference else "a time, such as '2020-01-31'"
        raise ZaohuaError(f"constraint {linear.text!r}: {text!r} must be {what}") from None


def _time(text: str, form: str | None) -> pd.Timestamp:
    """Read a time in the format of a column, or else in a usual one."""
    if form is not None:
        time = date_formats.parse(pd.Series([text]), form)[0]
        if not np.isnat(time):
            return pd.Timestamp(time)
    return pd.Timestamp(text).tz_localize(None)


def _step(column: Column, by: float) -> float:
    return float(max(1, round(column.step * by)))


def _limits(column: Column) -> tuple[float, float]:
    """Return the least and greatest number of a column's dtype."""
    if column.kind in TIMES:
        return -float(2**53), float(2**53)
    name = re.sub(r"\[pyarrow\]", "", column.dtype).lower()
    name = {"halffloat": "float16", "float": "float32", "double": "float64"}.get(name, name)
    try:
        kind = np.dtype(name)
    except TypeError:
        return -LARGEST, LARGEST
    if kind.kind in "iu":
        info = np.iinfo(kind)
        return float(info.min), float(np.nextafter(float(info.max), 0)) if info.bits == 64 else float(info.max)
    return (-float(np.finfo(kind).max), float(np.finfo(kind).max)) if kind.kind == "f" else (-LARGEST, LARGEST)


def _bounded(limit: float, column: Column, by: float, add: float) -> float:
    """Convert a limit of numbers, or of codes of dates, to values."""
    return float(np.clip((limit if column.kind in TIMES else limit - column.origin) * by + add, -LARGEST, LARGEST))
