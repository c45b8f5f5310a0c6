"""Distributions of one number: each column of a table is modelled independently, by a density of the same family.

Parameters have scipy's names and meaning: `scipy.stats.gamma(**model.params_)` is the fitted distribution, and
densities, distribution functions and quantiles are scipy's. Unlike in scipy, the start of the support is fixed (`loc`,
0 unless given) and not fitted, and data outside the support are errors.

Parameters are estimated by maximum likelihood, in closed form where there is one, else by Newton's method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import Tags
from torch import Tensor

from zaohua.core.arrays import as_array
from zaohua.core.available import available
from zaohua.core.errors import ZaohuaError, shown
from zaohua.core.noise import Noise, fine_uniform
from zaohua.core.params import Between
from zaohua.core.record import Condition
from zaohua.estimator.encoding import TrainingData
from zaohua.estimator.tensors import Encoded
from zaohua.families.density import Parameters, PerClassDensity
from zaohua.families.support import Support, check_spread, check_values, column_name
from zaohua.families.univariate import rounded
from zaohua.families.univariate.laws import ScipyDistribution
from zaohua.families.univariate.rounded import Rounding
from zaohua.modalities.base import Codes
from zaohua.modalities.condition_base import ConditionCodes
from zaohua.modalities.tables.plain_numbers import NumberCodec


class Univariate(PerClassDensity[NumberCodec]):
    """Density for each column. Subclasses define `law`, `fitted`, `range` and `estimate`.

    An estimate is NaN in columns whose likelihood has no maximum; `learn` says so.
    """

    law: ClassVar[ScipyDistribution]
    """Distribution in scipy.stats whose parameters `estimate` returns."""
    fitted: ClassVar[tuple[str, ...]] = ()
    """Fitted parameters, by their names in scipy; AIC and BIC count these."""
    range: ClassVar[Support] = Support()
    """Support of the distribution, relative to `loc`."""
    constant: ClassVar[float | None] = None
    """Value, relative to `loc`, at which constant data can't be fitted; None: no constant data can."""
    remedy: ClassVar[str] = "leave these values out"
    """Advice about values outside the support; {loc} stands for its start."""

    # ---- one density for each column, numpy only

    def named(self, learnt: Parameters) -> Parameters:
        """Convert fitted parameters to those of scipy's distribution; here they are the same."""
        return learnt

    @property
    def origin(self) -> float:
        """Start of the distribution: `loc` if it has that field, else 0."""
        return 0.0

    @property
    def support(self) -> Support:
        """Support of the distribution."""
        return replace(self.range, low=self.range.low + self.origin, high=self.range.high + self.origin)

    @property
    def is_discrete(self) -> bool:
        """Whether the distribution is over integers, so that its densities are probabilities."""
        return self.range.integer

    def check(self, x: np.ndarray, columns: Sequence[str] | None = None) -> None:
        """Check that the distribution can be fitted to x (n, p) float64.

        Raises:
            ZaohuaError: it can't; the message says why and what to do.
        """
        name = type(self).__name__
        self._check_values(x, columns)
        check_spread(x, name, self.varies(x), columns)

    def _check_values(self, x: np.ndarray, columns: Sequence[str] | None) -> None:
        check_values(x, type(self).__name__, self.support, self.remedy.format(loc=self.origin), columns)

    def varies(self, x: np.ndarray) -> np.ndarray:
        """Return which columns of x (n, p) vary enough to be fitted to, bool (p,)."""
        low, high = x.min(0), x.max(0)
        out: np.ndarray = (low < high) if self.constant is None else (low < high) | (low != self.constant + self.origin)
        return out

    def succeeded(self, parameters: Parameters) -> np.ndarray:
        """Return which columns have an estimate, bool (p,)."""
        out: np.ndarray = np.all([np.isfinite(parameters[name]) for name in self.fitted], axis=0)
        return out

    def estimate_rounded(self, x: np.ndarray, rounding: Rounding) -> Parameters:
        """Fit the parameters to rounded numbers x (n, p), each of which stands for an interval."""
        return rounded.estimate(self, x, rounding)

    def learn(
        self, x: np.ndarray, columns: Sequence[str] | None = None, rounding: Rounding | None = None
    ) -> Parameters:
        """Fit the parameters to x (n, p).

        Args:
            x: numbers, float64.
            columns: names of the columns, if they have any.
            rounding: grid that the numbers were rounded to; None to take them as exact.

        Raises:
            ZaohuaError: there is no estimate; the message says why.
        """
        if rounding is None or self.is_discrete:
            self.check(x, columns)
            parameters = self.estimate(x)
        else:
            self.check(rounding.centres(self, x), columns)
            parameters = self.estimate_rounded(x, rounding)
        succeeded = self.succeeded(parameters)
        for j in np.flatnonzero(~succeeded).tolist():
            raise ZaohuaError(
                f"{type(self).__name__}: the likelihood{column_name(columns, j, len(succeeded))} has no "
                "maximum that could be found: are there values very far from the others, or hardly any "
                "different ones? Leave them out or choose another distribution"
            )
        return parameters

    def log_densities(self, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """Return the log density (discrete: log probability) of each number of x (n, p), nats; -inf outside."""
        log_p: np.ndarray = getattr(self.law, "logpmf" if self.is_discrete else "logpdf")(x, **parameters)
        return log_p

    def log_density(self, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """Return the sum of `log_densities` over the columns, (n,)."""
        log_p: np.ndarray = self.log_densities(parameters, x).sum(1)
        return log_p

    def distribution(self, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """Return the distribution function at each of x (n, p)."""
        return self.law.cdf(x, **parameters)

    def inverse(self, parameters: Parameters, q: np.ndarray) -> np.ndarray:
        """Return quantiles: the least x whose `distribution` reaches q, for each of q (n, p) in [0, 1]."""
        return self.law.ppf(q, **parameters)

    def generate(self, parameters: Parameters, noise: Noise) -> np.ndarray:
        """Draw numbers (noise.n, p) by inverse transform sampling."""
        return self.support.nearest(self.inverse(parameters, fine_uniform(noise, self.spec_.size)))

    def simulate(self, parameters: Parameters, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        """Draw numbers of a given size (n, p) from one generator, which is faster than `generate` for many."""
        drawn = self.law.rvs(**parameters, size=size, random_state=rng)
        return self.support.nearest(np.asarray(drawn, dtype=np.float64))

    # ---- public

    @property
    def params_(self) -> Any:
        """Fitted parameters by scipy's names: arrays (p,), or numbers if the data were a list of numbers.

        With labels, those of each label, by label.
        """
        self._check_fitted()
        return self._by_name(self.densities_)

    def cdf(self, X: object, y: object = None) -> np.ndarray:
        """Return the distribution function, P(number <= x), at each of X.

        Args:
            X: items as `fit` takes them.
            y: their labels, if the model was fitted with labels.

        Returns:
            float64 (n, p), or (n,) if the data were a list of numbers.
        """
        encoded = self.encode_items(X, y)
        self.require_conditions(encoded.y_codes)
        return self._each(self.distribution, cast(Tensor, encoded.codes).numpy(), encoded.y_codes)

    def quantile(self, q: ArrayLike, y: object = None) -> np.ndarray:
        """Return quantiles, the inverse of `cdf`: the least numbers x with P(number <= x) >= q.

        Args:
            q: probabilities (m,).
            y: a label for all of them, or one for each, if the model was fitted with labels.

        Returns:
            float64 (m, p), or (m,) if the data were a list of numbers.

        Raises:
            ZaohuaError: a probability is not between 0 and 1.
        """
        self._check_fitted()
        numbers = as_array(q, "probabilities")
        valid = numbers.dtype.kind in "uif" and numbers.ndim < 2
        if not valid or not ((numbers >= 0) & (numbers <= 1)).all():
            raise ZaohuaError(f"q must be a list of probabilities between 0 and 1, not {shown(q)}")
        probabilities = np.atleast_1d(numbers).astype(np.float64)
        _, y_codes = (0, None) if y is None else self.sample_conditions(len(probabilities), y)
        self.require_conditions(y_codes)
        return self._each(self.inverse, np.repeat(probabilities[:, None], self.spec_.size, 1), y_codes)

    @available("n_parameters")
    def aic(self, X: object, y: object = None) -> float:
        """Return Akaike's information criterion (1974) on X: twice (number of parameters - log-likelihood), nats."""
        return 2 * cast(Parametric, self).n_parameters - 2 * float(self.score_samples(X, y).sum())

    @available("n_parameters")
    def bic(self, X: object, y: object = None) -> float:
        """Return Schwarz's Bayesian information criterion (1978) on X, log n per parameter - 2 log-likelihood, nats."""
        scores = self.score_samples(X, y)
        return float(np.log(len(scores))) * cast(Parametric, self).n_parameters - 2 * float(scores.sum())

    # ---- between items and arrays

    def __sklearn_tags__(self) -> Tags:
        """Return scikit-learn's tags: whether negative numbers are refused."""
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = self.support.low >= 0
        return tags

    def _fit(self, data: TrainingData, *, out: str | Path | None = None, **options: object) -> None:
        self._check_values(cast(Tensor, data.x).numpy(), self.codec_.names_)
        super()._fit(data, out=out, **options)

    @property
    def n_features_in_(self) -> int:
        """Number of columns, by scikit-learn's name."""
        return self.spec_.size

    def _rows(self, codes: Codes, rows: slice) -> np.ndarray:
        return codes[np.arange(len(codes))[rows]].numpy()

    def encode_items(self, X: object, y: object = None) -> Encoded:
        """Encode finite numbers, and their labels."""
        encoded = super().encode_items(X, y)
        check_values(cast(Tensor, encoded.codes).numpy(), type(self).__name__, Support(), "", self.codec_.names_)
        return encoded

    def _each(
        self,
        function: Callable[[Parameters, np.ndarray], np.ndarray],
        x: np.ndarray,
        y: Condition | ConditionCodes | None,
    ) -> np.ndarray:
        """Apply a function of parameters and numbers (n, p) by class; return (n,) for data from a list of numbers."""
        out = np.empty(x.shape)
        for density, where in self._by_class(y, len(x)):
            out[where] = function(density, x[where])
        return out[:, 0] if self.codec_.is_single_ else out

    def _by_name(self, densities: Sequence[Parameters]) -> Any:
        """Convert parameters to the form of `params_`."""
        shown: list[Any] = list(densities)
        if self.codec_.is_single_:
            shown = [
                {name: value[..., 0].tolist() if value.ndim == 1 else value[..., 0] for name, value in one.items()}
                for one in shown
            ]
        if self.y_codec_ is None:
            return shown[0]
        return dict(zip(self.y_codec_.decode(torch.arange(len(shown))), shown, strict=True))


class Parametric(Univariate):
    """Distribution with a number of parameters, which AIC and BIC penalise."""

    @property
    def n_parameters(self) -> int:
        """Number of fitted parameters, over all columns and labels."""
        self._check_fitted()
        return len(self.fitted) * self.spec_.size * len(self.densities_)


class WithLocation(Parametric):
    """Distribution of numbers above a point, which is fixed."""

    range: ClassVar[Support] = Support(low=0, ends=False)
    remedy: ClassVar[str] = "leave them out, or give a loc below the least value instead of {loc:g}"

    loc: Annotated[float, Between(-1e300, 1e300)] = 0.0
    """Start of the distribution; fixed, not fitted."""

    @property
    def origin(self) -> float:
        """Start of the distribution, `loc`."""
        return self.loc

    def named(self, learnt: Parameters) -> Parameters:
        """Add `loc` to the fitted parameters."""
        return {**learnt, "loc": np.full_like(learnt[self.fitted[0]], self.loc)}
