r"""Classifier two-sample test of tables: how well boosted trees distinguish synthetic rows from held-out real rows.

Both sets are split into halves. Trees are trained on the first halves and scored on the second ones, and vice versa;
AUC is the mean of both. The score that papers report is

    1 - (2 max(AUC, 1/2) - 1)

which is 1 for indistinguishable and 0 for perfectly separable rows. Trees are used because a logistic regression sees
little but means: it can't distinguish independently sampled columns from real rows. An AUC well below a half isn't due
to chance either: it occurs if some rows are in both halves, because the table holds many equal rows or the generator
has seen the real ones.

The interval uses DeLong's variance of the AUC of a *single* half. The two AUCs aren't independent (a random difference
between the halves affects both), so dividing the variance by two would be too optimistic where the distributions are
equal; where they differ much the interval is up to sqrt 2 too wide. In simulations it covers 98 % in both cases. It
covers the choice of rows, not that of another training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from zaohua.core.seeds import generator_of
from zaohua.metrics.auc import auc, placements
from zaohua.metrics.features import Matrix
from zaohua.metrics.intervals import NORMAL, Interval
from zaohua.metrics.rows import as_rows
from zaohua.metrics.trees import Trees

LEAST = 20
"""Minimum number of rows of each set."""
IMPORTANCE_ROWS = 2048
"""Held-out rows of each set that the importance of columns is computed from."""


@dataclass(frozen=True, eq=False)
class TreeTwoSample:
    """Result of `tree_two_sample`.

    Attributes:
        auc: AUC with its interval; 0.5 if the rows are indistinguishable.
        score: 1 - (2 max(auc, 1/2) - 1), with its interval.
        synthetic: placement of each synthetic row, the fraction of real rows that look more real, by half, (2, n).
        real: placement of each real row, the fraction of synthetic rows that look less real, by half, (2, n).
        importances: decrease of the AUC when a column is shuffled, (C,); None if not requested.
    """

    auc: Interval
    score: Interval
    synthetic: Matrix
    real: Matrix
    importances: Matrix | None = None


def tree_two_sample(
    synthetic: ArrayLike, real: ArrayLike, sizes: Sequence[int], random_state: int = 0, importances: bool = False
) -> TreeTwoSample:
    """Measure how well boosted trees distinguish synthetic rows from real ones; the larger set is subsampled.

    Args:
        synthetic: rows, (n, C), in canonical form (see `rows`).
        real: real rows that the generator wasn't trained on, (m, C).
        sizes: number of categories of each column; 0 for a numeric column.
        random_state: seed of the halves; they hold the same real rows for all generators with the same number of rows.
        importances: True to compute the importance of each column for the trees.

    Raises:
        ZaohuaError: the rows aren't in canonical form, or fewer than 20.
    """
    x = as_rows(synthetic, sizes, "synthetic rows", LEAST)
    y = as_rows(real, sizes, "real rows", LEAST)
    half = min(len(x), len(y)) // 2
    order = generator_of(random_state).permutation
    rows, others = (order(len(z))[: 2 * half].reshape(2, half) for z in (x, y))
    is_synthetic = np.repeat([1, 0], half)
    placed, decreases = [], []
    for fold in (0, 1):
        trees = Trees(sizes, early_stopping=False, random_state=random_state)
        trees.fit(np.concatenate([x[rows[fold]], y[others[fold]]]), is_synthetic)
        held = x[rows[1 - fold]], y[others[1 - fold]]
        placed.append(placements(*map(trees.log_odds, held)))
        if importances:
            decreases.append(_auc_decreases(trees, held[0][:IMPORTANCE_ROWS], held[1][:IMPORTANCE_ROWS], random_state))
    a, b = (np.stack(parts) for parts in zip(*placed, strict=True))
    value = float(a.mean())
    reach = NORMAL * math.sqrt(max(_variance(a, b), 1 / half**2))  # at least the effect of a single row
    interval = Interval(value, max(0.0, value - reach), min(1.0, value + reach))
    return TreeTwoSample(interval, _score(interval), a, b, np.mean(decreases, axis=0) if importances else None)


def gaps(best: tuple[Matrix, Matrix], other: tuple[Matrix, Matrix]) -> Interval:
    """Compute the difference between the scores of two generators, with its interval.

    Args:
        best: `synthetic` and `real` of the first generator's `TreeTwoSample`.
        other: the same of the second generator, with the same real rows, number of samples and seed.
    """
    (a, real_a), (b, real_b) = best, other
    variance = float(np.mean((a.var(1, ddof=1) + b.var(1, ddof=1) + (real_a - real_b).var(1, ddof=1)) / a.shape[1]))
    value, reach = 2 * (max(b.mean(), 0.5) - max(a.mean(), 0.5)), 2 * NORMAL * math.sqrt(variance)
    return Interval(float(value), float(value - reach), float(value + reach))


def _variance(a: Matrix, b: Matrix) -> float:
    """Compute DeLong's variance of the AUC of one half, averaged over both."""
    return float(np.mean((a.var(1, ddof=1) + b.var(1, ddof=1)) / a.shape[1]))


def _score(area: Interval) -> Interval:
    """Return the score of an AUC, which decreases in it, so that the ends of the interval swap."""
    return Interval(*(2 - 2 * max(end, 0.5) for end in (area.value, area.high, area.low)))


def _auc_decreases(trees: Trees, x: Matrix, y: Matrix, seed: int) -> Matrix:
    """Compute the decrease of the AUC of held-out rows when each column is shuffled, (C,)."""
    both, is_synthetic = np.concatenate([x, y]), np.arange(len(x) + len(y)) < len(x)
    rng, original = np.random.default_rng(seed), auc(trees.log_odds(both), is_synthetic)
    decreases = []
    for column in range(both.shape[1]):
        shuffled = both.copy()
        shuffled[:, column] = rng.permutation(both[:, column])
        decreases.append(original - auc(trees.log_odds(shuffled), is_synthetic))
    return np.array(decreases)
