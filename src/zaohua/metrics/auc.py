"""The area under the ROC curve, as the mean of how high each item ranks among those of the other class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zaohua.metrics.features import Matrix


def placements(positive: Matrix, negative: Matrix) -> tuple[Matrix, Matrix]:
    """For each positive the share of negatives that score lower, and for each negative that of positives above it.

    Ties count a half. The mean of either is the area under the curve, and its variance is about the sum of
    their variances, each divided by its number (DeLong et al. 1988, doi 10.2307/2531595).

    Args:
        positive: scores of one class, (n,).
        negative: scores of the other, (m,).
    """
    from scipy.stats import rankdata

    n, m = len(positive), len(negative)
    ranks = rankdata(np.concatenate([positive, negative]))
    return (ranks[:n] - rankdata(positive)) / m, 1 - (ranks[n:] - rankdata(negative)) / n


def auc(scores: Matrix, positive: NDArray[np.bool_]) -> float:
    """The area under the ROC curve: the chance that an item of the class scores higher than another.

    Args:
        scores: of items, (n,).
        positive: which are of the class; some must be, and some not.
    """
    return float(placements(scores[positive], scores[~positive])[0].mean())
