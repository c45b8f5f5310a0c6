r"""Sliced Wasserstein-2 distance: the cost of moving one set onto the other, averaged over directions.

    SW_2^2(a, b) = E_u W_2^2(u.a, u.b),   W_2^2 = \int_0^1 (F_a^{-1}(q) - F_b^{-1}(q))^2 dq

with u uniform on the unit sphere. In one dimension the optimal transport preserves the order, so sorting solves it.
Unlike the Fréchet distance it detects any difference of the distributions, one dimension at a time. For a set and
itself shifted by v it is |v| / sqrt(d).

Rabin et al., Wasserstein barycenter and its application to texture mixing, SSVM 2011; Bonneel et al., Sliced and Radon
Wasserstein barycenters of measures, JMIV 2015.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zaohua.core.errors import ZaohuaError
from zaohua.core.seeds import generator_of
from zaohua.metrics.features import Matrix, pair

BLOCK = 50
"""Directions per block, which bounds the memory."""


@dataclass(frozen=True)
class Sliced:
    """Result of `sliced_wasserstein`.

    Attributes:
        distance: the distance, in units of the features.
        error: standard error due to the choice of directions; that of items isn't included.
    """

    distance: float
    error: float


def sliced_wasserstein(a: ArrayLike, b: ArrayLike, projections: int = 500, random_state: int = 0) -> Sliced:
    """Estimate the sliced Wasserstein-2 distance of two sets, which may differ in size.

    Args:
        a: features of the first set, (n, d).
        b: features of the second set, (m, d).
        projections: number of directions, at least 2.
        random_state: seed of the directions.

    Raises:
        ZaohuaError: the arrays differ in width, or there are too few directions.
    """
    x, y = pair(a, b)
    if projections < 2:
        raise ZaohuaError(f"projections is {projections}: at least 2 are needed for a standard error")
    directions = generator_of(random_state).normal(size=(projections, x.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    squares = np.concatenate(
        [_squares(x @ part.T, y @ part.T) for part in np.split(directions, range(BLOCK, projections, BLOCK))]
    )
    distance = float(np.sqrt(squares.mean()))
    error = float(squares.std(ddof=1) / np.sqrt(projections))  # of the square, d(s^2) = 2 s ds
    return Sliced(distance, error / (2 * distance) if distance else 0.0)


def _squares(x: Matrix, y: Matrix) -> Matrix:
    """Compute W_2^2 between the columns of x (n, p) and those of y (m, p)."""
    x, y = np.sort(x.T, axis=1), np.sort(y.T, axis=1)
    rows, columns, widths = _intervals(x.shape[1], y.shape[1])
    return np.asarray(((x[:, rows] - y[:, columns]) ** 2) @ widths)


def _intervals(n: int, m: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Matrix]:
    """Return the items and widths of the intervals of q on which the quantiles of n and of m items are constant.

    Computed in integers, in units of 1 / (n m), so that no interval is lost to rounding.
    """
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    widths = np.diff(ends, prepend=0)
    return (ends - 1) // m, (ends - 1) // n, widths / (n * m)
