r"""How alike real and synthetic columns are, each by itself and in pairs: 1 if the same, 0 if nothing is.

**Shape** of a column (`shapes`): 1 - KS of numbers, the largest difference of the two distribution functions, where a
missing number counts as larger than all others, so that KS is at least the difference of the shares missing; and
1 - TVD of categories, half the sum of the absolute differences of shares.

**Trend** of a pair (`trends`): 1 - |rho_real - rho_synthetic| / 2 of two columns of numbers, with Pearson's correlation
of the rows that have both; it is taken for 0 where one of them is constant. Else 1 - TVD of the table of both columns'
categories, where numbers are cut at 10 real quantiles and all but the 99 most frequent categories are one
(`rows.Binning`).

Both are the measures that papers on synthetic tables report (as 100 % minus the error, Zhang et al., TabSyn,
arXiv:2310.09656). A table whose columns are drawn apart from one another has perfect shapes, so these never rank alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from zaohua.metrics.features import Matrix
from zaohua.metrics.rows import Binning, Codes, as_rows


def shapes(real: ArrayLike, synthetic: ArrayLike, sizes: Sequence[int]) -> Matrix:
    """How alike each column is by itself.

    Args:
        real: real rows, (n, C), in canonical form (see `rows`).
        synthetic: rows to compare with them, (m, C).
        sizes: categories of each column, 0 of one of numbers.

    Returns:
        float64 (C,), from 0 to 1.

    Raises:
        ZaohuaError: the rows aren't in canonical form.
    """
    x, y = as_rows(real, sizes, "real rows"), as_rows(synthetic, sizes, "synthetic rows")
    return np.array(
        [
            1 - (_variation(_shares(x[:, c], size), _shares(y[:, c], size)) if size else _ks(x[:, c], y[:, c]))
            for c, size in enumerate(sizes)
        ]
    )


def trends(real: ArrayLike, synthetic: ArrayLike, sizes: Sequence[int]) -> Matrix:
    """How alike each pair of columns is.

    Args:
        real: real rows, (n, C), in canonical form (see `rows`).
        synthetic: rows to compare with them, (m, C).
        sizes: categories of each column, 0 of one of numbers.

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
    a, b = binning.codes(x), binning.codes(y)
    for i, j in itertools.combinations(range(len(sizes)), 2):
        if sizes[i] or sizes[j]:
            shape = binning.sizes[i], binning.sizes[j]
            out[i, j] = out[j, i] = 1 - _variation(_joint(a[i], a[j], shape), _joint(b[i], b[j], shape))
    return out


def mean_trend(found: Matrix) -> float:
    """The mean of all pairs; 1 of a single column, which has none."""
    pairs = found[np.triu_indices(len(found), 1)]
    return float(pairs.mean()) if len(pairs) else 1.0


def correlations(x: Matrix) -> Matrix:
    """Pearson's correlations (C, C) of the rows that have both numbers; 0 where one is constant in these."""
    there = ~np.isnan(x)
    count = np.maximum(there.sum(0), 1)
    centred = np.where(there, x - np.where(there, x, 0).sum(0) / count, 0.0)
    spread = np.sqrt((centred**2).sum(0) / count)
    rounding = 1e-12 * np.abs(np.where(there, x, 0)).max(0, initial=0)
    z = np.divide(centred, spread, out=np.zeros_like(x), where=spread > rounding)
    has = there.astype(np.float64)
    n = np.maximum(has.T @ has, 1)
    means = z.T @ has / n  # of column i where column j is there
    variances = np.maximum(z.T**2 @ has / n - means**2, 0)
    scale = np.sqrt(variances * variances.T)
    found = np.divide(z.T @ z / n - means * means.T, scale, out=np.zeros_like(scale), where=scale > 1e-12)
    return np.clip(found, -1, 1)


def associations(rows: ArrayLike, sizes: Sequence[int], binning: Binning) -> Matrix:
    """How strongly columns hang together, for people to look at: |rho| of two columns of numbers, else Cramér's V.

    V = sqrt(chi^2 / n / (min(a, b) - 1)) of the a x b table of the categories that occur; 0 where one is constant.

    Args:
        rows: (n, C) in canonical form.
        sizes: categories of each column, 0 of one of numbers.
        binning: how numbers are cut; the same one for all tables that are compared.

    Returns:
        float64 (C, C), symmetric, from 0 to 1; the diagonal is 1, or 0 of a constant column.
    """
    x = as_rows(rows, sizes, "rows")
    out, codes = abs(correlations(x)), binning.codes(x)
    for i, j in itertools.combinations_with_replacement(range(len(sizes)), 2):
        if sizes[i] or sizes[j]:
            out[i, j] = out[j, i] = _cramer(_joint(codes[i], codes[j], (binning.sizes[i], binning.sizes[j])))
    return out


def _cramer(joint: Matrix) -> float:
    joint = joint[joint.sum(1) > 0][:, joint.sum(0) > 0]
    least = min(joint.shape) - 1
    if least < 1:
        return 0.0
    expected = np.outer(joint.sum(1), joint.sum(0))
    return float(np.sqrt(min(1.0, ((joint - expected) ** 2 / expected).sum() / least)))


def _shares(codes: Matrix, size: int) -> Matrix:
    return np.bincount(codes.astype(np.int64), minlength=size) / len(codes)


def _joint(a: Codes, b: Codes, shape: tuple[int, int]) -> Matrix:
    """Shares of the pairs of two columns' categories."""
    return np.bincount(a * shape[1] + b, minlength=shape[0] * shape[1]).reshape(shape) / len(a)


def _variation(p: Matrix, q: Matrix) -> float:
    """The total variation distance of two sets of shares."""
    return min(1.0, float(abs(p - q).sum()) / 2)


def _ks(a: Matrix, b: Matrix) -> float:
    """The Kolmogorov-Smirnov distance; NaN sorts behind all numbers, and so counts as the largest."""
    a, b = (np.sort(np.where(np.isnan(x), np.inf, x)) for x in (a, b))
    both = np.concatenate([a, b])
    below = [np.searchsorted(x, both, "right") / len(x) for x in (a, b)]
    return float(abs(below[0] - below[1]).max())
