"""Estimators of scikit-learn that do a task with a model: how they fit it, are saved and are loaded."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from sklearn.base import clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from zaohua.core.arguments import path_of
from zaohua.core.json import Json
from zaohua.core.sklearn_bases import BaseEstimator
from zaohua.estimator.base import GenerativeModel
from zaohua.storage import runs


class ModelWrapper(BaseEstimator, ABC):
    """Base of estimators that fit a model and work by its public methods.

    It is saved as the run of its model, of which `model.json` names the estimator: `zaohua.load` returns the estimator,
    and every command takes the run as that of the model.

    Args:
        model: unfitted model; None for the usual one.

    Attributes:
        model_: the fitted model.
    """

    def __init__(self, model: GenerativeModel | None = None) -> None:
        self.model = model

    model_: GenerativeModel

    @staticmethod
    @abstractmethod
    def usual_model() -> GenerativeModel:
        """Create the model that is used if none is given, with a fixed seed."""

    def fit_model(self, X: object, y: object = None) -> None:
        """Fit a copy of the model, and take over what scikit-learn asks of the columns."""
        self.model_ = self.usual_model() if self.model is None else clone(self.model)
        self.model_.fit(X, y)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.model_, name):
                setattr(self, name, getattr(self.model_, name))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        if self.model is None or hasattr(self.model, "__sklearn_tags__"):
            model = self.usual_model() if self.model is None else self.model
            tags.input_tags = model.__sklearn_tags__().input_tags
        return tags

    # ---- saving

    def save(self, path: str | Path) -> Path:
        """Save the fitted estimator to a run folder atomically; `zaohua.load` loads it.

        Args:
            path: the folder.

        Returns:
            Its path.

        Raises:
            ZaohuaError: the folder holds other files, or can't be written; its content is unchanged then.
        """
        check_is_fitted(self, "model_")
        path, cls = path_of("path", path), type(self)
        about = {
            "class": f"{cls.__module__}:{cls.__qualname__}",
            "usual": self.model is None,
            "state": self.state(),
        }
        runs.save_model(path, {**self.model_.to_json(), "estimator": about}, self.model_.tensors())
        return path

    def state(self) -> Json:
        """Return what was learnt beside the model, as JSON values."""
        return {}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""

    @classmethod
    def around(cls, model: GenerativeModel, about: Json) -> Self:
        """Create the fitted estimator that was saved with a model.

        Args:
            model: the fitted model.
            about: what `model.json` says of the estimator.
        """
        estimator = cls(None if about["usual"] else clone(model))
        estimator.model_ = model
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(model, name):
                setattr(estimator, name, getattr(model, name))
        estimator.set_state(about["state"])
        return estimator
