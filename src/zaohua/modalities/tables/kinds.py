"""Inference of the kind of a table's column from its cells."""

from __future__ import annotations

import datetime
import math
import re
from collections import Counter
from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionDtype

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note
from zaohua.modalities.tables import written
from zaohua.modalities.tables.identifiers import looks_like_identifiers

Kind = Literal["continuous", "integer", "boolean", "categorical", "ordered", "datetime", "duration", "identifier"]
"""Kinds of columns."""
TIMES = ("datetime", "duration")
NUMBERS = ("continuous", "integer", *TIMES)
EXACT = 2**53
"""Integers up to this are exactly representable as float64."""


def plain(series: pd.Series, say: bool = False) -> pd.Series:
    """Convert a column of objects to a dtype for numbers, times or strings, if possible.

    Dates, times of day, decimal numbers and UUIDs become texts, which `written.to_objects` inverts. Times of different
    offsets become times of the most frequent one.

    Args:
        series: the cells.
        say: True to note what is lost.

    Raises:
        ZaohuaError: the dtype isn't supported, or cells hold lists or other objects.
    """
    series = written.from_objects(series)
    if series.dtype == object:
        series = _same_offset(series, say).infer_objects()
    if series.dtype.kind in "cV" or isinstance(series.dtype, pd.IntervalDtype):
        raise ZaohuaError(
            f"column {series.name!r} is of type {series.dtype}, which isn't supported: "
            "convert it to numbers, times or strings"
        )
    if series.dtype == object:
        for row, value in enumerate(series):
            if isinstance(value, (list, dict, set, tuple, np.ndarray)):
                raise ZaohuaError(
                    f"column {series.name!r} holds a {type(value).__name__} in row {row}: give one "
                    f"value a cell, or leave the column out ({option('leave_out', (str(series.name),))})"
                )
    return series


def _same_offset(series: pd.Series, say: bool) -> pd.Series:
    """Convert times with several offsets to times of the most frequent one; leave other cells as they are."""
    present = series.dropna()
    if not len(present) or not all(isinstance(v, datetime.datetime) and v.tzinfo is not None for v in present):
        return series
    offsets = Counter(value.utcoffset() for value in present)
    if len(offsets) == 1 or len({str(value.tzinfo) for value in present}) == 1:
        return series
    zone = datetime.timezone(offsets.most_common(1)[0][0] or datetime.timedelta())
    if say:
        note(f"column {series.name!r} has {len(offsets)} offsets from UTC: the times are right, all given with {zone}")
    return pd.to_datetime(series, utc=True).dt.tz_convert(zone)


def dtype_of(name: str) -> str | ExtensionDtype:
    """Return the dtype for a name that pandas, possibly another version, wrote.

    pandas 3 calls its dtype of strings "str". pandas 2.3 has that dtype, too, but would interpret the name as Python's
    type and convert None to the string "None". Arrow's strings call themselves "string[pyarrow]", a name by which
    pandas would return its own dtype.
    """
    if name == "string[pyarrow]":
        import pyarrow

        return pd.ArrowDtype(pyarrow.string())
    decimal = re.fullmatch(r"decimal(128|256)\((\d+), (\d+)\)\[pyarrow\]", name)
    if decimal is not None:
        import pyarrow

        make = pyarrow.decimal128 if decimal[1] == "128" else pyarrow.decimal256
        return pd.ArrowDtype(make(int(decimal[2]), int(decimal[3])))
    return pd.StringDtype(na_value=np.nan) if name == "str" else name


def infer(series: pd.Series, present: pd.Series) -> Kind:
    """Infer the kind of a column from all its cells, and from those that aren't missing.

    Texts that are numbers are given as numbers; their kind "ordered" is then of the texts, in the order of the numbers.
    """
    values = factorized(present)[1]
    if pd.api.types.is_bool_dtype(present.dtype) or (len(values) and all(isinstance(v, bool) for v in values)):
        return "boolean"
    if isinstance(series.dtype, pd.CategoricalDtype):
        return "ordered" if series.dtype.ordered else "categorical"
    if len(values) < 2:
        return "categorical"
    if isinstance(series.dtype, pd.PeriodDtype) or series.dtype.kind == "M":
        return "datetime"
    if series.dtype.kind == "m":
        return "duration"
    if pd.api.types.is_numeric_dtype(present.dtype) or all(type(v) in (int, float) for v in values):
        whole = all(isinstance(v, int) or (float(v).is_integer() and abs(v) <= EXACT) for v in values)
        if whole and looks_like_identifiers(present):
            return "identifier"
        if written.is_few(present):
            return "ordered"
        return "integer" if whole else "continuous"
    return "identifier" if looks_like_identifiers(present) else "categorical"


def distinguished(value: object) -> object:
    """Return a key of a cell that isn't the same for True and 1, or for False and 0."""
    return ("bool", value) if isinstance(value, (bool, np.bool_)) else value


def factorized(series: pd.Series) -> tuple[np.ndarray, list[Any]]:
    """Return the index of each cell among the distinct ones, -1 if missing, and those, in the order of occurrence."""
    types = set(map(type, series)) if series.dtype == object else set()
    if bool not in types or len(types) < 2:
        codes, values = pd.factorize(series, use_na_sentinel=True)
        return codes, values.tolist()
    codes, values = pd.factorize(series.map(distinguished, na_action="ignore"), use_na_sentinel=True)
    return codes, [value[1] if isinstance(value, tuple) else value for value in values]


def decimals(values: np.ndarray, most: int = 6) -> int | None:
    """Return the number of decimal places that suffices for all numbers; None if that is more than `most`."""
    scale = float(np.abs(values).max())
    if not scale or scale > 1e9 or not math.isfinite(scale):
        return None
    for digits in range(most + 1):
        if np.allclose(values, np.round(values, digits), rtol=1e-7, atol=0):
            return digits
    return None
