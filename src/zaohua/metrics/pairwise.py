"""Distances between all items of two sets, computed in blocks of rows: the full matrix is never in memory.

    |x - y|^2 = |x|^2 + |y|^2 - 2 x.y

This takes one matrix product, but has rounding errors in proportion to the norms. So items are centred first, and
distances smaller than the rounding error are set to 0; equal items are at a distance of exactly 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from zaohua.metrics.features import Matrix

BLOCK = 1 << 21
"""Number of distances in a block: 16 MiB."""
CHUNK = 8192
"""Items of the second set that `nearest` converts to float64 at once."""


def row_blocks(n: int, m: int) -> Iterator[slice]:
    """Yield slices of n rows, each small enough for a block of rows x m distances."""
    step = max(1, BLOCK // m)
    return (slice(start, min(n, start + step)) for start in range(0, n, step))


def squared_distances(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[slice, Matrix]]:
    """Yield squared Euclidean distances from x (n, d) to y (m, d) in blocks: (slice of rows, distances (rows, m))."""
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


def nearest(x: np.ndarray, y: np.ndarray) -> tuple[NDArray[np.int64], Matrix]:
    """Return the index of the nearest row of y (m, d) for each row of x (n, d), and the Euclidean distance to it."""
    best = np.full(len(x), np.inf)
    index = np.zeros(len(x), np.int64)
    for start in range(0, len(y), CHUNK):
        for rows, distances in squared_distances(x, y[start : start + CHUNK]):
            at = distances.argmin(1)
            least = distances[np.arange(len(at)), at]
            nearer = least < best[rows]
            best[rows] = np.where(nearer, least, best[rows])
            index[rows] = np.where(nearer, at + start, index[rows])
    exact = np.empty(len(x))  # recomputed from differences, which have no such rounding errors
    for rows in row_blocks(len(x), x.shape[1]):
        exact[rows] = np.linalg.norm(x[rows].astype(np.float64) - y[index[rows]], axis=1)
    return index, exact
