"""Columns of texts that are numbers, dates or times, as people write them: found, parsed and written back."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.notes import note, shown
from zaohua.modalities.tables import date_formats
from zaohua.modalities.tables.dates import DateFormat, date_format, mixed_format, to_ticks
from zaohua.modalities.tables.missing import is_word, said
from zaohua.modalities.tables.number_cells import is_symbol
from zaohua.modalities.tables.spelling import NumberSpelling

FEW = 10
"""Maximum number of distinct numbers that count as ordered categories, if each occurs three times on average."""
SAMPLE, MOST = 50, 0.8
"""Number of different first cells of which this share must be numbers or dates, before all cells are looked at."""
MARKS = frozenset("% ‰ ° K M B k m bn".split())
"""Marks that stand at a number without a space, besides currencies."""
NEARLY = 0.9
"""Share of cells from which a column looks like numbers or dates although others are neither."""
OBJECTS: dict[str, tuple[type, Callable[..., str], Callable[[str], object]]] = {
    "Decimal": (decimal.Decimal, str, decimal.Decimal),
    "date": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "time": (datetime.time, datetime.time.isoformat, datetime.time.fromisoformat),
    "UUID": (uuid.UUID, str, uuid.UUID),
}
"""Python's types of cells that are handled as texts: the type, its conversion to a text, and back."""
TIMES: dict[str, tuple[type, Callable[[pd.Series], Sequence[object]]]] = {
    "datetime": (datetime.datetime, lambda times: [time.to_pydatetime() for time in times]),
    "timedelta": (datetime.timedelta, lambda spans: [span.to_pytimedelta() for span in spans]),
}
"""Python's types of cells that are handled as pandas' times: the type, and its conversion from those."""


@dataclass(frozen=True)
class Written:
    """What a column of texts says.

    Attributes:
        missing: mask of the cells that hold a word for missing values, bool (n,).
        word: the usual one of these words; None if there is none.
        numbers: the numbers, without missing cells; None if the texts are dates.
        spelling: how the numbers are written.
        form: format of the dates.
    """

    missing: pd.Series
    word: str | None
    numbers: pd.Series | None = None
    spelling: NumberSpelling | None = None
    form: str | None = None


def object_type(series: pd.Series) -> str | None:
    """Return the name in `OBJECTS` of the type that all cells have; None if there is none."""
    if series.dtype.kind != "O" or isinstance(series.dtype, (pd.StringDtype, pd.CategoricalDtype)):
        return None  # Arrow's times of day and decimal numbers have this kind, too
    types = {type(value) for value in series.dropna()}
    return next((name for name, (cls, *_) in OBJECTS.items() if types == {cls}), None)


def is_text(series: pd.Series) -> bool:
    """Return True if all cells that aren't missing are strings, and there is one."""
    if isinstance(series.dtype, pd.StringDtype) or str(series.dtype).startswith(("string", "large_string")):
        return True
    return series.dtype == object and str(pd.api.types.infer_dtype(series, skipna=True)) == "string"


def read(series: pd.Series, kind: str | None = None, form: str | None = None) -> Written | None:
    """Recognise numbers, dates or times in a column of texts; None if the texts are just texts.

    What is guessed is noted, and so is a column that would be numbers or dates but for a few cells.

    Args:
        series: the cells.
        kind: kind of numbers or times that the column is said to have, or None.
        form: format that its dates are said to have, or None.
    """
    texts = series.dropna().astype(str).str.strip()
    words = texts[texts.map(is_word)]
    present = texts.drop(words.index)
    if present.nunique() < (2 if kind is None else 1):
        return None
    usual = len(words) >= int(series.isna().sum()) and len(words) > 0
    word = str(series[words.index].mode().iloc[0]) if usual else None
    found = DateFormat(form) if form else _find(present, kind, codes=words.empty and kind is None)
    if found is None:
        if kind is not None:
            raise _not_of(kind, series, present)
        _note_nearly(str(series.name), present)
        return None
    for doubt in filter(None, [*said(words), found.doubt]):
        note(f"column {series.name!r}: {doubt}")
    missing = pd.Series(series.index.isin(words.index), index=series.index)
    if isinstance(found, DateFormat):
        return Written(missing, word, form=found.form)
    return Written(missing, word, found.values(present), found)


def number_kind(series: pd.Series) -> str | None:
    """Return the kind of texts that are numbers or times, even of few or consecutive ones; None for other texts."""
    texts = series.dropna().astype(str).str.strip()
    present = texts[~texts.map(is_word)]
    if not len(present):
        return None
    if date_format(present) is not None:
        return "datetime"
    spelling = NumberSpelling.find(present)
    return None if spelling is None else "integer" if spelling.whole else "continuous"


def _find(present: pd.Series, kind: str | None, codes: bool) -> DateFormat | NumberSpelling | None:
    """Return the format of dates or the spelling of numbers that all texts have.

    Args:
        present: the texts.
        kind: kind that the column is said to have, or None.
        codes: True if whole numbers without any marks may be codes that were kept as texts: they are if all have
            equally many digits, or if few different ones occur.
    """
    dates = date_format(present) if kind in (None, "datetime") else None
    if dates is not None or kind in ("datetime", "duration"):
        return dates or (mixed_format(present) if kind == "datetime" else None)
    spelling = NumberSpelling.find(present)
    if spelling is None and kind is None:
        return mixed_format(present)
    if spelling is not None and codes and spelling.whole and spelling.is_plain:
        if present.str.len().nunique() == 1 or is_few(present):
            return None
    return spelling


def _not_of(kind: str, series: pd.Series, present: pd.Series) -> ZaohuaError:
    """Return the error for texts that aren't what they are said to be."""
    is_one = _is_date if kind == "datetime" else _is_number
    bad = present[~present.map(is_one)]
    cells = "its cells are of several forms" if bad.empty else f"row {bad.index[0]} holds {series[bad.index[0]]!r}"
    return ZaohuaError(f"column {series.name!r} can't be {kind}: {cells}")


def _note_nearly(name: str, present: pd.Series) -> None:
    """Note that a column would be numbers or dates if a few cells weren't, or if all were written alike."""
    first = pd.Series(present.unique()[:SAMPLE])
    if first.map(_is_number).mean() >= MOST:
        noun, good = "numbers", present.map(_is_number)
    else:
        forms = [
            found.form for found in (date_format(pd.Series([text])) for text in first if _has_digit(text)) if found
        ]
        form, count = Counter(forms).most_common(1)[0] if forms else ("", 0)
        if count < MOST * len(first):
            return
        times = date_formats.parse(present, form)
        good = pd.Series(~np.isnat(times), index=present.index)
        noun = f"dates such as {present[good].iloc[0]!r}"
    count = int((~good).sum())
    if count == 0 and noun == "numbers":
        ways: dict[tuple[str, str], str] = {}
        for text in present.unique():
            found = NumberSpelling.find([text])
            if found is not None:
                ways.setdefault((found.before.strip() + found.after.strip(), found.decimal + found.thousands), text)
        if len(ways) > 1:
            said = shown(list(map(repr, ways.values())))
            note(f"column {name!r} holds numbers written in several ways ({said}), so it is taken for texts")
    elif NEARLY <= good.mean() < 1 and present[good].nunique() > 2 and _find(present[good], None, True) is not None:
        cells = f"{count:,} cell{'s' * (count > 1)} ({shown(list(map(repr, Counter(present[~good]))))})"
        note(f"column {name!r} looks like {noun} but for {cells}, so it is taken for texts: mend or empty them")


def is_few(cells: pd.Series) -> bool:
    """Return True if few different values occur, often enough to be categories."""
    count = int(cells.nunique())
    return count <= FEW and 3 * count <= len(cells)


def _is_number(text: str) -> bool:
    """Return True if a single text is a number, with a currency, a percent sign or a unit after a space, if any."""
    found = NumberSpelling.find([text])
    if found is None:
        return False
    unit = found.after.strip()
    return not unit or unit != found.after or unit in MARKS or is_symbol(unit)


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _is_date(text: str) -> bool:
    return date_format(pd.Series([text])) is not None


# ---- Python's objects


def time_type(given: pd.Series) -> str | None:
    """Return the type in `TIMES` of Python's times in a column of objects; None if they are pandas' own."""
    types = {type(value) for value in given.dropna()}
    return next((name for name, (cls, _) in TIMES.items() if types == {cls}), None)


def from_objects(series: pd.Series) -> pd.Series:
    """Convert cells of a type in `OBJECTS` to texts; leave others as they are."""
    name = object_type(series)
    if name is None:
        return series
    cells = [None if pd.isna(value) else OBJECTS[name][1](value) for value in series]
    return pd.Series(cells, index=series.index, name=series.name, dtype=object)


def to_objects(cells: pd.Series | np.ndarray, name: str | None) -> pd.Series | np.ndarray:
    """Convert texts or times to Python's objects of a type in `OBJECTS` or `TIMES`; None leaves them as they are."""
    if name is None:
        return cells
    out = np.empty(len(cells), object)
    if name in TIMES:
        out[:] = TIMES[name][1](pd.Series(cells))
    else:
        out[:] = [OBJECTS[name][2](cell) if isinstance(cell, str) else cell for cell in cells]
    return out


# ---- cells of a known spelling


def numbers(present: pd.Series, kind: str, spelling: Json | None) -> pd.Series:
    """Convert cells, none missing, to a numeric dtype; texts of another spelling are read by their own.

    Raises:
        ZaohuaError: a cell isn't a number.
    """
    if is_text(present) and len(present):
        known = None if spelling is None else NumberSpelling(**spelling)
        values = None if known is None else known.values(present)
        if values is None or (values.dtype == float and values.isna().any()):
            other = NumberSpelling.find(present.str.strip())
            values = values if other is None else other.values(present)
        if values is not None and not values.isna().any():
            return values
        good = np.zeros(len(present), bool) if values is None else values.notna().to_numpy()
    else:
        if pd.api.types.is_numeric_dtype(present.dtype):
            return present
        good = np.array([isinstance(value, (int, float, np.number, np.bool_)) for value in present], dtype=bool)
        if good.all():
            return present
    bad = present[~good] if not good.all() else present
    raise ZaohuaError(f"column {present.name!r} is {kind}, but row {bad.index[0]} holds {bad.iloc[0]!r}")


def as_numbers(series: pd.Series) -> pd.Series:
    """Return the numbers of a column of texts, NaN for words for missing; a column of other texts stays as it is."""
    texts = series.dropna().astype(str).str.strip()
    present = texts[~texts.map(is_word)]
    spelling = NumberSpelling.find(present) if len(present) else None
    return series if spelling is None else spelling.values(present).astype("float64").reindex(series.index)


def ticks(present: pd.Series, dtype: str, form: str | None) -> np.ndarray:
    """Convert times, none missing, to ticks since 1970, see `dates.to_ticks`; texts may be of another format.

    Raises:
        ZaohuaError: a cell isn't a time.
    """
    if is_text(present) and len(present):
        times = pd.to_datetime(present, errors="coerce") if form is None else date_formats.parse(present, form)
        bad = np.flatnonzero(pd.isna(times))
        other = date_format(present) if len(bad) else None
        if other is not None and other.doubt is None:
            times, bad = date_formats.parse(present, other.form), bad[:0]
        if len(bad):
            example = (
                "" if form is None else f" such as {date_formats.write(np.array(['2024-01-31'], 'M8[us]'), form)[0]}"
            )
            raise ZaohuaError(
                f"column {present.name!r} is of dates or times{example}, but row {present.index[bad[0]]} holds "
                f"{present.iloc[bad[0]]!r}"
            )
        present = pd.Series(times, index=present.index, name=present.name)
    return to_ticks(present, dtype, form)
