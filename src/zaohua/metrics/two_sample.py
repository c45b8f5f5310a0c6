"""Classifier two-sample test: how well a classifier distinguishes samples from real items.

The classifier is trained on one half of both sets and tested on the other. If the distributions are equal, each
prediction is correct with probability 1/2 whatever the classifier learnt, so the number of correct predictions is
binomial (Lopez-Paz and Oquab, Revisiting classifier two-sample tests, arXiv:1610.06545). There is one split and no
cross-fitting, in which each half would be tested by a classifier trained on the other: predictions would not be
independent, and the p value would be too small.

The classifier is gradient boosting on the standardised features and one more: the log-odds of a quadratic discriminant
(one Gaussian per set). Trees detect differences of shape in few features but hardly a rotation; the Gaussians detect
differences of means and covariances. Both together take seconds and need no tuning. With too few items for a
covariance, trees are used alone.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zaohua.core.errors import ZaohuaError
from zaohua.core.seeds import generator_of
from zaohua.metrics.features import Matrix, pair

FOLDS = 5
"""Folds of the training half; the log-odds that the trees are trained on are cross-validated predictions."""


@dataclass(frozen=True)
class TwoSample:
    """Result of `two_sample`.

    Attributes:
        accuracy: fraction of correct predictions; 0.5 if the sets are indistinguishable, 1 if perfectly separable.
        auc: probability that a sample looks less real than a real item does.
        p: p value: probability of an accuracy this high if both sets are from one distribution.
        held_out: number of predictions.
    """

    accuracy: float
    auc: float
    p: float
    held_out: int


def two_sample(samples: ArrayLike, real: ArrayLike, random_state: int = 0) -> TwoSample:
    """Train a classifier on one half of two sets and test it on the other.

    The larger set is subsampled to the size of the smaller, so that guessing is correct half the time.

    Args:
        samples: features of the samples, (n, d).
        real: features of real items, (m, d); not those that the generator was trained on.
        random_state: seed of the split and the classifier.

    Raises:
        ZaohuaError: the arrays differ in width, or have too few items.
    """
    from scipy.stats import binomtest
    from sklearn.metrics import roc_auc_score

    least = 4 * FOLDS
    x, y = pair(samples, real, ("samples", "real"), least)
    rng = generator_of(random_state)
    half = min(len(x), len(y)) // 2
    rows, columns = rng.permutation(len(x))[: 2 * half], rng.permutation(len(y))[: 2 * half]
    train = np.concatenate([x[rows[:half]], y[columns[:half]]])
    test = np.concatenate([x[rows[half:]], y[columns[half:]]])
    is_sample = np.repeat([1, 0], half)
    order = rng.permutation(2 * half)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about collinear features, which the regularisation handles
        try:
            classifier = _classifier(int(rng.integers(1 << 31)), enough=half > 2 * x.shape[1])
            odds = classifier.fit(train[order], is_sample[order]).decision_function(test)
        except np.linalg.LinAlgError as error:
            raise ZaohuaError(f"no classifier can be fitted to these features: {error}") from None
    correct = int(((odds > 0) == is_sample).sum())
    p = binomtest(correct, 2 * half, 0.5, alternative="greater").pvalue
    return TwoSample(correct / (2 * half), float(roc_auc_score(is_sample, odds)), float(p), 2 * half)


class _Classifier(Protocol):
    """Classifier of scikit-learn, which has no types."""

    def fit(self, x: Matrix, y: NDArray[np.int64]) -> _Classifier: ...

    def decision_function(self, x: Matrix) -> Matrix: ...


def _classifier(seed: int, enough: bool) -> _Classifier:
    """Return gradient boosting on standardised features and, given enough items, the log-odds of a discriminant."""
    from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
    from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    trees: _Classifier = HistGradientBoostingClassifier(early_stopping=False, random_state=seed)
    if not enough:
        return trees
    gaussians = QuadraticDiscriminantAnalysis(reg_param=0.01)
    both: _Classifier = make_pipeline(
        StandardScaler(),
        StackingClassifier([("gaussians", gaussians)], trees, passthrough=True, cv=StratifiedKFold(FOLDS)),
    )
    return both
