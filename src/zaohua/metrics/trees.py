"""Gradient-boosted trees on table rows, with native handling of categories and missing numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zaohua.metrics.features import Matrix
from zaohua.metrics.rows import merge_rare

MOST = 255
"""Maximum number of categories of a column; the rarest ones among the training rows are merged."""


class Trees:
    """scikit-learn's histogram gradient boosting on rows in canonical form; deterministic for a seed.

    Args:
        sizes: number of categories of each column; 0 for a numeric column.
        classify: True to predict classes, False to predict a number.
        options: arguments of `HistGradientBoostingClassifier` or `HistGradientBoostingRegressor`.
    """

    def __init__(self, sizes: Sequence[int], classify: bool = True, **options: float):
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        self.sizes = list(sizes)
        cls = HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor
        self.model = cls(categorical_features=np.array(self.sizes) > 0, **options)

    def fit(self, x: Matrix, y: np.ndarray, weights: np.ndarray | None = None) -> Trees:
        """Fit the trees to predict y (n,) from the rows x (n, C), which may have weights (n,)."""
        self._new = {c: merge_rare(x[:, c].astype(np.int64), size, MOST) for c, size in enumerate(self.sizes) if size}
        self._empty = np.isnan(x).all(0)
        self.model.fit(self._prepared(x), y, sample_weight=weights)
        return self

    def log_odds(self, x: Matrix) -> Matrix:
        """Return the log-odds of the second of two classes, (n,)."""
        return np.asarray(self.model.decision_function(self._prepared(x)), np.float64)

    def probabilities(self, x: Matrix, classes: int) -> Matrix:
        """Return the probabilities of the classes 0, 1, ..., (n, classes); 0 for classes not seen in training."""
        out = np.zeros((len(x), classes))
        out[:, self.model.classes_.astype(np.int64)] = self.model.predict_proba(self._prepared(x))
        return out

    def predict(self, x: Matrix) -> Matrix:
        """Return the predicted numbers, (n,)."""
        return np.asarray(self.model.predict(self._prepared(x)), np.float64)

    def _prepared(self, x: Matrix) -> Matrix:
        """Return the rows with rare categories merged and columns without any number filled with 0."""
        out = x.copy()
        for c, new in self._new.items():
            if self.sizes[c] > MOST:
                out[:, c] = new[x[:, c].astype(np.int64)]
        out[:, self._empty] = 0  # had only missing numbers in fit, of which scikit-learn makes no bins
        return out
