"""Classification by Bayes' rule, P(y | x) = p(x | y) P(y) / sum over classes, with any model that has a likelihood."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from zaohua.core.errors import ZaohuaError
from zaohua.core.sklearn_bases import BaseEstimator, ClassifierMixin
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.tensors import Encoded


class GenerativeClassifier(ClassifierMixin, BaseEstimator):
    """Classifier of scikit-learn by the likelihoods of a generative model.

    Args:
        model: unfitted model with `score_samples`; by default a `ProductMixture`. It is cloned, and fitted with the
            classes as labels.

    Attributes:
        model_: fitted model, p(x | y).
        classes_: sorted classes.
    """

    def __init__(self, model: GenerativeModel | None = None) -> None:
        self.model = model

    def fit(self, X: object, y: ArrayLike) -> Self:
        """Fit the model to items and their classes.

        Args:
            X: items as the model takes them; for the default model a table or an array (n, columns).
            y: a class for each, (n,).

        Raises:
            ZaohuaError: the model has no likelihood, or there are fewer than two classes.
        """
        if y is None:
            raise ZaohuaError("requires y to be passed, but the target y is None")
        labels = np.asarray(column_or_1d(y, warn=True))
        if not len(labels):
            raise ZaohuaError("no items: y is empty")
        check_classification_targets(labels)
        self.classes_ = np.unique(labels)
        if len(self.classes_) < 2:
            raise ZaohuaError(f"classifying needs more than one class, and all items are {self.classes_[0]!r}")
        self.model_: GenerativeModel = _default_model() if self.model is None else clone(self.model)
        self.model_.fit(X, labels)
        _ = self.model_.score_samples  # raises an error if the model has none
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.model_, name):
                setattr(self, name, getattr(self.model_, name))
        return self

    def predict_log_proba(self, X: object) -> np.ndarray:
        """Compute log P(y | x) of each class, float64 (n, classes); cells unlike training's are left out of account."""
        check_is_fitted(self)
        model = self.model_
        encoded, codec = model.encode_items(X), model.y_codec_
        assert codec is not None  # it was fitted with labels
        prior = codec.log_prior()
        assert prior is not None  # which can be listed
        codes = codec.encode(list(self.classes_))[np.arange(len(self.classes_))].tolist()
        scores = [
            model.map_items(model.log_prob, Encoded(encoded.codes, torch.full((len(encoded),), code))) + prior[code]
            for code in codes
        ]
        joint = np.stack(scores, axis=1)
        return np.asarray(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))

    def predict_proba(self, X: object) -> np.ndarray:
        """Compute P(y | x) of each class, float64 (n, classes)."""
        return np.asarray(np.exp(self.predict_log_proba(X)))

    def predict(self, X: object) -> np.ndarray:
        """Return the most probable class of each item, (n,)."""
        log_probabilities = self.predict_log_proba(X)
        return np.asarray(self.classes_[log_probabilities.argmax(1)])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        if self.model is None or hasattr(self.model, "__sklearn_tags__"):
            tags.input_tags = (_default_model() if self.model is None else self.model).__sklearn_tags__().input_tags
        return tags


def _default_model() -> GenerativeModel:
    from zaohua.models.product_mixture import ProductMixture

    return ProductMixture()
