r"""95 % confidence intervals of metrics, for the randomness of the items or of the training.

**A statistic T of sets, such as a distance** (`half_size`, `paired_half_size`). A bootstrap draws some items twice,
which a distance mistakes for a difference between the sets, so its intervals are badly biased. Instead both sets are
split into random halves S and S' without replacement, many times. To second order in the sampling errors,
T(S) = T + l + q and T(S') = T - l + q, where l is linear and q quadratic in the difference between a half and the full
set. This difference varies just as the full set does about the population. With L the variance of the linear part of T
itself and Q that of its quadratic part, averaged over samples,

    Var (T(S) - T(S')) / 2 = L + 2 Q,     Var (T(S) + T(S')) / 2 = Q

and the variance of T, L + Q, is the difference of the two. Simpler estimates fail: the first one alone is twice too
large where both sets are from one distribution (L = 0), and the common sd(T(S)) / sqrt 2, whose square is
(L + 3 Q) / 2, is too small by sqrt 2 where they aren't (Q << L); its intervals then cover 83 %.

A distance that is large by chance also looks more variable than it is, because L grows with it: L + 2 Q = 4 s^2 D,
where D is the distance of T from its minimum, the value for a set and itself. So the interval of a single distance
consists of all true values t that are within 1.96 of *their own* standard deviations of T, whose square is
Var T + 4 s^2 (t - T), as in Wilson's interval of a proportion; a symmetric interval covers 88 % where few directions
matter. Differences of two distances need no such correction.

The interval covers the expectation of T at this number of items, bias included, not its limit for infinitely many
items: subtract the bias that `corrected_frechet` removes for that.

**Several trainings** (`mean_interval`): Student's t interval of the mean.

**Likelihoods of the same items under two models** (`paired`): the same interval of the differences. These are means of
many independent terms, so a bootstrap would give the same interval with more work and some noise.

**Functions of sums over items, which aren't means** (`bootstrap`): percentiles over resampled items (Efron, "Bootstrap
methods: another look at the jackknife", 1979).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from zaohua.core.errors import ZaohuaError
from zaohua.core.seeds import RandomState, generator_of
from zaohua.metrics.features import Matrix, as_features, same_width

NORMAL = 1.959963984540054
"""95 % of a standard normal lie within plus and minus this."""
Statistic = Callable[[Matrix, Matrix], float]


@dataclass(frozen=True)
class Interval:
    """Estimate with its 95 % interval.

    Attributes:
        value: the estimate.
        low: lower end of the interval.
        high: upper end of the interval.
    """

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """True if 0 lies outside the interval; for a difference, True if it is significant."""
        return self.low > 0 or self.high < 0


def half_size(statistic: Statistic, a: ArrayLike, b: ArrayLike, draws: int = 100, random_state: int = 0) -> Interval:
    """Compute a distance of two sets and its 95 % interval.

    Args:
        statistic: function of two arrays of features, minimal for equal arrays, in squared units (`frechet_distance`).
        a: features of the first set, (n, d).
        b: features of the second set, (m, d).
        draws: number of random splits; the statistic is computed for 2 * draws pairs of halves.
        random_state: seed of the splits.

    Raises:
        ZaohuaError: the arrays differ in width or have fewer than four items, or draws is below 2.
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
    """Compute statistic(a1, b) - statistic(a2, b), two models' distances to the same real items, and its 95 % interval.

    Both models are compared with the same halves of b, so the randomness of b that affects both equally cancels.

    Args:
        statistic: function of two arrays of features.
        a1: features of samples of the first model, (n1, d).
        a2: features of samples of the second model, (n2, d); for a biased statistic, n2 must be n1.
        b: features of real items, (m, d).
        draws: number of random splits.
        random_state: seed of the splits.

    Raises:
        ZaohuaError: the arrays differ in width or have fewer than four items, or draws is below 2.
    """

    def difference(sets: Sequence[Matrix]) -> float:
        return statistic(sets[0], sets[2]) - statistic(sets[1], sets[2])

    sets = _sets(a1, a2, b)
    value, reach = difference(sets), NORMAL * math.sqrt(_spread(difference, sets, draws, random_state)[0])
    return Interval(value, value - reach, value + reach)


def wilson(fraction: float, n: float) -> Interval:
    """Compute Wilson's 95 % interval of a fraction of n independent trials; n needn't be a whole number."""
    z = NORMAL
    centre, reach = fraction + z * z / 2 / n, z * math.sqrt(fraction * (1 - fraction) / n + z * z / 4 / n**2)
    low, high = ((centre + sign * reach) / (1 + z * z / n) for sign in (-1, 1))
    return Interval(fraction, min(max(0.0, low), fraction), max(min(1.0, high), fraction))  # against rounding errors


def mean_interval(values: ArrayLike) -> Interval:
    """Compute the mean of at least two values, such as one per seed of training, and Student's t interval of it."""
    from scipy.stats import t

    x = np.asarray(values, np.float64)
    if x.ndim != 1 or len(x) < 2 or not np.isfinite(x).all():
        raise ZaohuaError(f"an interval needs an array of at least two finite values, not {x.tolist()!r:.80}")
    reach = float(t.ppf(0.975, len(x) - 1)) * float(x.std(ddof=1)) / np.sqrt(len(x))
    return Interval(float(x.mean()), float(x.mean() - reach), float(x.mean() + reach))


def ratio_interval(x: ArrayLike, sizes: ArrayLike) -> Interval:
    """Compute the sum of x over the sum of sizes, such as bits per byte, with the interval of a ratio of means.

    Args:
        x: values of at least two items, (n,).
        sizes: their sizes, (n,).
    """
    values, weights = np.asarray(x, np.float64), np.asarray(sizes, np.float64)
    value = float(values.sum() / weights.sum())
    off = mean_interval(values - value * weights)
    return Interval(value, *(value + end / float(weights.mean()) for end in (off.low, off.high)))


def paired(a: ArrayLike, b: ArrayLike) -> Interval:
    """Compute the mean of a - b and its 95 % interval, for values of the same items such as log-likelihoods."""
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if x.shape != y.shape:
        raise ZaohuaError(
            f"both models must have values of the same items, not arrays of shape {x.shape} and {y.shape}"
        )
    return mean_interval(x - y)


def bootstrap(
    counts: ArrayLike, of: Callable[[np.ndarray], np.ndarray], random_state: RandomState = 0, draws: int = 1000
) -> Interval:
    """Compute a function of sums over items, such as an error rate, with the percentiles of a bootstrap over items.

    Args:
        counts: what is summed, (n, k); the interval of a single item has no width.
        of: function from sums (..., k) to values (...).
        random_state: seed of the draws.
        draws: number of draws.
    """
    each = np.asarray(counts, np.float64)
    rng, n = generator_of(random_state), len(each)
    sums = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) @ each for _ in range(draws)])
    value = float(of(each.sum(0)))
    low, high = np.quantile(of(sums), [0.025, 0.975])
    return Interval(value, min(value, float(low)), max(value, float(high)))


def halves(sets: Sequence[Matrix], draws: int, random_state: int) -> Iterator[tuple[list[Matrix], list[Matrix]]]:
    """Yield random splits of arrays: the first halves of all, and the second halves; drop the odd item."""
    rng = generator_of(random_state)
    for _ in range(draws):
        orders = [rng.permutation(len(x)) for x in sets]
        sizes = [len(x) // 2 for x in sets]
        yield (
            [x[order[:k]] for x, order, k in zip(sets, orders, sizes, strict=True)],
            [x[order[k : 2 * k]] for x, order, k in zip(sets, orders, sizes, strict=True)],
        )


def _spread(
    statistic: Callable[[Sequence[Matrix]], float], sets: Sequence[Matrix], draws: int, random_state: int
) -> tuple[float, float]:
    """Return the variance of a statistic, and the variance of the odd part of its halves, L + 2 Q."""
    if draws < 2:
        raise ZaohuaError(f"draws is {draws}: at least 2 are needed for an interval")
    pairs = np.array([[statistic(half) for half in both] for both in halves(sets, draws, random_state)])
    odd = float(((pairs[:, 0] - pairs[:, 1]) ** 2).mean() / 4)  # the squared terms have mean 0
    even = float(pairs.mean(1).var(ddof=1))
    return max(odd - even, odd / 2), odd  # L is never below 0, though its estimate from few draws may be


def _sets(*arrays: ArrayLike) -> list[Matrix]:
    sets = [as_features(x, "of a set", least=4) for x in arrays]
    same_width(*sets)
    return sets
