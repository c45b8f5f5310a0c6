"""Dates and times in tables: detection of their format, and conversion to integer ticks.

Rule for dates of numbers alone: the whole column decides which number is the day. A number above 12 is a day, and so is
one that is 1 in all cells while the other varies. If nothing decides, the month comes first with slashes, and the day
with points and hyphens; `DateFormat.doubt` says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from zaohua.modalities.tables import date_formats
from zaohua.modalities.tables.date_formats import ANY_OFFSET, OFFSET

NUMERIC_DAYS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y%m%d",
)
NAMED_DAYS = (
    *("%d %b %Y", "%b %d, %Y", "%d-%b-%Y", "%d/%b/%Y", "%b %d %Y", "%d %B %Y", "%B %d, %Y", "%B %d %Y"),
    *("%a, %d %b %Y", "%a %d %b %Y", "%a, %b %d, %Y", "%A, %d %B %Y", "%A, %B %d, %Y", "%d-%b-%y", "%d %b %y"),
)
SHORT_DAYS = ("%d.%m.%y", "%m/%d/%y", "%d/%m/%y", "%d-%m-%y")
MONTHS = (
    "%Y-%m",
    "%Y/%m",
    "%m/%Y",
    "%b %Y",
    "%b-%Y",
    "%B %Y",
    "%b-%y",
    "%YQ%q",
    "%Y-Q%q",
    "%Y Q%q",
    "Q%q %Y",
    "Q%q/%Y",
)
DAYS = (*NUMERIC_DAYS, *NAMED_DAYS, *SHORT_DAYS, *MONTHS)
TIME = re.compile(
    rf"(?P<before>.*?)(?P<gap>^|T|t|,? | at )(?P<hour>\d{{1,2}}):\d\d(?P<second>:\d\d)?(?P<fraction>[.,]\d{{1,9}})?"
    rf"(?P<space> ?)(?P<half>[AaPp][Mm])?(?P<blank>\s?)(?P<zone>{ANY_OFFSET})?"
)
NUMBER = r"[+-]?\d*\.?\d+"
MOST_FORMATS = 3
"""Maximum number of formats of a column."""
SAMPLE = 50
"""Number of cells that a format is tried on before it is tried on all."""
LONGEST = 60
"""Maximum length of the text of a date."""


@dataclass(frozen=True)
class DateFormat:
    """Format of the dates of a column.

    Attributes:
        form: the format, see `date_formats`.
        doubt: what was guessed, as a clause; None if nothing was.
    """

    form: str
    doubt: str | None = None


def date_format(present: pd.Series) -> DateFormat | None:
    """Detect the format that all texts of a column have; return None if there is none."""
    texts = pd.Series(present.astype(str).str.strip().unique())
    first = texts.iloc[:SAMPLE]
    if not first.str.contains(r"\d", regex=True).all() or first.str.len().max() > LONGEST:
        return None
    if first.str.fullmatch(NUMBER).all() and not first.str.fullmatch(r"(?:19|20)\d{6}").all():
        return None
    time = TIME.fullmatch(first.iloc[0])
    clock = "" if time is None else _clock(time, texts)
    days = DAYS if time is None else ("",) if not time["before"] else DAYS
    fitting = [day for day in days if _matches(first, day + clock) and _matches(texts, day + clock)]
    if not fitting:
        return None
    day, doubt = _likeliest(fitting, texts, clock)
    form, mixed = _offset(_spelled(day + clock, texts), texts)
    return DateFormat(form, "; ".join(filter(None, [doubt, mixed])) or None)


def mixed_format(present: pd.Series) -> DateFormat | None:
    """Detect the formats of a column whose cells are dates of two or three of them; return None if they aren't."""
    texts = present.astype(str).str.strip()
    shapes = texts.str.replace(r"\d{4}", "Y", regex=True).str.replace(r"\d+", "0", regex=True)
    counts = shapes.str.replace(r"[A-Za-z]+", "a", regex=True).value_counts()
    if not 2 <= len(counts) <= MOST_FORMATS or not all(re.search(r"0|Y", shape) for shape in counts.index):
        return None
    shapes = shapes.str.replace(r"[A-Za-z]+", "a", regex=True)
    found = [date_format(texts[shapes == shape]) for shape in counts.index]
    forms = [each.form for each in found if each is not None]
    if len(forms) < len(found) or any(":%M" in form for form in forms):
        return None
    examples = ", ".join(f"{counts[shape]:,} as {texts[shapes == shape].iloc[0]}" for shape in counts.index)
    doubts = [each.doubt for each in found if each is not None and each.doubt]
    said = f"dates of {len(forms)} formats ({examples}), all written as the first"
    return DateFormat(date_formats.MIXED.join(forms), "; ".join([said, *doubts]))


def _matches(texts: pd.Series, form: str) -> bool:
    """Return True if all texts are times in this format."""
    return not bool(np.isnat(date_formats.parse(texts, form)).any())


def _clock(time: re.Match[str], texts: pd.Series) -> str:
    """Return the format of the time of day, and of what separates it from the date, given that of the first cell."""
    out = time["gap"] + ("%I" if time["half"] else "%H") + ":%M" + (":%S" if time["second"] else "")
    if time["fraction"]:
        digits = texts.str.extract(r":\d\d[.,](\d+)")[0].str.len().max()
        out += f"{time['fraction'][0]}%{int(digits)}f"
    half = "" if not time["half"] else "%p" if time["half"].isupper() else "%P"
    out += time["space"] + half if half or time["zone"] else ""
    return out + (time["blank"] + "%z" if time["zone"] else "")


def _likeliest(fitting: list[str], texts: pd.Series, clock: str) -> tuple[str, str | None]:
    """Choose among formats that fit all cells; return it with what was guessed."""
    day = fitting[0]
    swapped = day.translate(str.maketrans("md", "dm"))
    doubt = None
    if swapped in fitting and swapped != day and re.fullmatch(r"%[dm].%[dm].%[yY]", day):
        times = pd.DatetimeIndex(date_formats.parse(texts, day + clock))
        if times.day.nunique() > 1 and set(times.month) == {1}:  # the first of each month, by its other order
            day = swapped
        elif times.month.nunique() == 1 or set(times.day) != {1}:
            order = "month first" if day.startswith("%m") else "day first"
            example = texts.iloc[0]
            doubt = f"dates such as {example} are read with the {order}, as no number in them is above 12"
    if "%y" in day:
        years = "two-digit years: 69 to 99 are read as 1969 to 1999, 00 to 68 as 2000 to 2068"
        doubt = years if doubt is None else f"{doubt}; {years}"
    return day, doubt


def _spelled(form: str, texts: pd.Series) -> str:
    """Write numbers without leading zeros, and names in capitals, if most cells have them so."""
    pattern, names = date_formats.compiled(form)
    found = [match for match in map(pattern.fullmatch, texts) if match is not None]
    for index, name in enumerate(names):
        if name in "mdHI":
            small = [match[index + 1] for match in found if int(match[index + 1]) < 10]
            if sum(len(text) == 1 for text in small) * 2 > len(small):
                form = form.replace(f"%{name}", f"%-{name}")
        elif name in "aAbB" and all(match[index + 1].isupper() for match in found):
            form = form.replace(f"%{name}", f"%^{name}")
    return form


def _offset(form: str, texts: pd.Series) -> tuple[str, str | None]:
    """Write the usual offset in place of %z; return the format with what is said of other offsets."""
    if "%z" not in form:
        return form, None
    counts = texts.str.extract(f"({ANY_OFFSET})$")[0].str.strip().value_counts()
    usual = str(counts.index[0])
    if not OFFSET.search(usual):  # UTC or GMT, in letters
        return form.replace("%z", usual), None
    said = f"offsets {', '.join(counts.index[:3])}: the times are right, all written with {usual}"
    return form.replace("%z", usual), said if len(counts) > 1 else None


# ---- ticks


def to_ticks(present: pd.Series, dtype: str, form: str | None) -> np.ndarray:
    """Convert times to int64 ticks since 1970, in local time; strings with any offset (%z) are converted to UTC.

    Args:
        present: the times, spans of time or periods, with any unit and zone.
        dtype: dtype that gives the unit and zone of the result; microseconds if it names none.
        form: format of times that are strings, which are converted to microseconds (or nanoseconds).
    """
    if form is not None:
        times = _of_format(present, form) if present.dtype.kind == "M" else date_formats.parse(present, form)
        return np.asarray(times.astype(np.int64))
    if isinstance(present.dtype, pd.PeriodDtype):
        return np.asarray(present.array.astype(np.int64))
    if present.dtype.kind == "m":
        return np.asarray(present.to_numpy(_naive(dtype, "timedelta64")).astype(np.int64))
    zone = getattr(getattr(present.dtype, "pyarrow_dtype", present.dtype), "tz", None)
    if zone is not None:  # via pandas' own dtype, because pandas 2 converts Arrow's times to UTC when it drops the zone
        kind = pd.DatetimeTZDtype(np.datetime_data(_naive(dtype))[0], _zone(dtype) or zone)
        present = present.astype(kind).dt.tz_localize(None)
    return np.asarray(present.to_numpy(_naive(dtype)).astype(np.int64))


def from_ticks(ticks: np.ndarray, dtype: str, form: str | None) -> pd.Series | np.ndarray:
    """Invert `to_ticks`. Ambiguous local times are the first of the two; nonexistent ones are shifted forward."""
    if form is not None:
        unit = "ns" if date_formats.places(form) > 6 else "us"
        return date_formats.write(ticks.astype(f"datetime64[{unit}]"), form)
    if dtype.startswith("period"):
        kind = pd.PeriodDtype(dtype.partition("[")[2].rstrip("]"))
        return pd.Series(pd.PeriodIndex.from_ordinals(ticks, freq=kind.freq))
    if dtype.startswith(("timedelta", "duration")):
        return pd.Series(ticks.astype(_naive(dtype, "timedelta64")))
    times = pd.Series(ticks.astype(_naive(dtype)))
    zone = _zone(dtype)
    if zone is None:
        return times
    return times.dt.tz_localize(zone, ambiguous=np.ones(len(times), bool), nonexistent="shift_forward")


def _of_format(times: pd.Series, form: str) -> np.ndarray:
    """Convert times of a time dtype to the local times, and the unit, of a format."""
    if getattr(getattr(times.dtype, "pyarrow_dtype", times.dtype), "tz", None) is not None:
        offset = OFFSET.search(form)
        ahead = pd.Timedelta(seconds=0 if offset is None else date_formats.seconds_of(offset[0]))
        times = times.dt.tz_convert("UTC").dt.tz_localize(None) + ahead
    return np.asarray(times.to_numpy(f"datetime64[{'ns' if date_formats.places(form) > 6 else 'us'}]"))


def _zone(dtype: str) -> str | None:
    """Return the time zone in the name of a dtype of pandas or Arrow."""
    match = re.search(r", (?:tz=)?([^]]+)]", dtype)
    return None if match is None else match[1]


def _naive(dtype: str, name: str = "datetime64") -> str:
    """Return numpy's dtype with the same unit."""
    unit = dtype.partition("[")[2].rstrip("]").partition(",")[0].partition("]")[0]
    return f"{name}[{unit if unit in ('s', 'ms', 'us', 'ns') else 'us'}]"


def nanoseconds(dtype: str, form: str | None) -> int:
    """Return the length of a tick of `to_ticks` in nanoseconds."""
    if form is not None:
        return 1 if date_formats.places(form) > 6 else 10**3
    unit = np.datetime_data(np.dtype(_naive(dtype)))[0]
    return {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[unit]


def zone_of(dtype: str) -> str | None:
    """Return the time zone in the name of a dtype."""
    return _zone(dtype)
