"""Imputation of missing cells as a transformer of scikit-learn, with any model that can complete rows."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from zaohua.core.errors import ZaohuaError
from zaohua.core.sklearn_bases import TransformerMixin
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.columns import Tabular
from zaohua.estimator.wrapper import ModelWrapper


class TableImputer(TransformerMixin, ModelWrapper):
    """Transformer that draws the missing cells of a table given the rest of the row, as `impute` of a model does.

    Given cells, the order of rows and columns and the index stay as they are. The draws are the same in every call.

    Args:
        model: unfitted model with `impute`; by default a `ProductMixture`. It is cloned, and fitted to the table.

    Attributes:
        model_: fitted model.
    """

    @staticmethod
    def usual_model() -> GenerativeModel:
        """Create the model that is used if none is given, with a fixed seed."""
        from zaohua.models.product_mixture import ProductMixture

        return ProductMixture(random_state=0)  # so that fitting again gives the same

    def fit(self, X: object, y: object = None) -> Self:
        """Fit the model to a table.

        Args:
            X: a data frame or an array (n, columns), with missing cells or without.
            y: not used; pipelines pass it.

        Raises:
            ZaohuaError: the model can't impute, or the table is invalid.
        """
        self.fit_model(X)
        _ = self._tabular().impute  # raises an error if the model has none
        return self

    def transform(self, X: object) -> Any:
        """Return the table with its missing cells filled in.

        Args:
            X: a table with the columns of `fit`.

        Returns:
            A table of the type of the training data.

        Raises:
            ZaohuaError: the columns differ from those of `fit`.
        """
        check_is_fitted(self)
        filled = self._tabular().impute(X, random_state=self.model_.seed_)
        return filled.set_axis(X.index) if isinstance(X, pd.DataFrame) and isinstance(filled, pd.DataFrame) else filled

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Return the names of the columns, which stay as they are.

        Args:
            input_features: names of the columns; needed only for arrays, which have none.
        """
        check_is_fitted(self)
        own = getattr(self, "feature_names_in_", None)
        given = None if input_features is None else np.asarray(input_features, dtype=object)
        columns = self._tabular().n_features_in_
        if given is not None and (given.shape != (columns,) or (own is not None and list(given) != list(own))):
            raise ZaohuaError(f"input_features is not equal to feature_names_in_, or not of length {columns}")
        names = given if given is not None else own
        return np.array([f"x{i}" for i in range(columns)], dtype=object) if names is None else names

    def _tabular(self) -> Tabular:
        if not isinstance(self.model_, Tabular):
            raise ZaohuaError(f"a {type(self.model_).__name__} is no model of tables: give e.g. a ProductMixture")
        return self.model_
