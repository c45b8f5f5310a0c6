"""Distances between all items of two sets, a block of rows at a time: 10,000 x 10,000 of them never exist together.

    |x - y|^2 = |x|^2 + |y|^2 - 2 x.y

which is one matrix product, but leaves rounding errors in proportion to the norms: items are centred first, and what is
smaller than such an error counts as 0, so that copies are at a distance of exactly 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zaohua.metrics.features import Matrix

BLOCK = 1 << 21
"""Distances that are held together: 16 MiB."""
CHUNK = 8192
"""Items of the larger set that `nearest` holds as float64 together."""


def row_blocks(n: int, m: int) -> Iterator[slice]:
    """Slices of n rows such that rows x m stays within a block."""
    step = max(1, BLOCK // m)
    return (slice(start, min(n, start + step)) for start in range(0, n, step))


def squared_distances(x: NDArray[Any], y: NDArray[Any]) -> Iterator[tuple[slice, Matrix]]:
    """Squared Euclidean distances of some rows of x (n, d) to all of y (m, d): pairs of (rows, (len(rows), m))."""
    y = y.astype(np.float64)
    centre = y.mean(0)
    y -= centre
    norms = (y**2).sum(1)
    rounding = 4 * y.shape[1] * np.finfo(np.float64).eps
    for rows in row_blocks(len(x), len(y)):
        block = x[rows] - centre
        sums = (block**2).sum(1)[:, None] + norms
        distances = block @ y.T
        distances *= -2
        distances += sums
        sums *= rounding
        distances[distances < sums] = 0
        yield rows, distances


def nearest(x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[np.int64], Matrix]:
    """For each row of x (n, d) the index of the nearest row of y (m, d), and its Euclidean distance."""
    best = np.full(len(x), np.inf)
    index = np.zeros(len(x), np.int64)
    for start in range(0, len(y), CHUNK):
        for rows, distances in squared_distances(x, y[start : start + CHUNK]):
            at = distances.argmin(1)
            found = distances[np.arange(len(at)), at]
            nearer = found < best[rows]
            best[rows] = np.where(nearer, found, best[rows])
            index[rows] = np.where(nearer, at + start, index[rows])
    exact = np.empty(len(x))  # from the differences themselves, which have no such rounding errors
    for rows in row_blocks(len(x), x.shape[1]):
        exact[rows] = np.linalg.norm(x[rows].astype(np.float64) - y[index[rows]], axis=1)
    return index, exact
