"""Scores of classifiers, and intervals of their differences."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zaohua.metrics.auc import auc
from zaohua.metrics.intervals import NORMAL, Interval, mean_interval

Metric = Literal["auc", "accuracy", "f1"]
Probabilities = NDArray[np.float64]
DRAWS = 200
"""Bootstrap samples of the test items."""
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

    It covers the seeds (Student's t of the paired differences) and the test items, which all seeds share (a bootstrap
    of these for the mean over the seeds); their variances are added.

    Args:
        metric: the score.
        a: predictions for each seed, (n, K).
        b: predictions of what it is compared with, for the same seeds.
        truth: the classes of the test items, (n,).
    """
    pairs = list(zip(a, b, strict=True))
    seeds = mean_interval([score(metric, p, truth) - score(metric, q, truth) for p, q in pairs])
    rng, draws = np.random.default_rng(0), []
    for _ in range(DRAWS):
        rows = rng.integers(0, len(truth), len(truth))
        t = truth[rows]
        draws.append(np.mean([score(metric, p[rows], t) - score(metric, q[rows], t) for p, q in pairs]))
    reach = math.hypot(seeds.high - seeds.value, NORMAL * float(np.nanstd(draws)))
    return Interval(seeds.value, seeds.value - reach, seeds.value + reach)
