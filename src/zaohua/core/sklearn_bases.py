"""Base classes of scikit-learn, with types.

scikit-learn has no types, so a type checker treats its classes as Any, and checks neither arguments nor attributes of
their subclasses: a misspelt field would pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, Self

    from sklearn.utils import Tags

    class DensityMixin:
        """Marker of a density estimator."""

    class TransformerMixin:
        """Marker of a transformer."""

        def fit_transform(self, X: object, y: object = None, **options: Any) -> Any:
            """Fit to items, and transform them."""

        def set_output(self, *, transform: str | None = None) -> Self:
            """Choose the type of what `transform` returns."""

    class ClassifierMixin:
        """Marker of a classifier."""

        def score(self, X: object, y: object, sample_weight: object = None) -> float:
            """Return the fraction of the items that are classified correctly."""

    class BaseEstimator:
        """Estimator whose parameters can be read, set and cloned."""

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """Return the parameters by name."""

        def set_params(self, **params: Any) -> Self:
            """Set parameters, and return the estimator."""

        def __sklearn_tags__(self) -> Tags: ...

else:
    from sklearn.base import BaseEstimator, ClassifierMixin, DensityMixin, TransformerMixin

__all__ = ["BaseEstimator", "ClassifierMixin", "DensityMixin", "TransformerMixin"]
