"""Classification by Bayes' rule, P(y | x) = p(x | y) P(y) / sum over classes, with any model that has a likelihood."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.sklearn_bases import ClassifierMixin
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.wrapper import ModelWrapper


class GenerativeClassifier(ClassifierMixin, ModelWrapper):
    """Classifier of scikit-learn by the likelihoods of a generative model.

    Args:
        model: unfitted model with `score_samples`; by default a `ProductMixture`. It is cloned, and fitted with the
            classes as labels.

    Attributes:
        model_: fitted model, p(x | y).
        classes_: sorted classes.
    """

    @staticmethod
    def usual_model() -> GenerativeModel:
        """Create the model that is used if none is given, with a fixed seed."""
        from zaohua.models.product_mixture import ProductMixture

        return ProductMixture(random_state=0)  # so that fitting again gives the same

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
        labels = np.asarray(column_or_1d(as_array(y, "classes"), warn=True))
        if not len(labels):
            raise ZaohuaError("no items: y is empty")
        check_classification_targets(labels)
        self.classes_ = np.unique(labels)
        if len(self.classes_) < 2:
            raise ZaohuaError(f"classifying needs more than one class, and all items are {self.classes_[0]!r}")
        self.fit_model(X, labels)
        _ = self.model_.score_samples  # raises an error if the model has none
        return self

    def predict_log_proba(self, X: object) -> np.ndarray:
        """Compute log P(y | x) of each class, float64 (n, classes); cells unlike training's are left out of account."""
        check_is_fitted(self)
        encoded, codec = self.model_.encode_items(X), self.model_.y_codec_
        assert codec is not None  # it was fitted with labels
        joint = self.model_.joint_scores(encoded)[codec.encode(list(self.classes_))[np.arange(len(self.classes_))]].T
        return np.asarray(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))

    def predict_proba(self, X: object) -> np.ndarray:
        """Compute P(y | x) of each class, float64 (n, classes)."""
        return np.asarray(np.exp(self.predict_log_proba(X)))

    def predict(self, X: object) -> np.ndarray:
        """Return the most probable class of each item, (n,)."""
        log_probabilities = self.predict_log_proba(X)
        return np.asarray(self.classes_[log_probabilities.argmax(1)])

    def state(self) -> Json:
        """Return the classes as JSON values."""
        return {"classes": self.classes_.tolist(), "dtype": self.classes_.dtype.str}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        self.classes_ = np.array(state["classes"], dtype=state["dtype"])
