"""Goodness-of-fit tests of fitted distributions, with p values by the parametric bootstrap.

Tables of the Kolmogorov-Smirnov and the chi-square statistic are invalid if parameters were fitted to the same data.
So data sets are simulated from the fit, the parameters are fitted to each of them again, and the p value is the
fraction of data sets whose statistic is at least that of the data. If the data were rounded, so are the simulated sets,
and distribution functions are compared only where intervals of rounding end.

Source: W. Stute, W. Gonzáles Manteiga and M. Presedo Quindimil, "Bootstrap Based Goodness-of-Fit-Tests", Metrika 40,
1993.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zaohua.core.seeds import generator_of

if TYPE_CHECKING:
    from zaohua.families.density import Parameters
    from zaohua.families.univariate import Univariate
    from zaohua.families.univariate.rounded import Rounding

LARGEST = 2000
"""Maximum size of a simulated data set; the distributions of the statistics hardly change beyond it."""
EXPECTED = 2.0
"""Minimum expected count of a cell of the chi-square test; the usual 5 is for tabulated critical values."""


@dataclass(frozen=True)
class Goodness:
    """Result of a goodness-of-fit test.

    Attributes:
        test: "Kolmogorov-Smirnov" or "chi-square".
        statistic: maximum distance of the distribution functions, or the chi-square sum.
        p: probability of a statistic at least as large if the numbers are from the distribution.
        replicates: number of simulated data sets.
    """

    test: str
    statistic: float
    p: float
    replicates: int


def goodness(
    model: Univariate,
    x: np.ndarray,
    replicates: int = 200,
    random_state: int = 0,
    rounding: Rounding | None = None,
) -> Goodness | None:
    """Fit a distribution to x and test it: Kolmogorov-Smirnov, or chi-square for a discrete distribution.

    Args:
        model: distribution, of which only the settings are used.
        x: numbers in its support, float64 (n,).
        replicates: number of data sets to simulate; the p value is at least 1 / (replicates + 1).
        random_state: seed of the data sets.
        rounding: grid that the numbers were rounded to; None if they are exact. Discrete distributions ignore it.

    Returns:
        The result; None if no test is possible: for a nonparametric density (one without `fitted`), if there is no
        estimate, or with too few cells for the number of parameters.
    """
    if not model.fitted or replicates < 1:
        return None
    rounding = None if model.is_discrete else rounding
    column = x[:, None]
    parameters = _estimate(model, column, rounding)
    if not model.succeeded(parameters).all():
        return None
    size = min(len(x), LARGEST)
    drawn = model.simulate(parameters, (size, replicates), generator_of(random_state))
    drawn = drawn if rounding is None else rounding.round(drawn)
    drawn = drawn[:, model.varies(drawn)]
    again = _estimate(model, drawn, rounding)
    drawn, again = drawn[:, ok := model.succeeded(again)], {name: value[ok] for name, value in again.items()}
    if not model.is_discrete:
        of_x = _distance(model, parameters, column, rounding)
        of_drawn = _distance(model, again, drawn, rounding)
        worse = of_drawn * _root(size) >= of_x * _root(len(x)) * (1 - 1e-9)
        return Goodness("Kolmogorov-Smirnov", float(of_x[0]), _share(worse), drawn.shape[1])
    edges = _edges(model, parameters, size)
    if len(edges) < len(model.fitted) + 1:
        return None
    of_x = _chi_square(model, parameters, column, edges)
    worse = _chi_square(model, again, drawn, edges) >= of_x * (1 - 1e-9)
    return Goodness("chi-square", float(of_x[0]), _share(worse), drawn.shape[1])


def kolmogorov_smirnov(chances: np.ndarray) -> np.ndarray:
    """Compute the maximum distances between fitted and empirical distribution functions, (p,).

    Args:
        chances: fitted distribution function of each number, (n, p), in any order.
    """
    chances = np.sort(chances, 0)
    n = len(chances)
    steps = np.arange(n)[:, None] / n
    return np.asarray(np.maximum(chances - steps, steps + 1 / n - chances).max(0))


def rounded_kolmogorov_smirnov(x: np.ndarray, below: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Compute the maximum distances of distribution functions at the ends of the intervals of rounded numbers, (p,).

    Args:
        x: rounded numbers (n, p), in increasing order in each column.
        below, above: fitted distribution function at the lower and the upper end of the interval of each.
    """
    n = len(x)
    counts = np.arange(n + 1)[:, None] / n
    differs = np.diff(x, axis=0) > 0
    edge = np.ones((1, x.shape[1]), bool)
    first, last = np.concatenate([edge, differs]), np.concatenate([differs, edge])
    upper, lower = np.abs(above - counts[1:]), np.abs(below - counts[:-1])
    return np.asarray(np.maximum(np.where(last, upper, 0), np.where(first, lower, 0)).max(0))


def _estimate(model: Univariate, x: np.ndarray, rounding: Rounding | None) -> Parameters:
    return model.estimate(x) if rounding is None else model.estimate_rounded(x, rounding)


def _distance(model: Univariate, parameters: Parameters, x: np.ndarray, rounding: Rounding | None) -> np.ndarray:
    """Compute the Kolmogorov-Smirnov statistic of each column of x (n, p)."""
    if rounding is None:
        return kolmogorov_smirnov(model.distribution(parameters, x))
    x = np.sort(x, 0)
    low, high = rounding.intervals(model, x)
    return rounded_kolmogorov_smirnov(x, model.distribution(parameters, low), model.distribution(parameters, high))


def _root(n: int) -> float:
    """Return the factor by which the statistic has the same distribution for every n.

    Source: M. A. Stephens, "EDF Statistics for Goodness of Fit and Some Comparisons", JASA 69, 1974.
    """
    return float(n**0.5 + 0.12 + 0.11 / n**0.5)


def _share(worse: np.ndarray) -> float:
    return (1 + int(worse.sum())) / (1 + len(worse))


def _edges(model: Univariate, parameters: dict[str, np.ndarray], n: int) -> np.ndarray:
    """Return the upper edges of about equally probable cells of integers; the last cell is unbounded.

    Source: H. B. Mann and A. Wald, "On the Choice of the Number of Class Intervals in the Application of the Chi Square
    Test", Annals of Mathematical Statistics 13, 1942: about 2 n^(2/5) cells.
    """
    cells = max(2, int(min(2 * n**0.4, n / EXPECTED)))
    candidates = np.unique(model.inverse(parameters, np.arange(1, cells)[:, None] / cells))
    edges, done = [], 0.0
    for edge, chance in zip(candidates, model.distribution(parameters, candidates[:, None])[:, 0], strict=True):
        if n * min(chance - done, 1 - chance) >= EXPECTED:
            edges.append(edge)
            done = chance
    return np.array(edges)


def _chi_square(model: Univariate, parameters: dict[str, np.ndarray], x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Compute the sum over cells of (observed - expected)^2 / expected, (p,)."""
    below = model.distribution(parameters, np.repeat(edges[:, None], x.shape[1], 1))
    ends = np.zeros((1, x.shape[1])), np.ones((1, x.shape[1]))
    expected = len(x) * np.diff(np.concatenate([ends[0], below, ends[1]]), axis=0)
    cells = np.searchsorted(edges, x)
    seen = np.stack([np.bincount(column, minlength=len(edges) + 1) for column in cells.T], 1)
    return np.asarray(((seen - expected) ** 2 / np.maximum(expected, 1e-300)).sum(0))
