"""Whether the first row of a table holds names or data, and the last one totals.

Rule for the first row: it holds data if its cells are numbers or dates in every column whose other cells are, or, in a
table of texts alone, if each of its cells occurs again in its column. Whole numbers in steps, as in 0, 1, 2 or 2019,
2020, are names.

Rule for the last row: it holds totals if a cell says so ("Total"), and at least half of its numbers are the sums of
their columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from zaohua.modalities.tables.dates import date_format
from zaohua.modalities.tables.missing import is_word
from zaohua.modalities.tables.spelling import NumberSpelling

MOST_ROWS = 200
"""Number of first rows that are looked at."""
TOTALS = frozenset(
    "total totals grand total subtotal sum sums overall gesamt summe insgesamt gesamtsumme somme totale totaal suma "
    "soma summa razem 合计 总计 合計 小計".split()
) | {"grand total", "total général", "all rows"}
"""Words for totals, in small letters."""
YEARS = range(1800, 2101)


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Return True if the first of some rows holds names."""
    if len(rows) < 2 or not rows[0]:
        return True
    first = [cell.strip() for cell in rows[0]]
    rest = [[row[i].strip() for row in rows[1 : MOST_ROWS + 1] if len(row) > i] for i in range(len(first))]
    fits = [
        _fits(cell, [other for other in cells if not is_word(other)]) for cell, cells in zip(first, rest, strict=True)
    ]
    if any(fit is not None for fit in fits):
        data = [cell for cell, fit in zip(first, fits, strict=True) if fit]
        return not data or any(fit is False for fit in fits) or _in_steps(data)
    again = [cell in cells for cell, cells in zip(first, rest, strict=True)]
    return len(first) == 1 or not all(again)


def _fits(cell: str, others: list[str]) -> bool | None:
    """Return whether a cell is a number or date as the others of its column are; None if that says nothing."""
    if not others or is_word(cell):
        return None
    if NumberSpelling.find(others) is not None:
        return NumberSpelling.find([*others, cell]) is not None
    if date_format(pd.Series(others)) is not None:
        return date_format(pd.Series([*others, cell])) is not None
    return None


def _in_steps(cells: list[str]) -> bool:
    """Return True if cells are whole numbers in equal steps, as names of columns are."""
    if not all(cell.isdigit() for cell in cells):
        return False
    numbers = [int(cell) for cell in cells]
    steps = {b - a for a, b in zip(numbers, numbers[1:], strict=False)}
    if len(numbers) == 1:
        return numbers[0] == 0 or numbers[0] in YEARS
    years = all(number in YEARS for number in numbers)
    return len(steps) == 1 and (steps == {1} or (min(steps) > 0 and (years or len(numbers) > 3)))


def is_total(frame: pd.DataFrame, decimal: str | None) -> bool:
    """Return True if the last row of texts holds totals of the others.

    Args:
        frame: the texts.
        decimal: decimal separator of the file; None if it isn't known.
    """
    if len(frame) < 3:
        return False
    last = {name: str(cell).strip() for name, cell in frame.iloc[-1].items() if isinstance(cell, str)}
    if totals_label(frame) is None:
        return False
    equal = [_is_sum(frame[name].iloc[:-1], cell, decimal) for name, cell in last.items()]
    known = [one for one in equal if one is not None]
    return bool(known) and 2 * sum(known) >= len(known)


def totals_label(frame: pd.DataFrame) -> str | None:
    """Return the cell of the last row of texts that says that it holds totals, if no other row says so; else None."""
    for name, cell in frame.iloc[-1].items():
        if isinstance(cell, str) and is_word_of_total(cell) and not frame[name].iloc[:-1].eq(cell).any():
            return cell
    return None


def is_word_of_total(cell: str) -> bool:
    """Return True if a cell says that its row holds totals."""
    return cell.strip().rstrip(":.").strip().casefold() in TOTALS


def _is_sum(cells: pd.Series, last: str, decimal: str | None) -> bool | None:
    """Return whether a cell is the sum of the others; None if they aren't all numbers."""
    others = [cell for cell in cells.dropna().str.strip() if not is_word(cell)]
    spelling = NumberSpelling.find([*others, last], decimal) if others and not is_word(last) else None
    if spelling is None:
        return None
    values = [spelling.value(cell) or 0 for cell in others]
    total = spelling.value(last) or 0
    rounding = 0.5 * 10.0**-spelling.places * len(values) ** 0.5 if spelling.places else 0.0
    return abs(sum(values) - total) <= max(1e-9 * abs(total), rounding, 1e-9)
