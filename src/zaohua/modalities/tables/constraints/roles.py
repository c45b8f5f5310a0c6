"""Kinds of the columns that constraints name, where they differ from those that would be inferred."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from zaohua.modalities.tables import written
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.constraints.parsing import Linear, Together, parse
from zaohua.modalities.tables.frames import ColumnName
from zaohua.modalities.tables.kinds import NUMBERS, plain

Parsed = Linear | Together


def parse_all(texts: Sequence[str], columns: Sequence[ColumnName]) -> list[Parsed]:
    """Parse constraints.

    Raises:
        ZaohuaError: a text isn't a constraint, or names an unknown column.
    """
    out: list[Parsed] = []
    for text in texts:
        parsed = parse(text, columns)
        out += [parsed] if isinstance(parsed, Together) else parsed
    return out


def column(series: pd.Series, kind: str | None, most: int, parsed: Sequence[Parsed]) -> Column:
    """Fit a column. A column that is compared is numbers or times; one of combinations is no identifier.

    Args:
        series: the cells.
        kind: kind of the cells, if it is said.
        most: maximum number of categories.
        parsed: the constraints.
    """
    found = Column.from_series(series, kind, most)
    if kind is not None or not parsed:
        return found
    compared = any(series.name in dict(each.terms) for each in parsed if isinstance(each, Linear))
    together = any(series.name in each.names for each in parsed if isinstance(each, Together))
    if compared and found.kind not in NUMBERS:
        number = _number_kind(series)
        return found if number is None else Column.from_series(series, number, most)
    if together and found.kind == "identifier":
        return Column.from_series(series, "categorical", most)
    return found


def _number_kind(series: pd.Series) -> str | None:
    """Return the kind of few or consecutive numbers or times, or of a single one; None for other cells."""
    present = plain(series).dropna()
    if not len(present) or isinstance(present.dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(present.dtype):
        return None
    if written.is_text(present):
        return written.number_kind(present)
    if present.dtype.kind == "M":
        return "datetime"
    if pd.api.types.is_numeric_dtype(present.dtype) or all(type(value) in (int, float) for value in present):
        return "integer" if all(float(value).is_integer() for value in present.unique()) else "continuous"
    return None
