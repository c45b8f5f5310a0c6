"""Selection of a distribution for numbers: candidates are fitted, ranked and tested."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from zaohua.core import registry
from zaohua.core.arguments import whole_number
from zaohua.core.errors import ZaohuaError, shown, unknown
from zaohua.core.json import Json
from zaohua.core.seeds import seed_of
from zaohua.families.support import Support, check_values
from zaohua.families.univariate import Univariate
from zaohua.families.univariate.rounded import Rounding, rounding_of
from zaohua.modalities import NumberCodec
from zaohua.tasks.goodness import Goodness, goodness

FAMILY = "univariate"
CRITERIA = ("aic", "bic")
SPIKE = 1e-6
"""Probability of a value's count under the best fit, below which the value is noted as a spike."""
STANDS_OUT = 10
"""A value that occurs so many times as often as any other is a spike, if the best fit is continuous and rejected."""
REJECTED = 0.01
"""P value below which a fit is rejected."""


@dataclasses.dataclass(frozen=True)
class Fit:
    """Distribution fitted to numbers.

    Attributes:
        name: class name.
        model: instance with the settings of the fit.
        parameters: parameters by scipy's names, arrays (1,), or (n, 1) if the data are the parameters.
        log_likelihood: log-likelihood of all numbers in nats. For rounded numbers and a continuous distribution it is
            that of the intervals around them, per unit of length; with integers it is comparable with discrete ones.
        aic, bic: information criteria, in nats; None for a nonparametric distribution.
        goodness: goodness-of-fit test; None if none is possible.
    """

    name: str
    model: Univariate
    parameters: dict[str, np.ndarray]
    log_likelihood: float
    aic: float | None
    bic: float | None
    goodness: Goodness | None

    @property
    def numbers(self) -> dict[str, float]:
        """Parameters that are single numbers."""
        return {name: float(value[0]) for name, value in self.parameters.items() if value.shape == (1,)}

    def to_json(self) -> Json:
        """Return the fit as JSON values."""
        return {
            "name": self.name,
            "parameters": self.numbers,
            "log_likelihood": self.log_likelihood,
            "aic": self.aic,
            "bic": self.bic,
            "goodness": None if self.goodness is None else dataclasses.asdict(self.goodness),
        }


@dataclasses.dataclass(frozen=True)
class Ranking:
    """Distributions ranked by their fit to numbers, the best first.

    Attributes:
        n: number of values.
        by: criterion.
        fits: fitted distributions.
        left_out: reason why each other distribution couldn't be fitted, by name.
        notes: remarks on the ranking.
    """

    n: int
    by: str
    fits: list[Fit]
    left_out: dict[str, str]
    notes: list[str]

    @property
    def best(self) -> Fit:
        """Best fit."""
        return self.fits[0]

    def to_json(self) -> Json:
        """Return the ranking as JSON values."""
        return {
            "n": self.n,
            "by": self.by,
            "fits": [fit.to_json() for fit in self.fits],
            "left_out": self.left_out,
            "notes": self.notes,
        }


def names() -> list[str]:
    """Return the class names of all distributions."""
    return [entry.name for entry in registry.entries() if entry.family == FAMILY]


def find(name: str) -> Univariate:
    """Create a distribution with default settings, given its class name or command.

    Raises:
        ZaohuaError: there is none of that name; the message suggests similar names.
    """
    wanted = {entry.command: entry.name for entry in registry.entries() if entry.family == FAMILY}
    known = {key.replace("-", "").casefold(): own for key, own in wanted.items()}
    if not isinstance(name, str):
        raise ZaohuaError(f"a distribution is given by its name, such as 'Normal', not as {shown(name)}")
    squashed = name.replace("-", "").replace("_", "").replace(" ", "").casefold()
    if squashed not in known:
        raise unknown("distribution", name, wanted)
    model: Univariate = registry.model_class(known[squashed])()
    return model


def fit(model: Univariate, x: ArrayLike, *, replicates: int = 200, random_state: int = 0) -> Fit:
    """Fit one distribution to numbers, and test it.

    Integers, and other numbers that repeat themselves and are multiples of a step, count as rounded: a continuous
    distribution is fitted to the intervals around them, and tested as one whose numbers are rounded.

    Args:
        model: the distribution, an instance with the settings that are wanted.
        x: numbers (n,).
        replicates: sets to draw for the p value; 0 makes no test.
        random_state: seed of the sets.

    Raises:
        ZaohuaError: it can't be fitted to these numbers; the message says why and what to do.
    """
    if not isinstance(model, Univariate):
        raise ZaohuaError(f"model must be a distribution, such as Normal(), not {shown(model)}")
    replicates = whole_number("replicates", replicates, 0)
    values = as_numbers(x)
    column = values[:, None]
    rounding = rounding_of(values)
    parameters = model.learn(column, rounding=rounding)
    total = float(_log_likelihoods(model, parameters, column, rounding).sum())
    count = len(model.fitted) or None
    return Fit(
        type(model).__name__,
        model,
        parameters,
        total,
        None if count is None else 2 * count - 2 * total,
        None if count is None else float(np.log(len(values))) * count - 2 * total,
        goodness(model, values, replicates, random_state, rounding),
    )


def rank(
    x: ArrayLike,
    *,
    models: Sequence[Univariate | str] | None = None,
    by: Literal["aic", "bic"] = "aic",
    replicates: int = 200,
    random_state: int = 0,
) -> Ranking:
    """Fit every distribution whose support holds the numbers, and rank them.

    Args:
        x: numbers (n,): an array, a list, a Series.
        models: instances or names; by default all that have a number of parameters.
        by: the criterion, the smaller the better.
        replicates: sets to draw for each p value; 0 makes no tests.
        random_state: seed of the sets.

    Returns:
        The ranking; those that can't be fitted are in `left_out` with the reason.

    Raises:
        ZaohuaError: the numbers are missing or infinite, or no distribution can be fitted to them.
    """
    if not isinstance(by, str) or by not in CRITERIA:
        raise unknown("criterion", shown(by), CRITERIA)
    if models is not None and not isinstance(models, (list, tuple)):
        raise ZaohuaError(f"models must be a list of distributions or their names, not {shown(models)}")
    whole_number("replicates", replicates, 0)
    seed_of(random_state)
    values = as_numbers(x)
    fits, left_out = [], {}
    for model in names() if models is None else models:
        model = model if isinstance(model, Univariate) else find(model)
        try:
            if models is None and not model.fitted:
                raise ZaohuaError(
                    f"{type(model).__name__} has no fixed number of parameters, so it has no AIC or BIC: "
                    "fit it by itself"
                )
            fits.append(fit(model, values, replicates=replicates, random_state=random_state))
        except ZaohuaError as error:
            left_out[type(model).__name__] = str(error)
    if not fits:
        raise ZaohuaError(next(iter(left_out.values()), "no distributions to choose from"))
    fits.sort(key=lambda found: getattr(found, by) if found.model.fitted else np.inf)
    return Ranking(len(values), by, fits, left_out, _notes(values, fits))


def _log_likelihoods(
    model: Univariate, parameters: dict[str, np.ndarray], x: np.ndarray, rounding: Rounding | None
) -> np.ndarray:
    """Compute the log-likelihood of each value of x (n, 1), or of the interval around it per unit of length."""
    if model.is_discrete or rounding is None:
        return model.log_densities(parameters, x)
    per_unit: np.ndarray = rounding.log_probabilities(model, parameters, x) - np.log(rounding.step)
    return per_unit


def _notes(x: np.ndarray, fits: Sequence[Fit]) -> list[str]:
    """Note rounding, and a value that occurs far more often than the best fit explains."""
    rounding, best, notes = rounding_of(x), fits[0], []
    if rounding is not None and not all(found.model.is_discrete for found in fits):
        kind = "integers" if rounding.step == 1 else f"multiples of {rounding.step:g}"
        notes.append(
            f"all values are {kind}: continuous distributions are fitted to the intervals of length "
            f"{rounding.step:g} around them and tested as rounded, and AIC and BIC are those of these intervals"
        )
    values, counts = np.unique(x, return_counts=True)
    value, count = float(values[counts.argmax()]), int(counts.max())
    at = np.array([[value]])
    if best.model.is_discrete:
        probability = float(np.exp(best.model.log_densities(best.parameters, at))[0, 0])
    elif rounding is not None:
        probability = float(np.exp(rounding.log_probabilities(best.model, best.parameters, at))[0, 0])
    else:
        probability = 0.0
    stands_out = 5 <= count < len(x) and count > STANDS_OUT * max(np.delete(counts, counts.argmax()), default=0)
    rejected = not best.model.is_discrete and best.goodness is not None and best.goodness.p < REJECTED
    rare = count >= 5 and count > 2 * probability * len(x) and stats.binom.sf(count - 1, len(x), probability) < SPIKE
    if rare or (stands_out and rejected):  # a density that rises without limit may meet the spike, and nothing else
        why = (
            f"of which {best.name} explains {probability:.1%}"
            if rare
            else f"far more than any other ({best.name} is rejected)"
        )
        notes.append(
            f"{count / len(x):.1%} of the values are {value:g}, {why}: "
            "a distribution of its own kind for that value and another for the rest describe them better"
        )
    return notes


def as_numbers(x: ArrayLike) -> np.ndarray:
    """Convert numbers to float64 (n,).

    Raises:
        ZaohuaError: they are no numbers, of more than one column, or missing or infinite ones are among them.
    """
    values = NumberCodec().fit(x).encode(x).numpy()
    if values.shape[1] != 1:
        raise ZaohuaError(f"a distribution is fitted to one column of numbers, not to data of shape {values.shape}")
    check_values(values, "distributions", Support(), "")
    return values[:, 0]
