r"""Whether synthetic rows lie too near to the rows that they were learnt from, or are copies of them.

**Distance to the closest record** (`closest_records`). As many rows that the generator never saw are set beside
training rows. If it has learnt the distribution and not the rows, either are as likely to be the nearest, so the share
of synthetic rows that lie nearer to a training row is a half (ties count a half). Several synthetic rows may have the
same nearest row and are then one answer rather than several: with c_r of them at row r, the interval and the p value
are those of n_e = (sum c_r)^2 / sum c_r^2 answers, as if which of the nearest rows are training rows were drawn anew.
In simulations such intervals cover 98 %, and those of as many answers as rows far less than 95 %.

The distance is Gower's: the sum over columns of 0 or 1 for categories, and of the difference of quantile ranks among
all real rows for numbers, from 0 to 1; a missing number differs by 1 from any other and by 0 from a missing one.

**Exact copies** (`row_copies`): rows that equal a training row in all columns, against the share of real test rows that
do: in a table of few categories many honest rows are "copies". p is Fisher's, one-sided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zaohua.metrics.features import Matrix
from zaohua.metrics.intervals import Interval, wilson
from zaohua.metrics.rows import as_rows

ROWS, COLUMNS = 128, 2048
"""Rows of both sets whose distances are held together: a megabyte, which stays near the processor."""


@dataclass(frozen=True)
class ClosestRecords:
    """How near synthetic rows lie to training rows.

    Attributes:
        share: of synthetic rows that are nearer to a training row than to any held-out one; 0.5 at best.
        p: chance of so large a share if they had nothing to do with the training rows.
        answers: independent ones that the share is worth.
        compared: training rows, and as many held-out ones.
    """

    share: Interval
    p: float
    answers: float
    compared: int


@dataclass(frozen=True, eq=False)
class RowCopies:
    """How many rows are copies of training rows.

    Attributes:
        share: of synthetic rows.
        usual: of real test rows.
        p: chance of so many more.
        rows: which synthetic rows are.
    """

    share: float
    usual: float
    p: float
    rows: NDArray[np.int64]


def closest_records(
    synthetic: ArrayLike, train: ArrayLike, holdout: ArrayLike, sizes: Sequence[int], random_state: int = 0
) -> ClosestRecords:
    """Whether synthetic rows lie nearer to training rows than to others; as many of the larger real set are taken.

    Args:
        synthetic: rows, (n, C), in canonical form (see `rows`).
        train: rows that the generator learnt from, (k, C).
        holdout: real rows that it didn't, (m, C).
        sizes: categories of each column, 0 of one of numbers.
        random_state: seed of which rows are taken.

    Raises:
        ZaohuaError: the rows aren't in canonical form.
    """
    x = as_rows(synthetic, sizes, "synthetic rows")
    sets = [as_rows(train, sizes, "training rows"), as_rows(holdout, sizes, "held-out rows")]
    size, rng = min(map(len, sets)), np.random.default_rng(random_state)
    real = np.concatenate([z[rng.permutation(len(z))[:size]] for z in sets])
    drawn, known = _ranked(x, real, sizes), _ranked(real, real, sizes)
    (to_train, at_train), (to_other, at_other) = (_nearest(drawn, part) for part in (known[:, :size], known[:, size:]))
    nearer, further = to_train < to_other, to_train > to_other
    decided = int(nearer.sum() + further.sum())
    if not decided:
        return ClosestRecords(Interval(0.5, 0.5, 0.5), 1.0, 0.0, size)
    counts = np.bincount(np.concatenate([at_train[nearer], at_other[further] + size]))
    answers = decided**2 / float(np.square(counts, dtype=np.float64).sum())
    found = wilson(float(nearer.sum() / decided), answers)
    tied = (len(x) - decided) / 2
    share = Interval(*((end * decided + tied) / len(x) for end in (found.value, found.low, found.high)))
    return ClosestRecords(share, _above(found.value, answers), answers, size)


def row_copies(synthetic: ArrayLike, train: ArrayLike, test: ArrayLike, sizes: Sequence[int]) -> RowCopies:
    """How many synthetic rows equal a training row, and how many test rows do.

    Args:
        synthetic: rows, (n, C), in canonical form (see `rows`).
        train: all rows that the generator learnt from, (k, C).
        test: real rows that it didn't, (m, C).
        sizes: categories of each column, 0 of one of numbers.

    Raises:
        ZaohuaError: the rows aren't in canonical form.
    """
    from scipy.stats import hypergeom

    x, y = as_rows(synthetic, sizes, "synthetic rows"), as_rows(test, sizes, "test rows")
    seen = set(_keys(as_rows(train, sizes, "training rows")))
    copies, usual = (np.array([key in seen for key in _keys(z)]) for z in (x, y))
    total = int(copies.sum() + usual.sum())
    p = float(hypergeom.sf(int(copies.sum()) - 1, len(x) + len(y), total, len(x)))
    return RowCopies(float(copies.mean()), float(usual.mean()), p, np.flatnonzero(copies))


def _keys(x: Matrix) -> list[bytes]:
    """What is the same of equal rows: their bytes, with one kind of zero and of NaN."""
    x = np.ascontiguousarray(np.where(np.isnan(x), np.nan, x + 0.0))
    return [row.tobytes() for row in x]


def _above(share: float, answers: float) -> float:
    """The chance of a share this far above a half."""
    from scipy.stats import norm

    return float(norm.sf((share - 0.5) * 2 * np.sqrt(answers)))


def _ranked(x: Matrix, real: Matrix, sizes: Sequence[int]) -> NDArray[np.float32]:
    """Rows by columns, float32 (C, n), of which min(|a - b|, 1) is the distance in a column.

    Numbers become their rank among real ones, from 0 to 1, and 2 where they are missing.
    """
    out = np.empty((x.shape[1], len(x)), np.float32)
    for c, size in enumerate(sizes):
        if size:
            out[c] = x[:, c]
            continue
        known = np.sort(real[~np.isnan(real[:, c]), c])
        below, upto = (np.searchsorted(known, x[:, c], side) for side in ("left", "right"))
        out[c] = np.where(np.isnan(x[:, c]), 2, (below + upto) / (2 * max(1, len(known))))
    return out


def _nearest(x: NDArray[np.float32], y: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The distance of each of x (C, n) to the nearest of y (C, m), and which one that is."""
    best = np.full(x.shape[1], np.inf, np.float32)
    index = np.zeros(x.shape[1], np.int64)
    for i in range(0, x.shape[1], ROWS):
        rows = slice(i, i + ROWS)
        for j in range(0, y.shape[1], COLUMNS):
            a, b = x[:, rows], y[:, j : j + COLUMNS]
            total, part = (np.zeros((a.shape[1], b.shape[1]), np.float32) for _ in range(2))
            for c in range(len(x)):
                np.subtract(a[c][:, None], b[c], out=part)
                np.abs(part, out=part)
                np.minimum(part, 1, out=part)
                total += part
            at = total.argmin(1)
            found = total[np.arange(len(at)), at]
            nearer = found < best[rows]
            best[rows] = np.where(nearer, found, best[rows])
            index[rows] = np.where(nearer, at + j, index[rows])
    return best, index
