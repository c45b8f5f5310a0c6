"""Area under the ROC curve, computed from the placement of each item among the items of the other class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zaohua.metrics.features import Matrix


def placements(positive: Matrix, negative: Matrix) -> tuple[Matrix, Matrix]:
    """Return the fraction of negatives below each positive, and of positives above each negative.

    Ties count a half. The mean of either array is the area under the curve, and the variance of the area is about
    var(first) / n + var(second) / m (DeLong et al. 1988, doi 10.2307/2531595).

    Args:
        positive: scores of the positive class, (n,).
        negative: scores of the negative class, (m,).

    Returns:
        The placements of the positives (n,) and of the negatives (m,), each from 0 to 1.
    """
    from scipy.stats import rankdata

    n, m = len(positive), len(negative)
    ranks = rankdata(np.concatenate([positive, negative]))
    return (ranks[:n] - rankdata(positive)) / m, 1 - (ranks[n:] - rankdata(negative)) / n


def auc(scores: Matrix, positive: NDArray[np.bool_]) -> float:
    """Compute the area under the ROC curve: the probability that a positive scores higher than a negative.

    Args:
        scores: one score per item, (n,).
        positive: mask of the positive items, (n,); both classes must occur.
    """
    return float(placements(scores[positive], scores[~positive])[0].mean())
