"""Canonical numeric form of table rows, which all metrics of tables take, and the discretisation of its columns.

The canonical form is float64 (n, C). A column c with `sizes[c]` = 0 is numeric, with NaN for missing numbers. Any other
column is categorical and holds category indices, integers from 0 to `sizes[c]` - 1; a missing value is a category.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.features import Matrix

Categories = NDArray[np.int64]
BINS = 10
"""Number of quantile bins of a numeric column with more distinct values than that."""
LEVELS = 100
"""Maximum number of categories of a column when pairs are compared; the rarest ones are merged into the last."""


def as_rows(values: ArrayLike, sizes: Sequence[int], name: str, least: int = 1) -> Matrix:
    """Validate rows in canonical form and return them as float64 (n, C).

    Args:
        values: the rows.
        sizes: number of categories of each column; 0 for a numeric column.
        name: name of the rows in error messages.
        least: minimum number of rows.

    Raises:
        ZaohuaError: the rows aren't (n, C), are too few, or hold infinite numbers or invalid category indices.
    """
    x = np.asarray(values, np.float64)
    if x.ndim != 2 or x.shape[1] != len(sizes) or not len(sizes):
        raise ZaohuaError(f"{name} must be (rows, {len(sizes) or 'columns'}), not {x.shape}")
    if len(x) < least:
        raise ZaohuaError(f"{len(x)} {name}: at least {least} are needed")
    if np.isinf(x).any():
        raise ZaohuaError(f"{name} hold infinite numbers, in column {int(np.isinf(x).any(0).argmax())}")
    for column, size in enumerate(sizes):
        values = x[:, column]
        if size and not ((values >= 0) & (values < size) & (values == np.floor(values))).all():
            raise ZaohuaError(f"{name} hold values in column {column} that are none of its {size} category indices")
    return x


def merge_rare(categories: Categories, size: int, most: int) -> Categories:
    """Map categories to at most `most` new ones: the most frequent ones stay separate, the rest become the last.

    Args:
        categories: category indices of some rows, (n,), which give the frequencies.
        size: number of categories.
        most: maximum number of new categories.

    Returns:
        The new index of each category, int64 (size,).
    """
    if size <= most:
        return np.arange(size)
    order = np.argsort(-np.bincount(categories, minlength=size), kind="stable")
    new = np.full(size, most - 1)
    new[order[: most - 1]] = np.arange(most - 1)
    return new


class Binning:
    """Discretisation of all columns into categories.

    Numbers are cut at quantiles of the real rows, missing numbers are a category, and rare categories are merged.

    Args:
        real: rows that determine the quantiles and frequencies, (n, C).
        sizes: number of categories of each column; 0 for a numeric column.

    Attributes:
        sizes: number of categories of each column after the discretisation.
    """

    def __init__(self, real: Matrix, sizes: Sequence[int]):
        self._sizes = list(sizes)
        self._cuts = [
            _cuts(real[:, c]) if not size else merge_rare(real[:, c].astype(np.int64), size, LEVELS)
            for c, size in enumerate(sizes)
        ]
        self.sizes = [
            min(size, LEVELS) if size else len(cuts) + 2 for size, cuts in zip(sizes, self._cuts, strict=True)
        ]

    def transform(self, rows: Matrix) -> Categories:
        """Return the category indices of rows by columns, int64 (C, n)."""
        out = np.empty((rows.shape[1], len(rows)), np.int64)
        for c, (size, cuts) in enumerate(zip(self._sizes, self._cuts, strict=True)):
            x = rows[:, c]
            out[c] = (
                cuts[x.astype(np.int64)]
                if size
                else np.where(np.isnan(x), len(cuts) + 1, np.searchsorted(cuts, x, "left"))
            )
        return out


def _cuts(x: Matrix) -> NDArray[np.float64]:
    """Return the cuts of a numeric column: a value is in bin k if k cuts lie below it."""
    x = x[~np.isnan(x)]
    if not len(x):
        return np.empty(0)
    values = np.unique(x)
    return values[:-1] if len(values) <= BINS else np.unique(np.quantile(x, np.arange(1, BINS) / BINS))
