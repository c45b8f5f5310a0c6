r"""Whether boosted trees can tell synthetic rows from real ones that the generator hasn't seen.

Both sets are halved. Trees learn to tell the first halves apart and score the second ones, and the other way round; AUC
is the mean of both. The score that papers report is

    1 - (2 max(AUC, 1/2) - 1)

1 if nothing tells the rows apart and 0 if everything does. Trees, because a logistic regression sees little but means:
it takes columns drawn apart from one another for real rows. An AUC well below a half isn't chance either: some rows are
in both halves, as when a table holds many equal rows or the generator has seen the real ones.

The interval takes DeLong's variance of the AUC of a *single* half. The two of them are no independent answers (what
differs by chance between the halves helps or harms both), so halving it again would be too bold where nothing differs;
where much does the interval is up to sqrt 2 too wide. In simulations it covers 98 % of either. It is of the choice of
rows, not of another training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from zaohua.metrics.auc import auc, placements
from zaohua.metrics.features import Matrix
from zaohua.metrics.intervals import NORMAL, Interval
from zaohua.metrics.rows import as_rows
from zaohua.metrics.trees import Trees

LEAST = 20
"""Rows that either set must have."""
ASKED = 2048
"""Held-out rows of either set by which a column's use is told."""


@dataclass(frozen=True, eq=False)
class TreeTwoSample:
    """How well synthetic and real rows are told apart.

    Attributes:
        auc: with its interval; 0.5 if they can't be told apart.
        score: 1 - (2 max(auc, 1/2) - 1), with its interval.
        synthetic: of each synthetic row, by half: the share of real rows that look more real, (2, n).
        real: of each real row, by half: the share of synthetic rows that look less real, (2, n).
        uses: by how much the AUC falls when a column's values change places among the rows, (C,); None if not asked.
    """

    auc: Interval
    score: Interval
    synthetic: Matrix
    real: Matrix
    uses: Matrix | None = None


def tree_two_sample(
    synthetic: ArrayLike, real: ArrayLike, sizes: Sequence[int], random_state: int = 0, uses: bool = False
) -> TreeTwoSample:
    """Tell synthetic rows from real ones; as many are taken of the larger set as the smaller one has.

    Args:
        synthetic: rows, (n, C), in canonical form (see `rows`).
        real: rows that the generator hasn't learnt from, (m, C).
        sizes: categories of each column, 0 of one of numbers.
        random_state: seed of the halves; the same real rows are in them for each generator with as many rows.
        uses: whether to tell which columns the trees use.

    Raises:
        ZaohuaError: the rows aren't in canonical form, or fewer than 20.
    """
    x = as_rows(synthetic, sizes, "synthetic rows", LEAST)
    y = as_rows(real, sizes, "real rows", LEAST)
    half = min(len(x), len(y)) // 2
    order = np.random.default_rng(random_state).permutation
    rows, others = (order(len(z))[: 2 * half].reshape(2, half) for z in (x, y))
    is_synthetic = np.repeat([1, 0], half)
    shares, falls = [], []
    for fold in (0, 1):
        trees = Trees(sizes, early_stopping=False, random_state=random_state)
        trees.fit(np.concatenate([x[rows[fold]], y[others[fold]]]), is_synthetic)
        held = x[rows[1 - fold]], y[others[1 - fold]]
        shares.append(placements(*map(trees.odds, held)))
        if uses:
            falls.append(_falls(trees, held[0][:ASKED], held[1][:ASKED], random_state))
    a, b = (np.stack(parts) for parts in zip(*shares, strict=True))
    value = float(a.mean())
    reach = NORMAL * math.sqrt(max(_variance(a, b), 1 / half**2))  # no less than a single row may change
    around = Interval(value, max(0.0, value - reach), min(1.0, value + reach))
    return TreeTwoSample(around, _scored(around), a, b, np.mean(falls, axis=0) if uses else None)


def gaps(best: tuple[Matrix, Matrix], other: tuple[Matrix, Matrix]) -> Interval:
    """By how much the score of one generator is above another's.

    Args:
        best: `synthetic` and `real` of one's `TreeTwoSample`.
        other: those of the other's, by the same real rows, as many samples and the same seed.
    """
    (a, real_a), (b, real_b) = best, other
    variance = float(np.mean((a.var(1, ddof=1) + b.var(1, ddof=1) + (real_a - real_b).var(1, ddof=1)) / a.shape[1]))
    value, reach = 2 * (max(b.mean(), 0.5) - max(a.mean(), 0.5)), 2 * NORMAL * math.sqrt(variance)
    return Interval(float(value), float(value - reach), float(value + reach))


def _variance(a: Matrix, b: Matrix) -> float:
    """DeLong's variance of a half's AUC, the mean of both."""
    return float(np.mean((a.var(1, ddof=1) + b.var(1, ddof=1)) / a.shape[1]))


def _scored(around: Interval) -> Interval:
    """The score of an AUC; the higher that, the lower this."""
    return Interval(*(2 - 2 * max(end, 0.5) for end in (around.value, around.high, around.low)))


def _falls(trees: Trees, x: Matrix, y: Matrix, seed: int) -> Matrix:
    """By how much the AUC of held-out rows falls when each column is shuffled."""
    both, is_synthetic = np.concatenate([x, y]), np.arange(len(x) + len(y)) < len(x)
    rng, whole = np.random.default_rng(seed), auc(trees.odds(both), is_synthetic)
    found = []
    for column in range(both.shape[1]):
        shuffled = both.copy()
        shuffled[:, column] = rng.permutation(both[:, column])
        found.append(whole - auc(trees.odds(shuffled), is_synthetic))
    return np.array(found)
