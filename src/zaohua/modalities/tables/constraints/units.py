"""Units and ranges of columns that constraints link, and the constants of constraints in them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction

import numpy as np
import pandas as pd

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.tables import date_formats
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.constraints.parsing import Linear
from zaohua.modalities.tables.dates import nanoseconds, zone_of
from zaohua.modalities.tables.kinds import NUMBERS, TIMES

PRECISION = {"float16": 2.0**-9, "float32": 2.0**-21}
"""Relative distance that numbers must have to differ, by dtype."""
LARGEST = 1e300
"""Limit of numbers whose dtype has none."""


def noise_of(column: Column) -> float:
    """Return the relative error of numbers of a column's dtype."""
    return PRECISION.get(column.dtype, 2.0**-50)


def with_exact_step(column: Column, codes: np.ndarray) -> Column:
    """Return a column without a step if its numbers are only near to multiples of it."""
    if column.decimals is None:
        return column
    v = codes[~np.isnan(codes)] * 10.0**column.decimals
    near = np.abs(v - np.rint(v)) <= np.maximum(noise_of(column) * np.abs(v), 1e-6)
    return column if near.all() else replace(column, decimals=None, step=0.0)


@dataclass(frozen=True)
class Units:
    """Unit of the codes of each column, and the common unit."""

    each: list[Fraction]
    common: Fraction


def check_kinds(linear: Linear, columns: Sequence[Column]) -> None:
    """Check that a constraint is on numbers only or on times only.

    Raises:
        ZaohuaError: it isn't; the message names the constraint and the columns.
    """
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
            f"constraint {linear.text!r}: {dates[0].name!r} and {dates[-1].name!r} have different time zones or "
            "periods: convert one"
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


def zeros_of(linked: Sequence[Column], origins: Sequence[int]) -> list[int]:
    """Return what is subtracted from each column: one origin for all dates, or for large whole numbers."""
    dates = [origin for column, origin in zip(linked, origins, strict=True) if column.kind == "datetime"]
    if linked[0].kind in TIMES:
        return [min(dates) if column.kind == "datetime" else 0 for column in linked]
    return [min(origins) if any(origins) else 0] * len(linked)


def number_units(linked: Sequence[Column], whole: bool) -> tuple[Units, list[int]]:
    """Return units and origins of numbers; the common unit is that of the most decimal places."""
    digits = max(column.decimals or 0 for column in linked) if whole else 0
    return Units([Fraction(1)] * len(linked), Fraction(1, 10**digits)), [column.origin for column in linked]


def time_units(linked: Sequence[Column]) -> tuple[Units, list[int]]:
    """Return units and origins of times, in nanoseconds or periods; the common unit is the longest that divides all."""
    ticks = [_tick(column) for column in linked]
    each = [column.unit * tick for column, tick in zip(linked, ticks, strict=True)]
    origins = [column.origin * tick for column, tick in zip(linked, ticks, strict=True)]
    zeros = zeros_of(linked, origins)
    common = math.gcd(*each, *(origin - zero for origin, zero in zip(origins, zeros, strict=True)))
    return Units([Fraction(unit) for unit in each], Fraction(common)), origins


def _tick(column: Column) -> int:
    dtype = column.times or column.dtype
    return 1 if dtype.startswith("period") else nanoseconds(dtype, column.format)


DURATION = re.compile(r"[+-]?[\d.]+\s*[A-Za-z]+|[+-]?\d+ days? [\d:.]+")


def literal(linear: Linear, text: str, columns: Sequence[Column]) -> Fraction:
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


def step_of(column: Column, by: float) -> float:
    """Return the step of a column in common units, of which each code has `by`."""
    return float(max(1, round(column.step * by)))


def limits_of(column: Column) -> tuple[float, float]:
    """Return the codes of the least and the greatest number of a column's dtype."""
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
        most = float(np.nextafter(float(info.max), 0)) if info.bits == 64 else float(info.max)
        return float(info.min) - column.origin, most - column.origin
    most = min(LARGEST, float(np.finfo(kind).max)) if kind.kind == "f" else LARGEST
    return -most, most
