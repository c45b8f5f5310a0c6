"""Correlations of the normal latents behind columns of any kind, from their ranks.

A column with a given order is a monotone function of its latent Z ~ N(0, 1): each of its values v is an interval of Z
that has the value's frequency as its probability. The score s(v) = E[Z | Z in the interval of v] of two columns with
the latents' correlation r has, by Mehler's formula, the covariance

    E[s_i s_j] = sum_m r^m a_im a_jm,    a_im = E[s_i(Z) h_m(Z)]

with normalised Hermite polynomials h_m. It increases in r, so r follows from the covariance of the scores. For two
continuous columns this is the correlation of their normal scores; a binary or ordered column gives the polyserial or
polychoric correlation, which ties don't weaken (Olsson, "Maximum Likelihood Estimation of the Polychoric Correlation
Coefficient", 1979, has the same model).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh
from scipy.special import ndtri

from zaohua.nn.bins import LOG_2_PI

TERMS = 128
"""Terms of Mehler's series."""
COARSE = 1e-3
"""Probability up to which neighbouring values share an interval in the series."""
GRID = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 129))
"""Correlations between which the inverse of the series is linear: close together near -1 and 1."""
PROJECTIONS, SWEEPS = 50, 2
"""Maximum number of alternating projections, and of passes over all triples of columns."""
SURER = 1.25
"""Ratio of variances from which an estimate gives way to others."""


class Scores(NamedTuple):
    """Scores of a column's values, in the order of the values.

    Attributes:
        rows: score of each row, NaN where there is no value, (n,).
        series: coefficients a_m of the score, m = 1, 2, ..., (TERMS,).
    """

    rows: np.ndarray
    series: np.ndarray


def scores_of(values: np.ndarray) -> Scores:
    """Compute the scores of values in their own order, (n,), NaN where there is none."""
    there = ~np.isnan(values)
    rows = np.full(len(values), np.nan)
    _, place, counts = np.unique(values[there], return_inverse=True, return_counts=True)
    if len(counts) < 2:
        rows[there] = 0.0
        return Scores(rows, np.zeros(TERMS))
    rows[there] = interval_means(counts)[place]
    below = np.cumsum(counts) - counts
    coarse = np.unique((below / counts.sum() // COARSE), return_inverse=True)[1]
    return Scores(rows, _series(np.bincount(coarse, weights=counts)))


def interval_means(counts: np.ndarray) -> np.ndarray:
    """Return the mean of a standard normal in each of the consecutive intervals with probabilities by counts."""
    density = _density(_borders(counts))
    means: np.ndarray = -np.diff(np.concatenate([[0.0], density, [0.0]])) * counts.sum() / np.maximum(counts, 1e-300)
    return means


def correlations(scores: list[Scores]) -> np.ndarray:
    """Estimate the correlations of the latents, each from the rows that have both values; (d, d), not yet definite."""
    rows = np.stack([s.rows for s in scores])
    there = (~np.isnan(rows)).astype(np.float64)
    filled, count = np.nan_to_num(rows), np.maximum(there @ there.T, 1)
    means = filled @ there.T / count
    wanted = filled @ filled.T / count - means * means.T
    series = np.stack([s.series for s in scores])
    powers = np.arange(1, TERMS + 1)
    before, out = (series * GRID[0] ** powers) @ series.T, np.where(wanted > 0, 1.0, -1.0)
    out[wanted <= before] = -1.0
    for low, high in zip(GRID[:-1], GRID[1:], strict=True):
        after = (series * high**powers) @ series.T
        inside = (wanted > before) & (wanted <= after)
        share = (wanted - before)[inside] / (after - before)[inside]
        out[inside] = low + share * (high - low)
        before = after
    out[np.abs(wanted) < 1e-12] = 0.0
    np.fill_diagonal(out, 1.0)
    return out


def nearest_correlation(matrix: np.ndarray, least: float) -> np.ndarray:
    """Return the nearest correlation matrix with eigenvalues of at least about `least` (Higham 2002).

    Args:
        matrix: symmetric, with a diagonal of ones.
        least: least eigenvalue, above 0.
    """
    out, correction = matrix, np.zeros_like(matrix)
    for _ in range(PROJECTIONS):
        values, vectors = eigh(out - correction)
        if values[0] >= -least and not correction.any():
            break
        projected = (vectors * np.maximum(values, 0)) @ vectors.T
        correction = projected - (out - correction)
        before, out = out, projected.copy()
        np.fill_diagonal(out, 1.0)
        if np.abs(out - before).max() < 1e-7:
            break
    values, vectors = eigh(out)
    out = (vectors * np.maximum(values, least)) @ vectors.T
    deviation = np.sqrt(np.diag(out))
    out = out / np.outer(deviation, deviation)
    return np.asarray((out + out.T) / 2)


def definite(scores: list[Scores], least: float) -> np.ndarray:
    """Estimate the correlations of the latents as the nearest positive definite matrix, (d, d).

    Where three estimates contradict one another, the one that is known least gives way first: an estimate has the
    variance (1 - r^2)^2 / (n a_i1 a_j1), so the correlation of a rare label with a number that it follows from is known
    nearly without error, and that with another number is not.

    Args:
        scores: scores of the columns.
        least: least eigenvalue, above 0.
    """
    wanted = correlations(scores)
    if eigh(wanted, eigvals_only=True, subset_by_index=(0, 0))[0] >= least:
        return wanted
    size = np.array([s.series[0] for s in scores])
    variance = (1 - wanted**2) ** 2 / np.maximum(np.outer(size, size), 1e-6)
    for _ in range(SWEEPS):
        for k, column in enumerate(wanted):
            reach = np.sqrt(np.maximum(np.outer(1 - column**2, 1 - column**2), 0))
            weaker = variance > SURER * np.maximum(variance[:, k, None], variance[k])
            middle = np.outer(column, column)
            wanted = np.where(weaker, np.clip(wanted, middle - reach, middle + reach), wanted)
    np.fill_diagonal(wanted, 1.0)
    return nearest_correlation(wanted, least)


def best_order(codes: np.ndarray, size: int, others: np.ndarray) -> np.ndarray:
    """Order categories so that one latent says as much of the other columns as it can.

    The means of the other columns within the categories are projected on their first principal direction; a category
    of few rows counts less.

    Args:
        codes: the categories (n,).
        size: number of categories.
        others: scores of the other columns (n, m).
    """
    counts = np.bincount(codes, minlength=size)
    sums = np.stack([np.bincount(codes, weights=other, minlength=size) for other in others.T], axis=1)
    means = sums / (counts + 1)[:, None]
    weighted = means * np.sqrt(counts / counts.sum())[:, None]
    direction = eigh(weighted.T @ weighted, subset_by_index=(others.shape[1] - 1,) * 2)[1][:, 0]
    return np.argsort(means @ direction, kind="stable")


def _borders(counts: np.ndarray) -> np.ndarray:
    """Return the borders between consecutive intervals of a standard normal with probabilities by counts."""
    borders: np.ndarray = ndtri(np.clip(np.cumsum(counts)[:-1] / counts.sum(), 1e-12, 1 - 1e-12))
    return borders


def _density(z: np.ndarray) -> np.ndarray:
    """Return the density of a standard normal."""
    return np.asarray(np.exp(-0.5 * (z**2 + LOG_2_PI)))


def _series(counts: np.ndarray) -> np.ndarray:
    """Compute a_m = sum over borders of (s above - s below) h_m-1 phi / sqrt m, for m = 1, 2, ..., (TERMS,)."""
    if len(counts) < 2:
        return np.zeros(TERMS)
    z, steps = _borders(counts), np.diff(interval_means(counts))
    previous, current, out = np.zeros_like(z), _density(z), np.empty(TERMS)
    for m in range(1, TERMS + 1):
        out[m - 1] = steps @ current / np.sqrt(m)
        previous, current = current, (z * current - np.sqrt(m - 1) * previous) / np.sqrt(m)
    return out
