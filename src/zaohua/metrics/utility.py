"""Train on synthetic rows, test on real ones: whether a table is of use for what people do with tables.

Boosted trees learn one column from the others. Which of three settings they have is chosen on a fifth of the synthetic
rows, by log loss or squared error, so nothing real is looked at before the end. Trees that learn the same from as many
real rows are what the figures are compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.auc import auc
from zaohua.metrics.features import Matrix
from zaohua.metrics.intervals import NORMAL, Interval
from zaohua.metrics.rows import as_rows
from zaohua.metrics.trees import Trees

GRID: tuple[dict[str, Any], ...] = (
    {"max_iter": 60, "max_leaf_nodes": 8},
    {"max_iter": 100, "max_leaf_nodes": 31},
    {"max_iter": 200, "max_leaf_nodes": 16, "learning_rate": 0.05},
)
"""Settings of the trees to choose from."""
VALIDATION = 0.2
"""Share of the rows to learn from that the settings are chosen by."""
LEAST = 20
DRAWS = 100
"""Resamples of the test rows for an interval."""


def utility(
    train: ArrayLike, test: ArrayLike, sizes: Sequence[int], target: int, random_state: int = 0
) -> dict[str, Interval]:
    """How well a column of real rows is predicted by what was learnt from others.

    Args:
        train: rows to learn from, synthetic ones say, (n, C), in canonical form (see `rows`).
        test: real rows, (m, C).
        sizes: categories of each column, 0 of one of numbers.
        target: the column to predict. Rows that lack its number are left out.
        random_state: seed of what settings are chosen by, and of the intervals.

    Returns:
        Of a column of categories "auc", the mean over the categories in `test` of the AUC of each against all others,
        and "f1", the mean of their F1; of numbers "r2", which has no lower bound. The intervals are of bootstrapped
        test rows: they don't cover the choice of the rows to learn from. Where all rows to learn from are of one
        category, that is what is always predicted: AUC 0.5.

    Raises:
        ZaohuaError: there is no other column, too few rows, or nothing to predict: the target is constant in `test`.
    """
    x, y = as_rows(train, sizes, "rows to learn from", LEAST), as_rows(test, sizes, "test rows", LEAST)
    if not 0 <= target < len(sizes) or len(sizes) < 2:
        raise ZaohuaError(f"column {target} of {len(sizes)} can't be predicted from others")
    x, y = (z[~np.isnan(z[:, target])] for z in (x, y))
    for z, name in ((x, "rows to learn from"), (y, "test rows")):
        if len(z) < LEAST:
            raise ZaohuaError(f"{len(z)} {name} have the number to predict: at least {LEAST} are needed")
    truth = y[:, target]
    if np.ptp(truth) == 0:
        raise ZaohuaError("all test rows have the same value to predict: choose another target")
    others = [c for c in range(len(sizes)) if c != target]
    given = [sizes[c] for c in others]
    if sizes[target]:
        chances = _classified(x[:, others], x[:, target], y[:, others], given, sizes[target], random_state)
        return {
            "auc": _interval(lambda rows: _auc(chances[rows], truth[rows]), len(y), random_state, 0.0),
            "f1": _interval(lambda rows: _f1(chances[rows].argmax(1), truth[rows]), len(y), random_state, 0.0),
        }
    guesses = _chosen(x[:, others], x[:, target], given, False, random_state).predict(y[:, others])
    return {"r2": _interval(lambda rows: _r2(guesses[rows], truth[rows]), len(y), random_state, -np.inf)}


def _classified(x: Matrix, y: Matrix, test: Matrix, sizes: list[int], classes: int, seed: int) -> Matrix:
    """Chances of the categories of test rows, (m, classes)."""
    if np.ptp(y) == 0:
        return np.tile(np.eye(classes)[int(y[0])], (len(test), 1))
    return _chosen(x, y, sizes, True, seed).probabilities(test, classes)


def _chosen(x: Matrix, y: Matrix, sizes: list[int], classify: bool, seed: int) -> Trees:
    """Trees with the settings that are best on the rows held out, which learnt all rows."""
    held = np.zeros(len(x), bool)
    held[np.random.default_rng(seed).permutation(len(x))[: round(VALIDATION * len(x))]] = True
    losses = []
    for options in GRID:
        if classify and np.ptp(y[~held]) == 0:  # too rare a category to choose by
            break
        trees = _trees(sizes, classify, options, seed).fit(x[~held], y[~held])
        if classify:
            chance = trees.probabilities(x[held], int(y.max()) + 1)[np.arange(held.sum()), y[held].astype(np.int64)]
            losses.append(-np.log(np.maximum(chance, 1e-12)).mean())
        else:
            losses.append(np.square(trees.predict(x[held]) - y[held]).mean())
    best = GRID[int(np.argmin(losses))] if losses else GRID[0]
    return _trees(sizes, classify, best, seed).fit(x, y)


def _trees(sizes: list[int], classify: bool, options: dict[str, Any], seed: int) -> Trees:
    return Trees(sizes, classify, early_stopping=False, random_state=seed, **options)


def _auc(chances: Matrix, truth: Matrix) -> float:
    """The mean AUC of the categories that some of the rows are of, but not all."""
    found = [auc(chances[:, int(value)], truth == value) for value in np.unique(truth)]
    return float(np.mean(found)) if len(found) > 1 else np.nan


def _f1(guess: NDArray[np.int64], truth: Matrix) -> float:
    """The mean F1 of the categories that some of the rows are of."""
    return float(
        np.mean(
            [
                2 * ((guess == value) & (truth == value)).sum() / ((guess == value).sum() + (truth == value).sum())
                for value in np.unique(truth)
            ]
        )
    )


def _r2(guess: Matrix, truth: Matrix) -> float:
    spread = np.square(truth - truth.mean()).sum()
    return float(1 - np.square(guess - truth).sum() / spread) if spread > 0 else np.nan


def _interval(score: Callable[[NDArray[np.int64]], float], n: int, seed: int, least: float) -> Interval:
    """A score of all rows, give or take 1.96 standard deviations of resamples; these may hold nothing to predict."""
    rng, value = np.random.default_rng(seed), score(np.arange(n))
    draws = [score(rng.integers(0, n, n)) for _ in range(DRAWS)]
    reach = NORMAL * float(np.nanstd([value, *draws]))
    return Interval(value, max(least, value - reach), min(1.0, value + reach))
