r"""95 % intervals of measures: what is due to chance, of the items or of the training.

**A statistic of sets, such as a distance** (`half_size`, `paired_half_size`). A bootstrap draws items twice, which a
distance takes for a difference of the sets, so its intervals miss the truth by far. Instead both sets are halved at
random, again and again, without replacement; S and S' are two halves that make up the whole. To second order in the
sampling errors, T(S) = T + l + q and T(S') = T - l + q, where l is linear and q quadratic in the difference of the
half from the whole, a difference which varies just as the whole does about the truth. With L the variance of the linear
and Q that of the quadratic part of T itself, averaged over samples,

    Var (T(S) - T(S')) / 2 = L + 2 Q,     Var (T(S) + T(S')) / 2 = Q

and the variance of T, L + Q, is the difference of the two. The linear one alone is twice too large where the sets are
from one distribution (L = 0), and the common sd(T(S)) / sqrt 2, whose square is (L + 3 Q) / 2, is too small by sqrt 2
where they aren't (Q << L), which then covers 83 %.

A distance that is large by chance also looks more variable than it is, since L grows with it: L + 2 Q = 4 s^2 D, where
D is how far T lies above its least value, that of a set and itself. So the interval of a single distance consists of
all truths t that are within 1.96 of *their* standard deviations from T, whose square is Var T + 4 s^2 (t - T), as in
Wilson's interval of a share; a symmetric one covers 88 % where few directions count. Differences need no such thing.

What is covered is the expectation of T at this number of items (all sets drawn anew), bias included: subtract what
`corrected_frechet` removes if the truth is meant.

**Several trainings** (`mean_interval`): Student's t interval of the mean. **Likelihoods of the same items under two
models** (`paired`): the same of the differences, which are means of many independent terms, so that a bootstrap would
give the same interval with more work and some noise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.features import Matrix, as_features, same_width

NORMAL = 1.959963984540054
"""Between plus and minus this lie 95 % of a standard normal."""
Statistic = Callable[[Any, Any], float]


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval.

    Attributes:
        value: the estimate.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside: of a difference, whether there is a winner."""
        return self.low > 0 or self.high < 0


def half_size(statistic: Statistic, a: ArrayLike, b: ArrayLike, draws: int = 100, random_state: int = 0) -> Interval:
    """95 % interval of a distance of two sets, around its value of all items.

    Args:
        statistic: of two arrays of features, least for equal ones, in squared units such as `frechet_distance`.
        a: features of one set, (n, d).
        b: features of the other, (m, d).
        draws: random halvings; the statistic is computed for 2 draws pairs of halves.
        random_state: seed of the halvings.

    Raises:
        ZaohuaError: the arrays aren't features of one kind, of four items at least each, or draws is below 2.
    """
    x, y = _sets(a, b)
    variance, odd = _spread(lambda sets: statistic(sets[0], sets[1]), (x, y), draws, random_state)
    value = float(statistic(x, y))
    above = value - (statistic(x, x) + statistic(y, y)) / 2
    slope = NORMAL**2 * odd / above / 2 if above > 0 else 0.0
    reach = math.sqrt(NORMAL**2 * variance + slope**2)
    return Interval(value, value + slope - reach, value + slope + reach)


def paired_half_size(
    statistic: Statistic, a1: ArrayLike, a2: ArrayLike, b: ArrayLike, draws: int = 100, random_state: int = 0
) -> Interval:
    """95 % interval of statistic(a1, b) - statistic(a2, b): two models' distances to the same real items.

    Both are halved against the same halves of b, so what b has by chance in common for both cancels.

    Args:
        statistic: of two arrays of features.
        a1: features of samples of one model, (n1, d).
        a2: features of samples of the other, (n2, d); for a measure with a bias, n2 must be n1.
        b: features of real items, (m, d).
        draws: random halvings.
        random_state: seed of the halvings.

    Raises:
        ZaohuaError: the arrays aren't features of one kind, of four items at least each, or draws is below 2.
    """

    def difference(sets: Sequence[Any]) -> float:
        return statistic(sets[0], sets[2]) - statistic(sets[1], sets[2])

    sets = _sets(a1, a2, b)
    value, reach = difference(sets), NORMAL * math.sqrt(_spread(difference, sets, draws, random_state)[0])
    return Interval(value, value - reach, value + reach)


def wilson(share: float, n: float) -> Interval:
    """Wilson's 95 % interval of a share of n independent answers; n needn't be a whole number."""
    z = NORMAL
    centre, reach = share + z * z / 2 / n, z * math.sqrt(share * (1 - share) / n + z * z / 4 / n**2)
    low, high = ((centre + sign * reach) / (1 + z * z / n) for sign in (-1, 1))
    return Interval(share, min(max(0.0, low), share), max(min(1.0, high), share))  # but for rounding


def mean_interval(values: ArrayLike) -> Interval:
    """Student's t interval of the mean of values, one for each seed of training or sampling; at least two."""
    from scipy.stats import t

    x = np.asarray(values, np.float64)
    if x.ndim != 1 or len(x) < 2 or not np.isfinite(x).all():
        raise ZaohuaError(f"an interval needs at least two finite values in a row, not {x.tolist()!r:.80}")
    reach = float(t.ppf(0.975, len(x) - 1)) * float(x.std(ddof=1)) / np.sqrt(len(x))
    return Interval(float(x.mean()), float(x.mean() - reach), float(x.mean() + reach))


def paired(a: ArrayLike, b: ArrayLike) -> Interval:
    """95 % interval of the mean of a - b, values of the same items under two models, such as log-likelihoods."""
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if x.shape != y.shape:
        raise ZaohuaError(f"pairs must be of the same items: {x.shape} values of one model, {y.shape} of the other")
    return mean_interval(x - y)


def halves(sets: Sequence[Any], draws: int, random_state: int) -> Iterator[tuple[list[Any], list[Any]]]:
    """Random halvings of some arrays: the first halves of all, and the second ones; an odd item is left out."""
    rng = np.random.default_rng(random_state)
    for _ in range(draws):
        orders = [rng.permutation(len(x)) for x in sets]
        sizes = [len(x) // 2 for x in sets]
        yield (
            [x[order[:k]] for x, order, k in zip(sets, orders, sizes, strict=True)],
            [x[order[k : 2 * k]] for x, order, k in zip(sets, orders, sizes, strict=True)],
        )


def _spread(
    statistic: Callable[[Sequence[Any]], float], sets: Sequence[Matrix], draws: int, random_state: int
) -> tuple[float, float]:
    """Variance of a statistic, and that of the odd parts of its halves, L + 2 Q."""
    if draws < 2:
        raise ZaohuaError(f"draws is {draws}: at least 2 are needed for an interval")
    pairs = np.array([[statistic(half) for half in both] for both in halves(sets, draws, random_state)])
    odd = float(((pairs[:, 0] - pairs[:, 1]) ** 2).mean() / 4)  # the mean of what is squared is 0
    even = float(pairs.mean(1).var(ddof=1))
    return max(odd - even, odd / 2), odd  # L is never below 0, however few draws tell it


def _sets(*arrays: ArrayLike) -> list[Matrix]:
    sets = [as_features(x, "of a set", least=4) for x in arrays]
    same_width(*sets)
    return sets
