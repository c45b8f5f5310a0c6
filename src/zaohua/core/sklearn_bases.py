"""scikit-learn's base classes, with types.

scikit-learn has none, so a type checker would take its classes for Any; and of a class with such a base it checks
neither arguments nor attributes: a misspelt field would pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, Self

    class DensityMixin:
        """Marks an estimator of densities."""

    class ClassifierMixin:
        """Marks a classifier."""

        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
            """Share of the items that are classified as y says."""

    class BaseEstimator:
        """An estimator whose parameters can be read, set and cloned."""

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """The parameters by name."""

        def set_params(self, **params: Any) -> Self:
            """Set parameters; returns the estimator."""

        def __sklearn_tags__(self) -> Any: ...

else:
    from sklearn.base import BaseEstimator, ClassifierMixin, DensityMixin

__all__ = ["BaseEstimator", "ClassifierMixin", "DensityMixin"]
