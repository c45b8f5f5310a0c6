r"""Similarity of real and synthetic columns, singly and in pairs: 1 for equal distributions, 0 for disjoint ones.

**Shape** of a column (`shapes`). For numbers it is 1 - KS, where KS is the largest difference of the two distribution
functions; a missing number counts as larger than all others, so KS is at least the difference of the fractions missing.
For categories it is 1 - TVD, where TVD is half the sum of the absolute differences of frequencies.

**Trend** of a pair of columns (`trends`). For two numeric columns it is 1 - |rho_real - rho_synthetic| / 2, with
Pearson's correlation over the rows that have both numbers; the correlation counts as 0 where a column is constant.
For other pairs it is 1 - TVD of the contingency table, where numbers are cut at 10 quantiles of the real column and all
but the 99 most frequent categories are merged (`rows.Binning`).

Both are the metrics that papers on synthetic tables report (as 100 % minus the error, Zhang et al., TabSyn,
arXiv:2310.09656). A table whose columns are sampled independently has perfect shapes, so don't rank by shapes alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from zaohua.metrics.features import Matrix
from zaohua.metrics.rows import Binning, Categories, as_rows


def shapes(real: ArrayLike, synthetic: ArrayLike, sizes: Sequence[int]) -> Matrix:
    """Compute the similarity of each column's distribution.

    Args:
        real: real rows, (n, C), in canonical form (see `rows`).
        synthetic: synthetic rows, (m, C).
        sizes: number of categories of each column; 0 for a numeric column.

    Returns:
        float64 (C,), from 0 to 1.

    Raises:
        ZaohuaError: the rows aren't in canonical form.
    """
    x, y = as_rows(real, sizes, "real rows"), as_rows(synthetic, sizes, "synthetic rows")
    return np.array(
        [
            1
            - (_variation(_frequencies(x[:, c], size), _frequencies(y[:, c], size)) if size else _ks(x[:, c], y[:, c]))
            for c, size in enumerate(sizes)
        ]
    )


def trends(real: ArrayLike, synthetic: ArrayLike, sizes: Sequence[int]) -> Matrix:
    """Compute the similarity of the dependence within each pair of columns.

    Args:
        real: real rows, (n, C), in canonical form (see `rows`).
        synthetic: synthetic rows, (m, C).
        sizes: number of categories of each column; 0 for a numeric column.

    Returns:
        float64 (C, C), symmetric, from 0 to 1, with 1 on the diagonal.

    Raises:
        ZaohuaError: the rows aren't in canonical form.
    """
    x, y = as_rows(real, sizes, "real rows"), as_rows(synthetic, sizes, "synthetic rows")
    numbers = [c for c, size in enumerate(sizes) if not size]
    out = np.ones((len(sizes), len(sizes)))
    out[np.ix_(numbers, numbers)] = 1 - abs(correlations(x[:, numbers]) - correlations(y[:, numbers])) / 2
    binning = Binning(x, sizes)
    a, b = binning.transform(x), binning.transform(y)
    for i, j in itertools.combinations(range(len(sizes)), 2):
        if sizes[i] or sizes[j]:
            shape = binning.sizes[i], binning.sizes[j]
            out[i, j] = out[j, i] = 1 - _variation(_joint(a[i], a[j], shape), _joint(b[i], b[j], shape))
    return out


def mean_trend(trend: Matrix) -> float:
    """Return the mean trend over all pairs of columns; 1 for a table of one column, which has no pairs."""
    pairs = trend[np.triu_indices(len(trend), 1)]
    return float(pairs.mean()) if len(pairs) else 1.0


def correlations(x: Matrix) -> Matrix:
    """Compute Pearson's correlations (C, C), each over the rows with both numbers; 0 where a column is constant."""
    present = ~np.isnan(x)
    count = np.maximum(present.sum(0), 1)
    centred = np.where(present, x - np.where(present, x, 0).sum(0) / count, 0.0)
    spread = np.sqrt((centred**2).sum(0) / count)
    rounding = 1e-12 * np.abs(np.where(present, x, 0)).max(0, initial=0)
    z = np.divide(centred, spread, out=np.zeros_like(x), where=spread > rounding)
    has = present.astype(np.float64)
    n = np.maximum(has.T @ has, 1)
    means = z.T @ has / n  # of column i over the rows where column j is present
    variances = np.maximum(z.T**2 @ has / n - means**2, 0)
    scale = np.sqrt(variances * variances.T)
    rho = np.divide(z.T @ z / n - means * means.T, scale, out=np.zeros_like(scale), where=scale > 1e-12)
    return np.asarray(np.clip(rho, -1, 1))


def associations(rows: ArrayLike, sizes: Sequence[int], binning: Binning) -> Matrix:
    """Compute how strongly columns depend on each other: |rho| of two numeric columns, Cramér's V of other pairs.

    For display rather than for ranking. V = sqrt(chi^2 / n / (min(a, b) - 1)) of the a x b contingency table of the
    categories that occur; 0 where a column is constant.

    Args:
        rows: (n, C) in canonical form.
        sizes: number of categories of each column; 0 for a numeric column.
        binning: discretisation of the columns; use the same one for all tables to compare.

    Returns:
        float64 (C, C), symmetric, from 0 to 1; the diagonal is 1, or 0 for a constant column.
    """
    x = as_rows(rows, sizes, "rows")
    out, bins = abs(correlations(x)), binning.transform(x)
    for i, j in itertools.combinations_with_replacement(range(len(sizes)), 2):
        if sizes[i] or sizes[j]:
            out[i, j] = out[j, i] = _cramer(_joint(bins[i], bins[j], (binning.sizes[i], binning.sizes[j])))
    return out


def _cramer(joint: Matrix) -> float:
    joint = joint[joint.sum(1) > 0][:, joint.sum(0) > 0]
    least = min(joint.shape) - 1
    if least < 1:
        return 0.0
    expected = np.outer(joint.sum(1), joint.sum(0))
    return float(np.sqrt(min(1.0, ((joint - expected) ** 2 / expected).sum() / least)))


def _frequencies(categories: Matrix, size: int) -> Matrix:
    return np.bincount(categories.astype(np.int64), minlength=size) / len(categories)


def _joint(a: Categories, b: Categories, shape: tuple[int, int]) -> Matrix:
    """Return the joint frequencies of two columns' categories."""
    return np.bincount(a * shape[1] + b, minlength=shape[0] * shape[1]).reshape(shape) / len(a)


def _variation(p: Matrix, q: Matrix) -> float:
    """Compute the total variation distance of two sets of frequencies."""
    return min(1.0, float(abs(p - q).sum()) / 2)


def _ks(a: Matrix, b: Matrix) -> float:
    """Compute the Kolmogorov-Smirnov distance; NaN counts as larger than all numbers."""
    a, b = (np.sort(np.where(np.isnan(x), np.inf, x)) for x in (a, b))
    both = np.concatenate([a, b])
    below = [np.searchsorted(x, both, "right") / len(x) for x in (a, b)]
    return float(abs(below[0] - below[1]).max())
