"""Inference of the kind of a table's column from its cells."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionDtype

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.tables.dates import date_format
from zaohua.modalities.tables.identifiers import looks_like_identifiers

Kind = Literal["continuous", "integer", "boolean", "categorical", "ordered", "datetime", "identifier"]
"""Kinds of columns."""
NUMBERS = ("continuous", "integer", "datetime")
EXACT = 2**53
"""Integers up to this are exactly representable as float64; a larger float is a rounded number, whole or not."""
FEW = 10
"""Maximum number of distinct numbers that count as ordered categories, if each occurs three times on average."""


def plain(series: pd.Series) -> pd.Series:
    """Convert a column of objects to a dtype for numbers, strings or times, if possible.

    Raises:
        ZaohuaError: the dtype isn't supported, or cells hold lists or other objects.
    """
    if series.dtype == object:
        series = series.infer_objects()
    if series.dtype.kind in "mcV" or isinstance(series.dtype, (pd.PeriodDtype, pd.IntervalDtype)):
        raise ZaohuaError(
            f"column {series.name!r} is of type {series.dtype}, which isn't supported: "
            "convert it to numbers, times or strings"
        )
    if series.dtype == object:
        for row, value in enumerate(series):
            if isinstance(value, (list, dict, set, tuple, np.ndarray)):
                raise ZaohuaError(
                    f"column {series.name!r} holds a {type(value).__name__} in row {row}: give one "
                    "value a cell, or leave the column out"
                )
    return series


def dtype_of(name: str) -> str | ExtensionDtype:
    """Return the dtype for a name that pandas, possibly another version, wrote.

    pandas 3 calls its dtype of strings "str". pandas 2.3 has that dtype, too, but would interpret the name as Python's
    type and convert None to the string "None". Arrow's strings call themselves "string[pyarrow]", a name by which
    pandas would return its own dtype.
    """
    if name == "string[pyarrow]":
        import pyarrow

        return pd.ArrowDtype(pyarrow.string())
    return pd.StringDtype(na_value=np.nan) if name == "str" else name


def infer(series: pd.Series, present: pd.Series) -> Kind:
    """Infer the kind of a column from all its cells, and from those that aren't missing."""
    values = present.unique()
    if pd.api.types.is_bool_dtype(present.dtype) or (len(values) and all(isinstance(v, bool) for v in values)):
        return "boolean"
    if isinstance(series.dtype, pd.CategoricalDtype):
        return "ordered" if series.dtype.ordered else "categorical"
    if len(values) < 2:
        return "categorical"
    if series.dtype.kind == "M":
        return "datetime"
    if pd.api.types.is_numeric_dtype(present.dtype) or all(type(v) in (int, float) for v in values):
        whole = all(isinstance(v, int) or (abs(v) <= EXACT and v.is_integer()) for v in values.tolist())
        if whole and looks_like_identifiers(present):
            return "identifier"
        if len(values) <= FEW and 3 * len(values) <= len(present):
            return "ordered"
        return "integer" if whole else "continuous"
    if date_format(present) is not None:
        return "datetime"
    return "identifier" if looks_like_identifiers(present) else "categorical"


def decimals(values: np.ndarray, most: int = 6) -> int | None:
    """Return the number of decimal places that suffices for all numbers; None if that is more than `most`."""
    scale = float(np.abs(values).max())
    if not scale or scale > 1e9 or not math.isfinite(scale):
        return None
    for digits in range(most + 1):
        if np.allclose(values, np.round(values, digits), rtol=1e-7, atol=0):
            return digits
    return None
