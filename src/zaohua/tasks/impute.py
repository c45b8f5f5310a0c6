"""Imputation of missing cells: a transformer of scikit-learn, and the rules that combine several imputations."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from zaohua.core.errors import ZaohuaError
from zaohua.core.sklearn_bases import TransformerMixin
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.columns import Tabular
from zaohua.estimator.wrapper import ModelWrapper


class Pooled(NamedTuple):
    """Estimate from several imputed tables.

    Attributes:
        estimate: mean of the estimates.
        variance: its variance, T = W + (1 + 1 / m) B.
        degrees_of_freedom: of the t distribution of (truth - estimate) / sqrt(variance), (m - 1) (1 + 1 / r)^2 with
            r = (1 + 1 / m) B / W; infinite if the estimates don't differ.
        missing_information: fraction of the information that is missing, (r + 2 / (df + 3)) / (r + 1).
    """

    estimate: np.ndarray
    variance: np.ndarray
    degrees_of_freedom: np.ndarray
    missing_information: np.ndarray


def pool(estimates: ArrayLike, variances: ArrayLike) -> Pooled:
    """Combine estimates from m imputed tables by Rubin's rules.

    With the mean W of the variances and the variance B of the estimates, the variance of the mean estimate is
    W + (1 + 1 / m) B: the second part is what isn't known because cells are missing.

        >>> tables = model.impute(people, n_draws=20)
        >>> pooled = pool([t.age.mean() for t in tables], [t.age.var() / len(t) for t in tables])

    Source: Rubin, "Multiple Imputation for Nonresponse in Surveys", 1987, section 3.1.

    Args:
        estimates: the estimate from each table, (m,), or several, (m, k).
        variances: squared standard error of each.

    Returns:
        Numbers for (m,), arrays (k,) for (m, k).

    Raises:
        ZaohuaError: there are fewer than two estimates, or not as many variances, or a variance is negative.
    """
    q, u = np.asarray(estimates, np.float64), np.asarray(variances, np.float64)
    if q.ndim not in (1, 2) or q.shape != u.shape or len(q) < 2:
        raise ZaohuaError(
            f"pool takes two or more estimates and as many variances, not {q.shape} and {u.shape}: one of each for "
            "every imputed table"
        )
    if not (np.isfinite(q).all() and np.isfinite(u).all() and (u >= 0).all()):
        raise ZaohuaError("pool: estimates must be finite, and variances finite and not negative")
    m = len(q)
    within, between = u.mean(0), (1 + 1 / m) * q.var(0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(between > 0, between / within, 0.0)
        df = np.where(between > 0, (m - 1) * (1 + 1 / r) ** 2, np.inf)
        missing = np.where(np.isinf(r), 1.0, (r + 2 / (df + 3)) / (r + 1))
    return Pooled(q.mean(0), within + between, df, missing)


class TableImputer(TransformerMixin, ModelWrapper):
    """Transformer that draws the missing cells of a table given the rest of the row, as `impute` of a model does.

    Given cells, the order of rows and columns and the index stay as they are. The draws are the same in every call.

    Args:
        model: unfitted model with `impute`; by default `ChainedForests`. It is cloned, and fitted to the table.

    Attributes:
        model_: fitted model.
    """

    @staticmethod
    def usual_model() -> GenerativeModel:
        """Create the model that is used if none is given, with a fixed seed."""
        from zaohua.models.chained_forests import ChainedForests

        return ChainedForests(random_state=0)  # so that fitting again gives the same

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
