"""Dates and times in tables: conversion to integer ticks, from time dtypes with zones or from common text formats."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pandas as pd

DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y%m%d", "%d %b %Y", "%b %d, %Y")
TIMES = ("", " %H:%M:%S", " %H:%M", "T%H:%M:%S", "T%H:%M", " %H:%M:%S.%f", "T%H:%M:%S.%f", " %I:%M %p")
ZONES = ("", "%z", " %z", "Z")
SAMPLE = 50
"""Number of cells that a format is tried on before it is tried on all."""


def date_format(present: pd.Series) -> str | None:
    """Detect the `strftime` format that all strings of a column have; return None if there is none."""
    texts = present.astype(str)
    first = texts.iloc[:SAMPLE]
    if not first.str.contains(r"^\d{1,4}\D|^\d{8}|^[A-Z][a-z]{2} \d", regex=True).all() or first.str.len().max() > 40:
        return None
    if first.str.fullmatch(r"-?\d*\.?\d+").all() and not first.str.fullmatch(r"(19|20)\d{6}").all():
        return None  # numbers
    for day, time, zone in itertools.product(DAYS, TIMES, ZONES):
        form = day + time + zone
        if _matches(first, form) and _matches(texts, form):
            return form
    return None


def _matches(texts: pd.Series, form: str) -> bool:
    """Return True if all strings are times in this format."""
    times = pd.to_datetime(texts, format=form, errors="coerce", utc="%z" in form)
    return bool(times.notna().all())


def to_ticks(present: pd.Series, dtype: str, form: str | None) -> np.ndarray:
    """Convert times to int64 ticks since 1970, in local time; strings with an offset are converted to UTC.

    Args:
        present: the times, with any unit and zone.
        dtype: dtype that gives the unit and zone of the result; microseconds if it names none.
        form: format of times that are strings, which are converted to microseconds.
    """
    if form is not None:
        times = pd.to_datetime(present.astype(str), format=form, utc="%z" in form)
        return np.asarray(times.dt.tz_localize(None).to_numpy("datetime64[us]").astype(np.int64))
    zone = getattr(getattr(present.dtype, "pyarrow_dtype", present.dtype), "tz", None)
    if zone is not None:  # via pandas' own dtype, because pandas 2 converts Arrow's times to UTC when it drops the zone
        kind = pd.DatetimeTZDtype(np.datetime_data(_naive(dtype))[0], _zone(dtype) or zone)
        present = present.astype(kind).dt.tz_localize(None)
    return np.asarray(present.to_numpy(_naive(dtype)).astype(np.int64))


def from_ticks(ticks: np.ndarray, dtype: str, form: str | None) -> pd.Series | np.ndarray:
    """Invert `to_ticks`. Ambiguous local times are the first of the two; nonexistent ones are shifted forward."""
    if form is not None:
        times = pd.Series(ticks.astype("datetime64[us]"))
        return (times.dt.tz_localize("UTC") if "%z" in form else times).dt.strftime(form).to_numpy(object)
    times = pd.Series(ticks.astype(_naive(dtype)))
    zone = _zone(dtype)
    if zone is None:
        return times
    return times.dt.tz_localize(zone, ambiguous=np.ones(len(times), bool), nonexistent="shift_forward")


def _zone(dtype: str) -> str | None:
    """Return the time zone in the name of a dtype of pandas or Arrow."""
    match = re.search(r", (?:tz=)?([^]]+)]", dtype)
    return None if match is None else match[1]


def _naive(dtype: str) -> str:
    """Return numpy's dtype with the same unit."""
    unit = dtype.partition("[")[2].rstrip("]").partition(",")[0]
    return f"datetime64[{unit if unit in ('s', 'ms', 'us', 'ns') else 'us'}]"


def nanoseconds(dtype: str, form: str | None) -> int:
    """Return the length of a tick of `to_ticks` in nanoseconds."""
    unit = "us" if form is not None else np.datetime_data(np.dtype(_naive(dtype)))[0]
    return {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[unit]


def zone_of(dtype: str) -> str | None:
    """Return the time zone in the name of a dtype."""
    return _zone(dtype)
