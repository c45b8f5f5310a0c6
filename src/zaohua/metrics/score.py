r"""Classifier score: high if each sample clearly belongs to a class, and the samples cover many classes.

    exp( E_x KL( p(y | x) || p(y) ) )

It ranges from 1 (all samples look alike to the classifier) to the number of classes. With the Inception network of
2015 it is the Inception score of Salimans et al., Improved techniques for training GANs, arXiv:1606.03498; here the
classifier is trained on the evaluated data set. It ignores real items and is maximal for one perfect image per class,
so don't rank by it alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.features import as_features


def classifier_score(probabilities: ArrayLike) -> float:
    """Compute the classifier score of samples.

    Args:
        probabilities: class probabilities of each sample, (n, classes); rows sum to 1.

    Raises:
        ZaohuaError: the values are negative, or rows don't sum to 1.
    """
    p = as_features(probabilities, "probabilities", least=1)
    if p.min() < 0 or abs(p.sum(1) - 1).max() > 1e-6:
        raise ZaohuaError("probabilities must not be negative, and each row must sum to 1")
    marginal = p.mean(0)
    divergences = (xlogy(p, p) - xlogy(p, marginal)).sum(1)  # xlogy: 0 log 0 = 0
    return float(np.exp(divergences.mean()))
