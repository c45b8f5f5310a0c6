"""Scores of classifiers, and intervals of their differences."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zaohua.metrics.auc import auc, placements
from zaohua.metrics.intervals import NORMAL, Interval, mean_interval

Metric = Literal["auc", "accuracy", "f1"]
Probabilities = NDArray[np.float64]
DRAWS = 200
"""Bootstrap samples of the test items, for F1."""
BALANCED = 0.5
"""Share of its even part that the rarest class has at least, for accuracy to mean something."""


def metric_for(counts: Counter[object], is_table: bool) -> Metric:
    """Return the usual metric: AUC for two classes of a table, accuracy for classes of about one size, else F1."""
    if is_table and len(counts) == 2:
        return "auc"
    return "accuracy" if min(counts.values()) * len(counts) >= BALANCED * sum(counts.values()) else "f1"


def score(metric: Metric, probabilities: Probabilities, truth: NDArray[np.int64]) -> float:
    """Compute a score of predictions.

    Args:
        metric: "auc" (of class 1 against class 0), "accuracy", or "f1": the mean of the F1 of all classes.
        probabilities: of each class, (n, K).
        truth: the classes, (n,).

    Returns:
        The score; NaN where it isn't defined, as the AUC of one class.
    """
    if metric == "auc":
        positive = truth == 1
        return float("nan") if positive.all() or not positive.any() else auc(probabilities[:, 1], positive)
    predicted = probabilities.argmax(1)
    if metric == "accuracy":
        return float((predicted == truth).mean())
    right = np.array([2 * ((predicted == c) & (truth == c)).sum() for c in np.unique(truth)])
    return float(np.mean(right / [(predicted == c).sum() + (truth == c).sum() for c in np.unique(truth)]))


def difference(
    metric: Metric, a: Sequence[Probabilities], b: Sequence[Probabilities], truth: NDArray[np.int64]
) -> Interval:
    """Compute the mean difference of two scores over paired seeds, and its 95 % interval.

    It covers the seeds (Student's t of the paired differences) and the test items, which all seeds share; their
    variances are added.

    Args:
        metric: the score.
        a: predictions for each seed, (n, K).
        b: predictions of what it is compared with, for the same seeds.
        truth: the classes of the test items, (n,).
    """
    pairs = list(zip(a, b, strict=True))
    seeds = mean_interval([score(metric, p, truth) - score(metric, q, truth) for p, q in pairs])
    reach = math.hypot(seeds.high - seeds.value, NORMAL * _deviation(metric, pairs, truth))
    return Interval(seeds.value, seeds.value - reach, seeds.value + reach)


def _deviation(metric: Metric, pairs: Sequence[tuple[Probabilities, Probabilities]], truth: NDArray[np.int64]) -> float:
    """Return the standard deviation of a mean difference over test items that all pairs share.

    Accuracy is a mean over items, the AUC nearly one (DeLong et al. 1988, see `metrics.auc`); F1 is bootstrapped.
    """
    if metric == "accuracy":
        each = np.mean([(p.argmax(1) == truth) * 1.0 - (q.argmax(1) == truth) for p, q in pairs], axis=0)
        return float(each.std() / math.sqrt(len(truth)))
    if metric == "auc":
        placed = [[placements(r[truth == 1, 1], r[truth == 0, 1]) for r in pair] for pair in pairs]
        sides = [np.mean([p[side] - q[side] for p, q in placed], axis=0) for side in (0, 1)]
        return math.sqrt(sum(float(side.var()) / len(side) for side in sides))
    rng, draws = np.random.default_rng(0), []
    for _ in range(DRAWS):
        rows = rng.integers(0, len(truth), len(truth))
        t = truth[rows]
        draws.append(np.mean([score(metric, p[rows], t) - score(metric, q[rows], t) for p, q in pairs]))
    return float(np.std(draws))
