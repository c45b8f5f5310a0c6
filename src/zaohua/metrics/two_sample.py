"""Classifier two-sample test: whether a classifier can tell samples from real items that it hasn't seen.

One half of both sets trains the classifier, the other half is told apart. If the distributions are the same, each
answer is right with probability 1/2 whatever the classifier learnt, so the number of right answers is binomial
(Lopez-Paz and Oquab, Revisiting classifier two-sample tests, arXiv:1610.06545). One split and no cross-fitting: there
each half would be tested by what was learnt from the other, so chance would favour both or neither, answers would not
be independent, and the p value would be too small.

The classifier is gradient boosting on the standardised features and one more: the log-odds of a quadratic discriminant
(one Gaussian for each set). Trees see any difference of shape in few features but hardly a rotation, the Gaussians see
means and covariances at once; both together take seconds and have nothing to be tuned. Of fewer items than a
covariance needs the trees learn alone.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.features import pair

FOLDS = 5
"""Of the training half, by which the log-odds that the trees learn from are made for items not seen before."""


@dataclass(frozen=True)
class TwoSample:
    """How well samples and real items are told apart.

    Attributes:
        accuracy: share of right answers: 0.5 if they can't be told apart, 1 if always.
        auc: probability that a sample looks less real than a real item does.
        p: probability of an accuracy this high if both were from one distribution.
        held_out: number of answers.
    """

    accuracy: float
    auc: float
    p: float
    held_out: int


def two_sample(samples: ArrayLike, real: ArrayLike, random_state: int = 0) -> TwoSample:
    """Train a classifier on a half of two sets and tell the other half apart.

    Of the larger set as many items are taken as the smaller one has, so that guessing is right half the time.

    Args:
        samples: their features, (n, d).
        real: features of real items, (m, d); not those that the generator was trained on.
        random_state: seed of the split and the classifier.

    Raises:
        ZaohuaError: the arrays aren't features of one kind, or too few to learn from.
    """
    from scipy.stats import binomtest
    from sklearn.metrics import roc_auc_score

    least = 4 * FOLDS
    x, y = pair(samples, real, ("samples", "real"), least)
    rng = np.random.default_rng(random_state)
    half = min(len(x), len(y)) // 2
    rows, columns = rng.permutation(len(x))[: 2 * half], rng.permutation(len(y))[: 2 * half]
    train = np.concatenate([x[rows[:half]], y[columns[:half]]])
    test = np.concatenate([x[rows[half:]], y[columns[half:]]])
    is_sample = np.repeat([1, 0], half)
    order = rng.permutation(2 * half)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of features that depend on others, which regularisation takes care of
        try:
            classifier = _classifier(int(rng.integers(1 << 31)), enough=half > 2 * x.shape[1])
            odds = classifier.fit(train[order], is_sample[order]).decision_function(test)
        except np.linalg.LinAlgError as error:
            raise ZaohuaError(f"no classifier can be fitted to these features: {error}") from None
    right = int(((odds > 0) == is_sample).sum())
    p = binomtest(right, 2 * half, 0.5, alternative="greater").pvalue
    return TwoSample(right / (2 * half), float(roc_auc_score(is_sample, odds)), float(p), 2 * half)


def _classifier(seed: int, enough: bool) -> Any:
    """Boosting on standardised features and, of enough items, the cross-validated log-odds of a discriminant."""
    from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
    from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    trees = HistGradientBoostingClassifier(early_stopping=False, random_state=seed)
    if not enough:
        return trees
    gaussians = QuadraticDiscriminantAnalysis(reg_param=0.01)
    return make_pipeline(
        StandardScaler(),
        StackingClassifier([("gaussians", gaussians)], trees, passthrough=True, cv=StratifiedKFold(FOLDS)),
    )
