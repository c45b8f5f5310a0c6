"""Formats of dates and times as text: parsing and writing, exactly as the cells of a column are spelled.

A format is written as for `strftime`, with these codes. Those with a hyphen have no leading zeros; %^b, %^B, %^a and
%^A write capitals.

    %Y %y             year of four or two digits (69 to 99 are 1969 to 1999)
    %m %-m %b %B %q   month as a number, a short or long English name; quarter
    %d %-d %a %A      day, short or long English name of the weekday
    %H %-H %I %-I     hour, hour of twelve
    %p %P             AM or PM, am or pm
    %M %S %f %3f      minute, second, fraction of 6 digits (or of 1 to 9)
    %z                any offset from UTC, written as +0000

Several formats, with | between them, are those of different cells; the first is written.

An offset at the end that is the same in all cells ("Z", "+01:00") is part of the format: times are local times there.
Another offset in a cell is converted.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import pandas as pd

CODE = re.compile(r"%(?:[-^]?[A-Za-z]|\df)")
MIXED = "|"
"""Between the formats of different cells of a column."""
OFFSET = re.compile(r"(?:Z|[+-]\d\d(?::?\d\d)?)$")
"""An offset at the end of a format or a cell."""
ANY_OFFSET = r"\s?(?:Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?)"
MONTHS = " January February March April May June July August September October November December".split(
    " "
)  # Python's own names depend on the language of the system
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
PATTERNS = {
    "Y": r"\d{4}",
    "y": r"\d\d",
    "q": r"[1-4]",
    "b": "|".join([*(name[:3] for name in MONTHS[1:]), "sept"]),
    "B": "|".join(MONTHS[1:]),
    "a": "|".join(name[:3] for name in WEEKDAYS),
    "A": "|".join(WEEKDAYS),
    "p": r"[ap]m",
    "P": r"[ap]m",
    "z": ANY_OFFSET,
}
"""Regular expressions of the codes; those of numbers of one or two digits are left out."""
PIVOT = 69
"""First two-digit year of the twentieth century."""


def parse(texts: pd.Series, form: str) -> np.ndarray:
    """Parse texts in a format.

    Args:
        texts: the cells.
        form: the format; numbers with and without leading zeros are accepted.

    Returns:
        datetime64 in microseconds (n,), in nanoseconds if the fraction has more than 6 digits; NaT for other texts.
    """
    first, *others = form.split(MIXED)
    out = _parsed(texts, first)
    for other in others:
        out = np.where(np.isnat(out), _parsed(texts, other).astype(out.dtype), out)
    return out


def _parsed(texts: pd.Series, form: str) -> np.ndarray:
    """Parse texts in one format."""
    codes, uniques = pd.factorize(texts)
    pattern, names = compiled(form)
    found = [pattern.fullmatch(str(text).strip()) for text in uniques]
    good = np.array([match is not None for match in found], bool)
    columns = {name: [match[index + 1] for match in found if match is not None] for index, name in enumerate(names)}
    unit = "ns" if places(form) > 6 else "us"
    out = np.full(len(uniques) + 1, "NaT", f"datetime64[{unit}]")
    out[:-1][good] = _times(columns, int(good.sum()), form, unit)
    times: np.ndarray = out[codes]
    return times


def write(times: np.ndarray, form: str) -> np.ndarray:
    """Write times datetime64 (n,) in a format, as an array of objects."""
    form = form.partition(MIXED)[0]
    values, inverse = np.unique(times, return_inverse=True)
    index = pd.DatetimeIndex(values)
    out = np.full(len(values), "", object)
    end = 0
    for match in CODE.finditer(form):
        out = out + form[end : match.start()] + _written(index, match[0][1:])
        end = match.end()
    written: np.ndarray = (out + form[end:])[inverse.reshape(-1)]
    return written


def places(form: str) -> int:
    """Return the number of digits of the fraction of a second."""
    match = re.search(r"%(\d?)f", form.partition(MIXED)[0])
    return 0 if match is None else int(match[1] or 6)


def seconds_of(offset: str) -> int:
    """Return the seconds of an offset such as "+01:00"; 0 for "Z", "UTC" and "GMT"."""
    digits = re.sub(r"\D", "", offset)
    if not digits:
        return 0
    return (-1 if "-" in offset else 1) * (int(digits[:2]) * 3600 + int(digits[2:4] or 0) * 60)


@lru_cache(maxsize=256)
def compiled(form: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """Compile the regular expression of a format, whose groups are its codes in order."""
    offset = OFFSET.search(form) if "%H" in form or "%-H" in form or "%I" in form or "%-I" in form else None
    body, out, names, end = form[: offset.start()] if offset else form, "", [], 0
    for match in CODE.finditer(body):
        name = match[0].lstrip("%-^")
        name = "f" if name.endswith("f") else name
        digits = r"\d{1,9}" if name == "f" else r"\d{1,2}"
        if name in "md" and _joined(body, match):  # as in 20200131
            digits = r"\d\d"
        out += re.escape(body[end : match.start()]) + f"({PATTERNS.get(name, digits)})"
        names.append(name)
        end = match.end()
    out += re.escape(body[end:])
    if offset:
        out, names = out + f"({ANY_OFFSET})", [*names, "z"]
    return re.compile(out, re.IGNORECASE), tuple(names)


def _joined(form: str, match: re.Match[str]) -> bool:
    """Return True if a code stands next to another one."""
    return form[match.end() : match.end() + 1] == "%" or CODE.search(form[: match.start()][-2:]) is not None


def _times(columns: dict[str, list[str]], n: int, form: str, unit: str) -> np.ndarray:
    """Compute datetime64 (n,) from the texts of the codes; NaT where there is no such day or time."""

    def numbers(name: str, default: int) -> np.ndarray:
        return (
            np.array([int(text) for text in columns[name]], dtype=np.int64) if name in columns else np.full(n, default)
        )

    year = numbers("Y", 1970)
    if "y" in columns:
        short = numbers("y", 70)
        year = short + np.where(short >= PIVOT, 1900, 2000)
    month, day = numbers("m", 1), numbers("d", 1)
    short_months = [month[:3].casefold() for month in MONTHS]
    for name in columns.keys() & {"b", "B"}:
        month = np.array([short_months.index(text[:3].casefold()) for text in columns[name]], dtype=np.int64)
    if "q" in columns:
        month = 3 * numbers("q", 1) - 2
    hour, minute, second = numbers("H", 0), numbers("M", 0), numbers("S", 0)
    good = (year > 0) & (month >= 1) & (month <= 12) & (hour < 24) & (minute < 60) & (second < 60) & (day >= 1)
    if "I" in columns:
        twelve = numbers("I", 12)
        good &= (twelve >= 1) & (twelve <= 12)
        halves = columns.get("p") or columns.get("P") or ["am"] * n
        afternoon = np.array([text[0] in "pP" for text in halves], dtype=bool)
        hour = twelve % 12 + 12 * afternoon
    months = (12 * (year - 1970) + np.where(good, month, 1) - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1)
    good &= days.astype("datetime64[M]") == months
    seconds = 3600 * hour + 60 * minute + second
    if "z" in columns:
        local = OFFSET.search(form)
        seconds = seconds + (0 if local is None else seconds_of(local[0]))
        seconds = seconds - np.array([seconds_of(text) for text in columns["z"]], dtype=np.int64)
    times: np.ndarray = days.astype(f"datetime64[{unit}]") + seconds.astype("timedelta64[s]")
    if "f" in columns:
        width = 9 if unit == "ns" else 6
        fraction = np.array([int(text[:width].ljust(width, "0")) for text in columns["f"]], dtype=np.int64)
        times = times + fraction.astype(f"timedelta64[{unit}]")
    times[~good] = "NaT"
    return times


def _written(times: pd.DatetimeIndex, code: str) -> np.ndarray:
    """Write the part of times that a code stands for."""
    if code.endswith("f"):
        nanoseconds = times.microsecond.to_numpy(np.int64) * 1000 + times.nanosecond.to_numpy(np.int64)
        width = int(code[:-1] or 6)
        return _texts(nanoseconds // 10 ** (9 - width), width)
    if code == "z":
        return np.full(len(times), "+0000", object)
    name = code.lstrip("-^")
    if name in "pP":
        halves = ("AM", "PM") if name == "p" else ("am", "pm")
        return np.where(times.hour < 12, *halves).astype(object)
    if name in "aAbB":
        names = [word if name.isupper() else word[:3] for word in (MONTHS if name in "bB" else WEEKDAYS)]
        names = [word.upper() for word in names] if code.startswith("^") else names
        index = np.asarray(times.month if name in "bB" else times.day_of_week)
        return np.array([names[i] for i in index.tolist()], dtype=object)
    value = {
        "Y": times.year,
        "y": times.year % 100,
        "q": times.quarter,
        "m": times.month,
        "d": times.day,
        "H": times.hour,
        "I": (times.hour + 11) % 12 + 1,
        "M": times.minute,
        "S": times.second,
    }[name]
    width = 1 if code.startswith("-") or name == "q" else 4 if name == "Y" else 2
    return _texts(np.asarray(value), width)


def _texts(numbers: np.ndarray, width: int) -> np.ndarray:
    return np.array([str(number).zfill(width) for number in numbers.tolist()], dtype=object)
