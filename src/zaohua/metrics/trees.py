"""Boosted trees on rows of a table: categories as categories, missing numbers as such, the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zaohua.metrics.features import Matrix
from zaohua.metrics.rows import kept

MOST = 255
"""Categories that trees tell apart in a column: the most frequent ones of the rows they learn, the rest together."""


class Trees:
    """Gradient boosting of scikit-learn's, on rows in canonical form.

    Args:
        sizes: categories of each column, 0 of one of numbers.
        classify: whether what is learnt are classes, else it is a number.
        options: of `HistGradientBoostingClassifier` or `HistGradientBoostingRegressor`.
    """

    def __init__(self, sizes: Sequence[int], classify: bool = True, **options: Any):
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        self.sizes = list(sizes)
        cls = HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor
        self.model = cls(categorical_features=np.array(self.sizes) > 0, **options)

    def fit(self, x: Matrix, y: NDArray[Any]) -> Trees:
        """Learn y (n,) from the rows x (n, C)."""
        self._new = {c: kept(x[:, c].astype(np.int64), size, MOST) for c, size in enumerate(self.sizes) if size}
        self._empty = np.isnan(x).all(0)
        self.model.fit(self._grouped(x), y)
        return self

    def odds(self, x: Matrix) -> Matrix:
        """Log-odds of the second class of two, (n,)."""
        return np.asarray(self.model.decision_function(self._grouped(x)), np.float64)

    def probabilities(self, x: Matrix, classes: int) -> Matrix:
        """Probabilities of the classes 0, 1, ..., (n, classes); 0 of those that weren't among what was learnt."""
        out = np.zeros((len(x), classes))
        out[:, self.model.classes_.astype(np.int64)] = self.model.predict_proba(self._grouped(x))
        return out

    def predict(self, x: Matrix) -> Matrix:
        """Predicted numbers, (n,)."""
        return np.asarray(self.model.predict(self._grouped(x)), np.float64)

    def _grouped(self, x: Matrix) -> Matrix:
        """The rows with no more categories in a column than trees can take, and numbers in all."""
        out = x.copy()
        for c, new in self._new.items():
            if self.sizes[c] > MOST:
                out[:, c] = new[x[:, c].astype(np.int64)]
        out[:, self._empty] = 0  # nothing but missing numbers when it learnt, of which scikit-learn makes no bins
        return out
