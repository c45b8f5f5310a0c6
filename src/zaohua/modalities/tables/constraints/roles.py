"""Kinds of the columns that constraints name, where they differ from those that would be inferred."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pandas as pd

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.constraints.parsing import Linear, Together, parse
from zaohua.modalities.tables.frames import ColumnName
from zaohua.modalities.tables.kinds import NUMBERS

Parsed = Linear | Together


def parse_all(texts: Sequence[str], columns: Sequence[ColumnName]) -> list[Parsed]:
    """Parse constraints.

    Raises:
        ZaohuaError: a text isn't a constraint, or names an unknown column.
    """
    out: list[Parsed] = []
    for text in texts:
        parsed = parse(str(text), columns)
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
    if compared and found.kind not in (*NUMBERS, "boolean") and not isinstance(series.dtype, pd.CategoricalDtype):
        return _as_numbers(series, most) or found
    if together and found.kind == "identifier":
        return Column.from_series(series, "categorical", most)
    return found


def _as_numbers(series: pd.Series, most: int) -> Column | None:
    """Fit a column of few or consecutive numbers or times, or of a single one; return None for other cells."""
    for kind in ("integer", "continuous", "datetime"):
        with contextlib.suppress(ZaohuaError):
            return Column.from_series(series, kind, most)
    return None
