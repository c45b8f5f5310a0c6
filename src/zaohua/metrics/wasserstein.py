r"""Sliced Wasserstein-2 distance: how far one set must be moved to become the other, averaged over directions.

    SW_2^2(a, b) = E_u W_2^2(u.a, u.b),   W_2^2 = \int_0^1 (F_a^{-1}(q) - F_b^{-1}(q))^2 dq

with u uniform on the unit sphere. On a line the best transport keeps the order, so sorting solves it. Unlike the
Fréchet distance it sees any difference of shape, in one dimension at a time. For a set and itself shifted by v it is
|v| / sqrt(d).

Rabin et al., Wasserstein barycenter and its application to texture mixing, SSVM 2011; Bonneel et al., Sliced and Radon
Wasserstein barycenters of measures, JMIV 2015.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.features import Matrix, pair

TOGETHER = 50
"""Directions that are looked at together: bounds the memory."""


@dataclass(frozen=True)
class Sliced:
    """A sliced distance.

    Attributes:
        distance: in units of the features.
        error: its standard error, from the choice of directions alone and not from that of items.
    """

    distance: float
    error: float


def sliced_wasserstein(a: ArrayLike, b: ArrayLike, projections: int = 500, random_state: int = 0) -> Sliced:
    """Sliced Wasserstein-2 distance of two sets, of any sizes.

    Args:
        a: features of one set, (n, d).
        b: features of the other, (m, d).
        projections: number of directions, at least 2.
        random_state: seed of the directions.

    Raises:
        ZaohuaError: the arrays aren't features of one kind, or there are too few directions.
    """
    x, y = pair(a, b)
    if projections < 2:
        raise ZaohuaError(f"projections is {projections}: at least 2 are needed for a standard error")
    directions = np.random.default_rng(random_state).normal(size=(projections, x.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    squares = np.concatenate(
        [_squares(x @ part.T, y @ part.T) for part in np.split(directions, range(TOGETHER, projections, TOGETHER))]
    )
    distance = float(np.sqrt(squares.mean()))
    error = float(squares.std(ddof=1) / np.sqrt(projections))  # of the square, d(s^2) = 2 s ds
    return Sliced(distance, error / (2 * distance) if distance else 0.0)


def _squares(x: Matrix, y: Matrix) -> Matrix:
    """W_2^2 of each column of x (n, p) to that of y (m, p)."""
    x, y = np.sort(x.T, axis=1), np.sort(y.T, axis=1)
    rows, columns, shares = _pieces(x.shape[1], y.shape[1])
    return np.asarray(((x[:, rows] - y[:, columns]) ** 2) @ shares)


def _pieces(n: int, m: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Matrix]:
    """The intervals of q on which the quantiles of n and of m items are both constant: their items, and the widths.

    Integers, in units of 1 / (n m), so that no piece is lost to rounding.
    """
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    widths = np.diff(ends, prepend=0)
    return (ends - 1) // m, (ends - 1) // n, widths / (n * m)
