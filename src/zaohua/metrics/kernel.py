r"""Kernel distance of two sets of features: the unbiased squared maximum mean discrepancy with a cubic kernel.

    k(x, y) = (x.y / d + 1)^3
    MMD^2(a, b) = mean_{i != j} k(a_i, a_j) + mean_{i != j} k(b_i, b_j) - 2 mean_{i, j} k(a_i, b_j)

It compares all moments up to the third. Unlike the Fréchet distance it is unbiased: for equal distributions its
expectation is 0 whatever the number of items, so slightly negative values are valid.

Binkowski et al., Demystifying MMD GANs, arXiv:1801.01401 (there, with features of Inception, KID).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zaohua.metrics.features import Matrix, pair
from zaohua.metrics.pairwise import row_blocks


def kernel_distance(a: ArrayLike, b: ArrayLike) -> float:
    """Estimate the squared maximum mean discrepancy without bias.

    Args:
        a: features of the first set, (n, d).
        b: features of the second set, (m, d).

    Returns:
        The squared distance; it may be slightly negative.

    Raises:
        ZaohuaError: the arrays differ in width, or have fewer than two items.
    """
    x, y = pair(a, b)
    return _within(x) + _within(y) - 2 * _sum(x, y) / (len(x) * len(y))


def _within(x: Matrix) -> float:
    """Compute the mean kernel over pairs of different items of one set."""
    diagonal = (((x**2).sum(1) / x.shape[1] + 1) ** 3).sum()
    return float(_sum(x, x) - diagonal) / (len(x) * (len(x) - 1))


def _sum(x: Matrix, y: Matrix) -> float:
    """Compute the sum of the kernel over all pairs."""
    total = 0.0
    for rows in row_blocks(len(x), len(y)):
        product = x[rows] @ y.T
        product /= x.shape[1]
        product += 1
        square = product * product
        total += float(np.vdot(square, product))  # the sum of cubes
    return total
