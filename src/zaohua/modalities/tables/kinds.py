"""What a column of a table is, found out from its cells."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pandas as pd

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.tables.dates import date_format
from zaohua.modalities.tables.identifiers import looks_like_identifiers

Kind = Literal["continuous", "integer", "boolean", "categorical", "ordered", "datetime", "identifier"]
"""Kinds of columns."""
NUMBERS = ("continuous", "integer", "datetime")
FEW = 10
"""Different numbers of a column that are categories, in their order, if each comes up three times on average."""


def plain(series: pd.Series) -> pd.Series:
    """A column of objects as what they are: numbers, texts, times.

    Raises:
        ZaohuaError: cells hold lists or other objects.
    """
    if series.dtype == object:
        series = series.infer_objects()
    if series.dtype.kind in "mcV" or isinstance(series.dtype, (pd.PeriodDtype, pd.IntervalDtype)):
        raise ZaohuaError(
            f"column {series.name!r} is of type {series.dtype}, which tables of this library can't hold: "
            "make it numbers, times or texts"
        )
    if series.dtype == object:
        for row, value in enumerate(series):
            if isinstance(value, (list, dict, set, tuple, np.ndarray)):
                raise ZaohuaError(
                    f"column {series.name!r} holds a {type(value).__name__} in row {row}: give one "
                    "value a cell, or leave the column out"
                )
    return series


def dtype_of(name: str) -> Any:
    """The dtype that a pandas, maybe another one, wrote so.

    What pandas 3 makes of texts and calls "str" is there in pandas 2.3, too, which takes that name for Python's type
    and would make the text "None" of None. "string[pyarrow]" is what Arrow's texts say of themselves, while reading it
    gives pandas' own.
    """
    if name == "string[pyarrow]":
        import pyarrow

        return pd.ArrowDtype(pyarrow.string())
    return pd.StringDtype(na_value=np.nan) if name == "str" else name


def infer(series: pd.Series, present: pd.Series) -> Kind:
    """What a column is, from all its cells and those that have a value."""
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
        whole = all(isinstance(v, int) or float(v).is_integer() for v in values.tolist())
        if whole and looks_like_identifiers(present):
            return "identifier"
        if len(values) <= FEW and 3 * len(values) <= len(present):
            return "ordered"
        return "integer" if whole else "continuous"
    if date_format(present) is not None:
        return "datetime"
    return "identifier" if looks_like_identifiers(present) else "categorical"


def decimals(values: np.ndarray, most: int = 6) -> int | None:
    """The digits behind the point that all numbers have at most; None if more than `most`."""
    scale = float(np.abs(values).max())
    if not scale or scale > 1e9 or not math.isfinite(scale):
        return None
    for digits in range(most + 1):
        if np.allclose(values, np.round(values, digits), rtol=1e-7, atol=0):
            return digits
    return None
