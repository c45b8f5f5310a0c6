r"""Classifier score: whether each sample is clearly of one class, and all of them together of many.

    exp( E_x KL( p(y | x) || p(y) ) )

From 1 (all samples alike to the classifier) to the number of classes. With the Inception network of 2015 it is the
Inception score of Salimans et al., Improved techniques for training GANs, arXiv:1606.03498; here the classifier is one
of the very data. It never looks at real items and rewards one perfect picture per class, so it doesn't rank alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.features import as_features


def classifier_score(probabilities: ArrayLike) -> float:
    """The score of some samples.

    Args:
        probabilities: of the classes given each sample, (n, classes), rows that sum to 1.

    Raises:
        ZaohuaError: these are no probabilities.
    """
    p = as_features(probabilities, "probabilities", least=1)
    if p.min() < 0 or abs(p.sum(1) - 1).max() > 1e-6:
        raise ZaohuaError("probabilities must not be negative, and each row must sum to 1")
    marginal = p.mean(0)
    divergences = (xlogy(p, p) - xlogy(p, marginal)).sum(1)  # xlogy: 0 log 0 = 0
    return float(np.exp(divergences.mean()))
