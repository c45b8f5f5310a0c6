"""Rows of a table as numbers: what all measures of tables ask for, and how they make categories of numbers.

The canonical form is float64 (n, C) with a number in each column. Where `sizes[c]` is 0 that is the number itself, and
NaN stands for a missing one. Else it is the code of a category, an integer from 0 to `sizes[c]` - 1; there missing is a
category of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.features import Matrix

Codes = NDArray[np.int64]
BINS = 10
"""Quantiles of the real numbers that a column of numbers is cut into, where it has more different ones than that."""
LEVELS = 100
"""Categories that are kept apart in pairs of columns: the most frequent real ones, and all others together."""


def as_rows(values: ArrayLike, sizes: Sequence[int], name: str, least: int = 1) -> Matrix:
    """Rows in their canonical form, float64 (n, C).

    Args:
        values: the rows.
        sizes: categories of each column, 0 of one of numbers.
        name: what messages call the rows.
        least: how many there must be.

    Raises:
        ZaohuaError: they aren't (n, C), too few, infinite, or hold a code that is no category's.
    """
    x = np.asarray(values, np.float64)
    if x.ndim != 2 or x.shape[1] != len(sizes) or not len(sizes):
        raise ZaohuaError(f"{name} must be (rows, {len(sizes) or 'columns'}), not {x.shape}")
    if len(x) < least:
        raise ZaohuaError(f"{len(x)} {name}: at least {least} are needed")
    if np.isinf(x).any():
        raise ZaohuaError(f"{name} hold infinite numbers, in column {int(np.isinf(x).any(0).argmax())}")
    for column, size in enumerate(sizes):
        codes = x[:, column]
        if size and not ((codes >= 0) & (codes < size) & (codes == np.floor(codes))).all():
            raise ZaohuaError(f"{name} hold codes in column {column} that are none of its {size} categories")
    return x


def kept(codes: Codes, size: int, most: int) -> Codes:
    """New codes of categories: the `most` - 1 most frequent ones apart and the rest together, if there are more.

    Args:
        codes: of some rows, (n,), by which frequencies are told.
        size: number of categories.
        most: number of new ones.

    Returns:
        For each category its new code, int64 (size,).
    """
    if size <= most:
        return np.arange(size)
    order = np.argsort(-np.bincount(codes, minlength=size), kind="stable")
    new = np.full(size, most - 1)
    new[order[: most - 1]] = np.arange(most - 1)
    return new


class Binning:
    """Makes a category of every column: numbers are cut at real quantiles, missing ones are a category, and of many
    categories the rare ones are taken together.

    Args:
        real: rows that tell where to cut, (n, C).
        sizes: categories of each column, 0 of one of numbers.

    Attributes:
        sizes: categories that come out, by column.
    """

    def __init__(self, real: Matrix, sizes: Sequence[int]):
        self._sizes = list(sizes)
        self._cuts = [
            _cuts(real[:, c]) if not size else kept(real[:, c].astype(np.int64), size, LEVELS)
            for c, size in enumerate(sizes)
        ]
        self.sizes = [
            min(size, LEVELS) if size else len(cuts) + 2 for size, cuts in zip(sizes, self._cuts, strict=True)
        ]

    def codes(self, rows: Matrix) -> Codes:
        """The categories of some rows, int64 (C, n): a column's lie together."""
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
    """Where numbers are cut: a value is in bin k if k cuts lie below it."""
    x = x[~np.isnan(x)]
    if not len(x):
        return np.empty(0)
    values = np.unique(x)
    return values[:-1] if len(values) <= BINS else np.unique(np.quantile(x, np.arange(1, BINS) / BINS))
