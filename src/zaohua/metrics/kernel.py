r"""Kernel distance of two sets of features: the unbiased squared maximum mean discrepancy with a cubic kernel.

    k(x, y) = (x.y / d + 1)^3
    MMD^2(a, b) = mean_{i != j} k(a_i, a_j) + mean_{i != j} k(b_i, b_j) - 2 mean_{i, j} k(a_i, b_j)

It compares all moments up to the third, and its expectation doesn't depend on the number of items, as that of the
Fréchet distance does: for equal distributions it is 0, so slightly negative values are valid.

Binkowski et al., Demystifying MMD GANs, arXiv:1801.01401 (there, with features of Inception, KID).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zaohua.metrics.features import Matrix, pair
from zaohua.metrics.pairwise import row_blocks


def kernel_distance(a: ArrayLike, b: ArrayLike) -> float:
    """Unbiased estimate of the squared maximum mean discrepancy.

    Args:
        a: features of one set, (n, d).
        b: features of the other, (m, d).

    Returns:
        The squared distance; may be slightly negative.

    Raises:
        ZaohuaError: the arrays aren't features of one kind, of two items at least each.
    """
    x, y = pair(a, b)
    return _within(x) + _within(y) - 2 * _sum(x, y) / (len(x) * len(y))


def _within(x: Matrix) -> float:
    """Mean kernel of different items of one set."""
    itself = (((x**2).sum(1) / x.shape[1] + 1) ** 3).sum()
    return float(_sum(x, x) - itself) / (len(x) * (len(x) - 1))


def _sum(x: Matrix, y: Matrix) -> float:
    """Sum of the kernel over all pairs."""
    total = 0.0
    for rows in row_blocks(len(x), len(y)):
        product = x[rows] @ y.T
        product /= x.shape[1]
        product += 1
        square = product * product
        total += float(np.vdot(square, product))  # the sum of cubes
    return total
