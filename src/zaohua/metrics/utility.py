"""Utility of synthetic tables: train on synthetic rows, test on real ones.

Boosted trees predict one column from the others. Their hyperparameters are chosen among three settings on a fifth of
the synthetic rows, by log loss or squared error, so no real row is used before the test. Compare the scores with those
of trees trained on equally many real rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.auc import auc
from zaohua.metrics.features import Matrix
from zaohua.metrics.intervals import NORMAL, Interval
from zaohua.metrics.rows import as_rows
from zaohua.metrics.trees import Trees

GRID: tuple[dict[str, float], ...] = (
    {"max_iter": 60, "max_leaf_nodes": 8},
    {"max_iter": 100, "max_leaf_nodes": 31},
    {"max_iter": 200, "max_leaf_nodes": 16, "learning_rate": 0.05},
)
"""Hyperparameters of the trees to choose from."""
VALIDATION = 0.2
"""Fraction of the training rows on which hyperparameters are chosen."""
LEAST = 20
"""Minimum number of training rows, and of test rows."""
DRAWS = 100
"""Bootstrap samples of the test rows for an interval."""


def utility(
    train: ArrayLike, test: ArrayLike, sizes: Sequence[int], target: int, random_state: int = 0
) -> dict[str, Interval]:
    """Train trees to predict a column and score them on real rows.

    Args:
        train: training rows, usually synthetic, (n, C), in canonical form (see `rows`).
        test: real test rows, (m, C).
        sizes: number of categories of each column; 0 for a numeric column.
        target: index of the column to predict. Rows where its number is missing are dropped.
        random_state: seed of the choice of hyperparameters and of the intervals.

    Returns:
        For a categorical target "auc", the mean over the categories in `test` of the one-against-rest AUC, and "f1",
        the mean of their F1; for a numeric target "r2", which has no lower bound. The intervals are bootstraps of the
        test rows: they don't cover the choice of the training rows. If all training rows have the same category, it is
        always predicted: AUC 0.5.

    Raises:
        ZaohuaError: there is no other column, there are too few rows, or the target is constant in `test`.
    """
    x, y = as_rows(train, sizes, "training rows", LEAST), as_rows(test, sizes, "test rows", LEAST)
    if not 0 <= target < len(sizes) or len(sizes) < 2:
        raise ZaohuaError(f"column {target} of {len(sizes)} can't be predicted from others")
    x, y = (z[~np.isnan(z[:, target])] for z in (x, y))
    for z, name in ((x, "training rows"), (y, "test rows")):
        if len(z) < LEAST:
            raise ZaohuaError(f"{len(z)} {name} have the number to predict: at least {LEAST} are needed")
    truth = y[:, target]
    if np.ptp(truth) == 0:
        raise ZaohuaError("all test rows have the same value to predict: choose another target")
    others = [c for c in range(len(sizes)) if c != target]
    other_sizes = [sizes[c] for c in others]
    if sizes[target]:
        probabilities = _classify(x[:, others], x[:, target], y[:, others], other_sizes, sizes[target], random_state)
        return {
            "auc": _interval(lambda rows: _auc(probabilities[rows], truth[rows]), len(y), random_state, 0.0),
            "f1": _interval(lambda rows: _f1(probabilities[rows].argmax(1), truth[rows]), len(y), random_state, 0.0),
        }
    predicted = _fit_best(x[:, others], x[:, target], other_sizes, False, random_state).predict(y[:, others])
    return {"r2": _interval(lambda rows: _r2(predicted[rows], truth[rows]), len(y), random_state, -np.inf)}


def _classify(x: Matrix, y: Matrix, test: Matrix, sizes: list[int], classes: int, seed: int) -> Matrix:
    """Return the class probabilities of test rows, (m, classes)."""
    if np.ptp(y) == 0:
        return np.tile(np.eye(classes)[int(y[0])], (len(test), 1))
    return _fit_best(x, y, sizes, True, seed).probabilities(test, classes)


def _fit_best(x: Matrix, y: Matrix, sizes: list[int], classify: bool, seed: int) -> Trees:
    """Choose hyperparameters on held-out training rows, and return trees with these fitted to all rows."""
    held = np.zeros(len(x), bool)
    held[np.random.default_rng(seed).permutation(len(x))[: round(VALIDATION * len(x))]] = True
    losses = []
    for options in GRID:
        if classify and np.ptp(y[~held]) == 0:  # a category too rare to validate on
            break
        trees = _trees(sizes, classify, options, seed).fit(x[~held], y[~held])
        if classify:
            likelihood = trees.probabilities(x[held], int(y.max()) + 1)[np.arange(held.sum()), y[held].astype(np.int64)]
            losses.append(-np.log(np.maximum(likelihood, 1e-12)).mean())
        else:
            losses.append(np.square(trees.predict(x[held]) - y[held]).mean())
    best = GRID[int(np.argmin(losses))] if losses else GRID[0]
    return _trees(sizes, classify, best, seed).fit(x, y)


def _trees(sizes: list[int], classify: bool, options: dict[str, float], seed: int) -> Trees:
    return Trees(sizes, classify, early_stopping=False, random_state=seed, **options)


def _auc(probabilities: Matrix, truth: Matrix) -> float:
    """Compute the mean one-against-rest AUC of the categories that occur; NaN if only one occurs."""
    areas = [auc(probabilities[:, int(value)], truth == value) for value in np.unique(truth)]
    return float(np.mean(areas)) if len(areas) > 1 else np.nan


def _f1(predicted: NDArray[np.int64], truth: Matrix) -> float:
    """Compute the mean F1 of the categories that occur."""
    return float(
        np.mean(
            [
                2
                * ((predicted == value) & (truth == value)).sum()
                / ((predicted == value).sum() + (truth == value).sum())
                for value in np.unique(truth)
            ]
        )
    )


def _r2(predicted: Matrix, truth: Matrix) -> float:
    spread = np.square(truth - truth.mean()).sum()
    return float(1 - np.square(predicted - truth).sum() / spread) if spread > 0 else np.nan


def _interval(score: Callable[[NDArray[np.int64]], float], n: int, seed: int, least: float) -> Interval:
    """Return the score of all rows, plus or minus 1.96 standard deviations over bootstrap samples; NaN are ignored."""
    rng, value = np.random.default_rng(seed), score(np.arange(n))
    draws = [score(rng.integers(0, n, n)) for _ in range(DRAWS)]
    reach = NORMAL * float(np.nanstd([value, *draws]))
    return Interval(value, max(least, value - reach), min(1.0, value + reach))
