"""Values of some columns as conditions, which all generated rows have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from zaohua.core.errors import ZaohuaError, unknown
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.constraints import given as constrained
from zaohua.modalities.tables.constraints.system import System


def encoded(y: Any, n: int | None, columns: Sequence[Column], system: System) -> tuple[np.ndarray, np.ndarray]:
    """Encode values of some columns.

    Args:
        y: values by column, each a single value for all rows or a list with one per row; or a frame of columns.
        n: number of rows; default: the number of values.
        columns: the columns that are encoded.
        system: their constraints.

    Returns:
        codes: float64 (n, columns), NaN where no value is given.
        known: mask of the given values, bool (n, columns).

    Raises:
        ZaohuaError: a column or value is unknown, the numbers of values differ, or values contradict the constraints.
    """
    by_name = {name: y[name] for name in (y.columns if hasattr(y, "columns") else y)}
    lengths = {len(value) for value in by_name.values() if _is_list(value)} or {1 if n is None else n}
    count = max(lengths)
    if len(lengths) > 1 or (n is not None and count != n):
        raise ZaohuaError(
            f"values of {' and '.join(map(str, sorted({*lengths, n or count})))} rows are given: "
            "give one, or one for each row"
        )
    codes, known = np.full((count, len(columns)), np.nan), np.zeros((count, len(columns)), bool)
    indices = {str(column.name): index for index, column in enumerate(columns)}
    for name, value in by_name.items():
        if str(name) not in indices:
            raise unknown("column", name, [column.name for column in columns])
        index = indices[str(name)]
        column = columns[index]
        cells = pd.Series(list(value) if _is_list(value) else [value] * count, name=column.name)
        codes[:, index], known[:, index] = column.encode(cells), True
        column.check_known(cells, codes[:, index])
        column.check_range(cells)
    constrained.check(system, codes, known, range(count))
    return codes, known


def _is_list(value: object) -> bool:
    """Return True if a condition has one value per row."""
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes, Mapping))
