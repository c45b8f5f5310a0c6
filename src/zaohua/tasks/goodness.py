"""Whether numbers may come from a distribution that was fitted to them: p values by the parametric bootstrap.

Tables of the Kolmogorov-Smirnov and the chi-square statistic are wrong where parameters were fitted to the same data.
So the test is done again on numbers drawn from the fit, with parameters fitted anew to each set of them, and the p
value is the share of sets that fit no better than the data do.

Source: W. Stute, W. Gonzáles Manteiga and M. Presedo Quindimil, "Bootstrap Based Goodness-of-Fit-Tests", Metrika 40,
1993.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from zaohua.families.univariate import Univariate

LARGEST = 2000
"""Numbers in a set at most. The statistics' distributions hardly depend on it from there on."""
EXPECTED = 2.0
"""Numbers that each cell of a chi-square test is expected to hold, at least; the usual 5 are for tables of it."""


@dataclass(frozen=True)
class Goodness:
    """The result of a test.

    Attributes:
        test: "Kolmogorov-Smirnov" or "chi-square".
        statistic: the greatest distance of the distribution functions, or the sum of squares.
        p: chance of a fit as bad or worse if the numbers do come from the distribution.
        replicates: sets that were drawn.
    """

    test: str
    statistic: float
    p: float
    replicates: int


def goodness(model: Univariate, x: np.ndarray, replicates: int = 200, random_state: int = 0) -> Goodness | None:
    """Test a distribution that is fitted to x, by Kolmogorov-Smirnov's statistic or chi-square's if it is discrete.

    Args:
        model: the distribution; its settings are used, not what it is fitted to.
        x: numbers that it can be fitted to, float64 (n,).
        replicates: sets to draw; the p value is at least 1 / (replicates + 1).
        random_state: seed of the sets.

    Returns:
        The result. None where no test is possible: a density that follows any data (one without `fitted`), or fewer
        than two cells more than parameters.
    """
    if not model.fitted or replicates < 1:
        return None
    column = x[:, None]
    parameters = model.estimate(column)
    size = min(len(x), LARGEST)
    drawn = model.simulate(parameters, (size, replicates), np.random.default_rng(random_state))
    drawn = drawn[:, model.varies(drawn)]
    again = model.estimate(drawn)
    drawn, again = drawn[:, ok := model.succeeded(again)], {name: value[ok] for name, value in again.items()}
    if not model.is_discrete:
        of_x = kolmogorov_smirnov(model.distribution(parameters, column))
        of_drawn = kolmogorov_smirnov(model.distribution(again, drawn))
        worse = of_drawn * _root(size) >= of_x * _root(len(x)) * (1 - 1e-9)
        return Goodness("Kolmogorov-Smirnov", float(of_x[0]), _share(worse), drawn.shape[1])
    edges = _edges(model, parameters, size)
    if len(edges) < len(model.fitted) + 1:
        return None
    of_x = _chi_square(model, parameters, column, edges)
    worse = _chi_square(model, again, drawn, edges) >= of_x * (1 - 1e-9)
    return Goodness("chi-square", float(of_x[0]), _share(worse), drawn.shape[1])


def kolmogorov_smirnov(chances: np.ndarray) -> np.ndarray:
    """Greatest distance between fitted and empirical distribution functions, (p,).

    Args:
        chances: fitted distribution function of each number, (n, p), in any order.
    """
    chances = np.sort(chances, 0)
    n = len(chances)
    steps = np.arange(n)[:, None] / n
    return np.asarray(np.maximum(chances - steps, steps + 1 / n - chances).max(0))


def _root(n: int) -> float:
    """What the statistic is multiplied by so that it means the same for every n.

    Source: M. A. Stephens, "EDF Statistics for Goodness of Fit and Some Comparisons", JASA 69, 1974.
    """
    return float(n**0.5 + 0.12 + 0.11 / n**0.5)


def _share(worse: np.ndarray) -> float:
    return (1 + int(worse.sum())) / (1 + len(worse))


def _edges(model: Univariate, parameters: dict[str, np.ndarray], n: int) -> np.ndarray:
    """Whole numbers at which cells end that are about as likely as each other; the last cell has no end.

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
    """Sum over cells of (seen - expected)^2 / expected, (p,)."""
    below = model.distribution(parameters, np.repeat(edges[:, None], x.shape[1], 1))
    ends = np.zeros((1, x.shape[1])), np.ones((1, x.shape[1]))
    expected = len(x) * np.diff(np.concatenate([ends[0], below, ends[1]]), axis=0)
    cells = np.searchsorted(edges, x)
    seen = np.stack([np.bincount(column, minlength=len(edges) + 1) for column in cells.T], 1)
    return np.asarray(((seen - expected) ** 2 / np.maximum(expected, 1e-300)).sum(0))
