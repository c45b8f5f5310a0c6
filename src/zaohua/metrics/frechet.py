r"""Fréchet distance of two sets of features, each approximated by a Gaussian.

    d(a, b) = |mu_a - mu_b|^2 + tr(C_a) + tr(C_b) - 2 tr((C_a C_b)^{1/2})

With C_a = A^T A and C_b = B^T B the last trace is the sum of the singular values of A B^T, since C_a C_b has the
same non-zero eigenvalues as (A B^T)(A B^T)^T. So no square root of a matrix is taken, and fewer items than
features (singular covariances, where `scipy.linalg.sqrtm` fails or turns complex) are no special case.

Heusel et al., GANs trained by a two time-scale update rule converge to a local Nash equilibrium, arXiv:1706.08500.
Distances depend on the extractor and fall with the number of items, so compare equal numbers only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zaohua.metrics.features import Matrix, pair
from zaohua.metrics.intervals import halves


def frechet_distance(a: ArrayLike, b: ArrayLike) -> float:
    """Compute the Fréchet distance of the Gaussians fitted to two arrays of features.

    Args:
        a: features of the first set, (n, d).
        b: features of the second set, (m, d).

    Returns:
        The squared distance, at least 0, in squared units of the features.

    Raises:
        ZaohuaError: the arrays differ in width, or have fewer than two items.
    """
    x, y = pair(a, b)
    return _distance(x.mean(0), _factor(x), y.mean(0), _factor(y))


def corrected_frechet(a: ArrayLike, b: ArrayLike, draws: int = 10, random_state: int = 0) -> float:
    """Compute the Fréchet distance with most of its bias removed: 2 d(n) - d(n / 2).

    Estimating means and covariances from few items makes sets from one distribution look different, by about
    tr(C) (1/n + 1/m) (d/4 + 1): 0.22 for d = 64 unit features and n = m = 10,000. This bias halves when n doubles, so
    it cancels in the difference. Terms that fall faster than 1/n remain, so n should be several times the width.

    Args:
        a: features of the first set, (n, d).
        b: features of the second set, (m, d).
        draws: number of random splits of both sets into halves that d(n / 2) is averaged over; each gives two pairs.
        random_state: seed of the splits.

    Returns:
        The distance; it may be slightly negative, because its expectation for equal distributions is about 0.

    Raises:
        ZaohuaError: the arrays differ in width, or have fewer than four items.
    """
    x, y = pair(a, b, least=4)
    parts = [frechet_distance(*part) for both in halves((x, y), draws, random_state) for part in both]
    return 2 * frechet_distance(x, y) - float(np.mean(parts))


def frechet_from_moments(mu_a: ArrayLike, cov_a: ArrayLike, mu_b: ArrayLike, cov_b: ArrayLike) -> float:
    """Compute the Fréchet distance of two Gaussians from their means (d,) and covariances (d, d)."""
    mean_a, mean_b = np.asarray(mu_a, np.float64), np.asarray(mu_b, np.float64)
    return _distance(mean_a, _root(np.asarray(cov_a, np.float64)), mean_b, _root(np.asarray(cov_b, np.float64)))


def _distance(mu_a: Matrix, root_a: Matrix, mu_b: Matrix, root_b: Matrix) -> float:
    """Compute the distance from means and factors A (k, d) with A^T A = covariance."""
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    distance = ((mu_a - mu_b) ** 2).sum() + (root_a**2).sum() + (root_b**2).sum() - 2 * cross
    return max(0.0, float(distance))


def _factor(x: Matrix) -> Matrix:
    """Return R (min(n, d), d) of the QR decomposition of the centred, scaled items: R^T R is their covariance."""
    return np.asarray(np.linalg.qr((x - x.mean(0)) / np.sqrt(len(x) - 1), mode="r"))


def _root(cov: Matrix) -> Matrix:
    """Return a factor of a covariance; eigenvalues that rounding made negative count as zero."""
    values, vectors = np.linalg.eigh(cov)
    return np.asarray(np.sqrt(np.clip(values, 0, None))[:, None] * vectors.T)
