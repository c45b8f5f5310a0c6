"""Figures of fidelity as functions of sums over items, so that one bootstrap gives the intervals of all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zaohua.core.seeds import RandomState
from zaohua.metrics.captions import bleu_of
from zaohua.metrics.intervals import Interval, bootstrap, wilson

Of = Callable[[np.ndarray], np.ndarray]


def _mean(sums: np.ndarray) -> np.ndarray:
    return np.asarray(sums[..., 0] / np.maximum(sums[..., 1], 1e-12))


def _f1(sums: np.ndarray) -> np.ndarray:
    return np.asarray(2 * sums[..., 0] / np.maximum(2 * sums[..., 0] + sums[..., 1] + sums[..., 2], 1e-12))


def _word_errors(sums: np.ndarray) -> np.ndarray:
    return np.asarray(sums[..., :3].sum(-1) / np.maximum(sums[..., 3], 1))


def _root(sums: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(_mean(sums)))


def _correlation(sums: np.ndarray) -> np.ndarray:
    """Return the mean correlation over numbers; of a constant it is 0."""
    n, x, y, xx, yy, xy = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 6), -1, 0)
    across = n * xy - x * y
    within = np.maximum(n * xx - x**2, 0) * np.maximum(n * yy - y**2, 0)
    flat = within <= 1e-12 * np.maximum(n * xx * n * yy, 1e-300)
    return np.asarray(np.where(flat, 0.0, across / np.sqrt(np.where(flat, 1.0, within))).mean(-1))


STATISTICS: dict[str, Of] = {
    "correlation": _correlation,
    "number_error": _root,
    "tags_f1": _f1,
    "word_errors": _word_errors,
    "bleu": bleu_of,
}
"""Function from sums over items to the figure, by measure; others are means of the first column over the second."""
FRACTIONS = frozenset({"accuracy", "matched", "exact_match", "retrieved"})
"""Means of zeros and ones."""


def statistic(measure: str) -> Of:
    """Return the function from sums over items to the figure of a measure."""
    return STATISTICS.get(measure, _mean)


def estimate(measure: str, counts: np.ndarray, random_state: RandomState = 0) -> Interval:
    """Compute a figure with its 95 % interval: Wilson's of a fraction, else of a bootstrap over items.

    Args:
        measure: name of the measure.
        counts: counts of each item, (n, k); zeros for an item that is left out of account.
        random_state: seed of the bootstrap.
    """
    if measure in FRACTIONS:
        right, n = counts.sum(0)
        return wilson(float(right / n), float(n))
    return bootstrap(counts, statistic(measure), random_state)


def difference(measure: str, a: np.ndarray, b: np.ndarray, random_state: RandomState = 0) -> Interval:
    """Compute the figure of a less that of b, of the same items, with the 95 % interval of a paired bootstrap."""
    of, k = statistic(measure), a.shape[1]
    return bootstrap(np.concatenate([a, b], 1), lambda sums: of(sums[..., :k]) - of(sums[..., k:]), random_state)
