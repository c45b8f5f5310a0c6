"""Times in tables: as whole numbers of ticks, with their zone, or written as text in one of the usual ways."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pandas as pd

DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y%m%d", "%d %b %Y", "%b %d, %Y")
TIMES = ("", " %H:%M:%S", " %H:%M", "T%H:%M:%S", "T%H:%M", " %H:%M:%S.%f", "T%H:%M:%S.%f", " %I:%M %p")
ZONES = ("", "%z", " %z", "Z")
LOOKED_AT = 50
"""Cells that a way of writing has to fit before all are tried."""


def date_format(present: pd.Series) -> str | None:
    """The way in which all texts of a column are times, as `strftime` writes it; None if there is none."""
    texts = present.astype(str)
    first = texts.iloc[:LOOKED_AT]
    if not first.str.contains(r"^\d{1,4}\D|^\d{8}|^[A-Z][a-z]{2} \d", regex=True).all() or first.str.len().max() > 40:
        return None
    if first.str.fullmatch(r"-?\d*\.?\d+").all() and not first.str.fullmatch(r"(19|20)\d{6}").all():
        return None  # numbers
    for day, time, zone in itertools.product(DAYS, TIMES, ZONES):
        form = day + time + zone
        if _written(first, form) and _written(texts, form):
            return form
    return None


def _written(texts: pd.Series, form: str) -> bool:
    """Whether all texts are times in this form, and are the same when written again."""
    times = pd.to_datetime(texts, format=form, errors="coerce", utc="%z" in form)
    return bool(times.notna().all())


def to_ticks(present: pd.Series, dtype: str, form: str | None) -> np.ndarray:
    """Times -> int64 ticks since 1970, by the clock on the wall; of texts in UTC.

    Args:
        present: the times, with ticks of any length, in any zone.
        dtype: whose ticks and zone are meant; microseconds where it names none.
        form: of times that are written as text, always microseconds.
    """
    if form is not None:
        times = pd.to_datetime(present.astype(str), format=form, utc="%z" in form)
        return times.dt.tz_localize(None).to_numpy("datetime64[us]").astype(np.int64)
    zone = getattr(getattr(present.dtype, "pyarrow_dtype", present.dtype), "tz", None)
    if zone is not None:  # by way of pandas' own times, since Arrow's lose their zone in pandas 2 as clocks in UTC
        kind = pd.DatetimeTZDtype(np.datetime_data(_naive(dtype))[0], _zone(dtype) or zone)
        present = present.astype(kind).dt.tz_localize(None)
    return present.to_numpy(_naive(dtype)).astype(np.int64)


def from_ticks(ticks: np.ndarray, dtype: str, form: str | None) -> Any:
    """The inverse of `to_ticks`. Of a clock that shows a time twice the first is meant, of one never shown the next."""
    if form is not None:
        times = pd.Series(ticks.astype("datetime64[us]"))
        return (times.dt.tz_localize("UTC") if "%z" in form else times).dt.strftime(form).to_numpy(object)
    times = pd.Series(ticks.astype(_naive(dtype)))
    zone = _zone(dtype)
    if zone is None:
        return times
    return times.dt.tz_localize(zone, ambiguous=np.ones(len(times), bool), nonexistent="shift_forward")


def _zone(dtype: str) -> str | None:
    """The zone that a dtype of pandas or Arrow names."""
    found = re.search(r", (?:tz=)?([^]]+)]", dtype)
    return None if found is None else found[1]


def _naive(dtype: str) -> str:
    """The dtype of numpy with the same ticks."""
    unit = dtype.partition("[")[2].rstrip("]").partition(",")[0]
    return f"datetime64[{unit if unit in ('s', 'ms', 'us', 'ns') else 'us'}]"
