"""Distributions of one number: each column of a table by itself, each with a density of the same kind.

Parameters have scipy's names and meaning, so that `scipy.stats.gamma(**model.params_)` is what `model` has learnt, and
densities, distribution functions and quantiles are scipy's. What scipy leaves open is said here: where the support
begins is fixed (`loc`, 0 unless given) and not fitted, and data that a distribution can't give are errors.

The estimate is the maximum likelihood: by its formula where there is one, else by Newton's method.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, cast

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Transform

from zaohua.core.available import available
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import Noise, fine_uniform
from zaohua.core.params import Between
from zaohua.estimator.encoding import TrainingData
from zaohua.estimator.tensors import Encoded
from zaohua.families.density import Parameters, PerClassDensity
from zaohua.families.likelihood_ascent import maximise
from zaohua.families.support import Support, check_spread, check_values, column_name
from zaohua.modalities.tables.plain_numbers import NumberCodec


class Univariate(PerClassDensity[NumberCodec]):
    """A density for each column. Subclasses define `law`, `fitted`, `range` and `estimate`.

    An estimate is NaN in columns whose likelihood has no maximum; `learn` says so.
    """

    law: ClassVar[Any] = None
    """The distribution in scipy.stats whose parameters `estimate` gives."""
    fitted: ClassVar[tuple[str, ...]] = ()
    """The parameters that are learnt, by their names in scipy: what AIC and BIC count."""
    range: ClassVar[Support] = Support()
    """The numbers that the distribution can give, as seen from `loc`."""
    constant: ClassVar[float | None] = None
    """The only value, as seen from `loc`, that all data must not be equal to; None where they must not be equal."""
    remedy: ClassVar[str] = "leave these values out"
    """What to do about values outside the support; {loc} stands for where it begins."""

    # ---- one density for each column, numpy only

    def named(self, learnt: Parameters) -> Parameters:
        """What was learnt as the parameters of scipy's distribution; here they are the same."""
        return learnt

    @property
    def origin(self) -> float:
        """Where the distribution begins that is fitted: its `loc`, if it has that field."""
        return 0.0

    @property
    def support(self) -> Support:
        """The numbers that the distribution can give."""
        return replace(self.range, low=self.range.low + self.origin, high=self.range.high + self.origin)

    @property
    def is_discrete(self) -> bool:
        """Whether the distribution gives whole numbers, and its densities are probabilities."""
        return self.range.whole

    def check(self, x: np.ndarray, columns: Sequence[str] | None = None) -> None:
        """Raise a `ZaohuaError` if the distribution can't be fitted to x (n, p) float64; it says why and what to do."""
        name = type(self).__name__
        self._check_values(x, columns)
        check_spread(x, name, self.varies(x), columns)

    def _check_values(self, x: np.ndarray, columns: Sequence[str] | None) -> None:
        check_values(x, type(self).__name__, self.support, self.remedy.format(loc=self.origin), columns)

    def varies(self, x: np.ndarray) -> np.ndarray:
        """Which columns of x (n, p) differ enough to be fitted to, bool (p,)."""
        low, high = x.min(0), x.max(0)
        return (low < high) if self.constant is None else (low < high) | (low != self.constant + self.origin)

    def succeeded(self, parameters: Parameters) -> np.ndarray:
        """Which columns have an estimate, bool (p,)."""
        return np.all([np.isfinite(parameters[name]) for name in self.fitted], axis=0)

    def learn(self, x: np.ndarray, columns: Sequence[str] | None = None) -> Parameters:
        """`estimate` of x (n, p), or a `ZaohuaError` that says why there is none."""
        self.check(x, columns)
        parameters = self.estimate(x)
        found = self.succeeded(parameters)
        for j in np.flatnonzero(~found).tolist():
            raise ZaohuaError(
                f"{type(self).__name__}: the likelihood{column_name(columns, j, len(found))} has no "
                "maximum that could be found: are there values very far from the others, or hardly any "
                "different ones? Leave them out or choose another distribution"
            )
        return parameters

    def log_densities(self, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """Log density, or log probability if discrete, of each number of x (n, p), nats; -inf outside the support."""
        return (self.law.logpmf if self.is_discrete else self.law.logpdf)(x, **parameters)

    def log_density(self, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """Sum of `log_densities` over the columns, (n,)."""
        return self.log_densities(parameters, x).sum(1)

    def distribution(self, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """Probability of a number up to x, for each of x (n, p)."""
        return self.law.cdf(x, **parameters)

    def inverse(self, parameters: Parameters, q: np.ndarray) -> np.ndarray:
        """The least x whose `distribution` reaches q, for each of q (n, p) in [0, 1]."""
        return self.law.ppf(q, **parameters)

    def generate(self, parameters: Parameters, noise: Noise) -> np.ndarray:
        """The inverse of the distribution function at uniform numbers, (noise.n, p)."""
        return self.support.nearest(self.inverse(parameters, fine_uniform(noise, self.spec_.size)))

    def simulate(self, parameters: Parameters, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        """New numbers of a given size (n, p) from one generator, which is quicker than `generate` for many."""
        drawn = self.law.rvs(**parameters, size=size, random_state=rng)
        return self.support.nearest(np.asarray(drawn, dtype=np.float64))

    # ---- what people call

    @property
    def params_(self) -> Any:
        """The fitted parameters by scipy's names: arrays (p,), or numbers if the data were a list of numbers.

        With labels, those of each label, by label.
        """
        self._check_fitted()
        return self._by_name(self.densities_)

    def cdf(self, X: Any, y: Any = None) -> np.ndarray:
        """The distribution function: the probability of a number up to each of X.

        Args:
            X: items as `fit` takes them.
            y: their labels, if the model was fitted with labels.

        Returns:
            float64 (n, p), or (n,) if the data were a list of numbers.
        """
        encoded = self.encode_items(X, y)
        self.require_conditions(encoded.y_codes)
        return self._each(self.distribution, cast(Tensor, encoded.codes).numpy(), encoded.y_codes)

    def quantile(self, q: Any, y: Any = None) -> np.ndarray:
        """The inverse of `cdf`: the least numbers up to which the probability is q.

        Args:
            q: probabilities (m,).
            y: a label for all of them, or one for each, if the model was fitted with labels.

        Returns:
            float64 (m, p), or (m,) if the data were a list of numbers.

        Raises:
            ZaohuaError: a probability is not between 0 and 1.
        """
        self._check_fitted()
        chances = np.atleast_1d(np.asarray(q, dtype=np.float64))
        if chances.ndim > 1 or not ((chances >= 0) & (chances <= 1)).all():
            raise ZaohuaError(f"q must be a list of probabilities between 0 and 1, not {q!r}")
        _, y_codes = (0, None) if y is None else self.sample_conditions(len(chances), y)
        self.require_conditions(y_codes)
        return self._each(self.inverse, np.repeat(chances[:, None], self.spec_.size, 1), y_codes)

    @available("n_parameters")
    def aic(self, X: Any, y: Any = None) -> float:
        """Akaike's information criterion (1974) on X: twice (number of parameters - log-likelihood), nats."""
        return 2 * cast(Parametric, self).n_parameters - 2 * float(self.score_samples(X, y).sum())

    @available("n_parameters")
    def bic(self, X: Any, y: Any = None) -> float:
        """Schwarz's Bayesian information criterion (1978) on X: log n a parameter - twice the log-likelihood, nats."""
        scores = self.score_samples(X, y)
        return float(np.log(len(scores))) * cast(Parametric, self).n_parameters - 2 * float(scores.sum())

    # ---- between items and arrays

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn wants to know: here whether negative numbers are refused."""
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = self.support.low >= 0
        return tags

    def _fit(self, data: TrainingData, *, out: str | Path | None = None, **options: Any) -> None:
        self._check_values(cast(Tensor, data.x).numpy(), self.codec_.names_)
        super()._fit(data, out=out, **options)

    @property
    def n_features_in_(self) -> int:
        """Number of columns, by scikit-learn's name."""
        return self.spec_.size

    def _rows(self, codes: Any, rows: slice) -> np.ndarray:
        return codes[rows].numpy()

    def encode_items(self, X: Any, y: Any = None) -> Encoded:
        """Encode numbers that are finite, and their labels."""
        encoded = super().encode_items(X, y)
        check_values(cast(Tensor, encoded.codes).numpy(), type(self).__name__, Support(), "", self.codec_.names_)
        return encoded

    def _each(
        self, function: Callable[[Parameters, np.ndarray], np.ndarray], x: np.ndarray, y: Tensor | None
    ) -> np.ndarray:
        """A function of parameters and numbers (n, p), by class; (n,) if the data were a list of numbers."""
        out = np.empty(x.shape)
        for density, where in self._by_class(y, len(x)):
            out[where] = function(density, x[where])
        return out[:, 0] if self.codec_.is_single_ else out

    def _by_name(self, densities: Sequence[Parameters]) -> Any:
        """Parameters as people see them."""
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
    """A distribution with a number of parameters, which AIC and BIC charge for."""

    @property
    def n_parameters(self) -> int:
        """How many numbers were learnt, over all columns and labels."""
        self._check_fitted()
        return len(self.fitted) * self.spec_.size * len(self.densities_)


class WithLocation(Parametric):
    """A distribution of numbers above a point, which is fixed."""

    range: ClassVar[Support] = Support(low=0, ends=False)
    remedy: ClassVar[str] = "leave them out, or give a loc below the least value instead of {loc:g}"

    loc: Annotated[float, Between(-1e300, 1e300)] = 0.0
    """Where the distribution begins; it is fixed, not fitted."""

    @property
    def origin(self) -> float:
        """`loc`."""
        return self.loc

    def named(self, learnt: Parameters) -> Parameters:
        """What was learnt, with `loc`."""
        return {**learnt, "loc": np.full_like(learnt[self.fitted[0]], self.loc)}


class NewtonFitted(Parametric):
    """A distribution fitted by gradient. Subclasses define `start`, `differentiable` and `transforms`."""

    keep_path: bool = False
    """Keep the parameters of every step of the fit in `path_`, until the model is saved."""

    @property
    def path_(self) -> Any:
        """The parameters before the first step of the fit and after each: like `params_`, steps in front.

        Raises:
            ZaohuaError: they were not kept.
        """
        self._check_fitted()
        if not hasattr(self, "steps_"):
            raise ZaohuaError(f"the path of this {type(self).__name__} was not kept: fit it with keep_path=True")
        return self._by_name(self.steps_)

    def _fit(self, data: TrainingData, *, out: str | Path | None = None, **options: Any) -> None:
        super()._fit(data, out=out, **options)
        if self.keep_path:
            paths = map(self.path, self._by_label(data))
            self.steps_ = [{name: np.stack([step[name] for step in path]) for name in path[0]} for path in paths]

    @abstractmethod
    def start(self, x: np.ndarray) -> Parameters:
        """A first guess from x (n, p), as seen from `loc`, in the order of `fitted`."""

    @abstractmethod
    def differentiable(self, parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        """Log density of each number of x (n, p), as seen from `loc`, in torch; parameters are named as by `start`."""

    @abstractmethod
    def transforms(self, start: dict[str, Tensor]) -> Mapping[str, Transform]:
        """From all real numbers to each parameter; `start` is the first guess, (p,) each."""

    def path(self, x: np.ndarray) -> list[Parameters]:
        """The steps of the fit to x (n, p), from the first guess to the estimate."""
        x = x - self.origin
        start = {name: torch.from_numpy(value) for name, value in self.start(x).items()}
        steps = maximise(self.differentiable, torch.from_numpy(x), start, self.transforms)
        return [self.named({name: value.numpy() for name, value in step.items()}) for step in steps]

    def estimate(self, x: np.ndarray) -> Parameters:
        """The last step of `path`."""
        return self.path(x)[-1]
