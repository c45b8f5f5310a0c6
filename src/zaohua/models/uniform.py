"""The uniform distribution."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import stats

from zaohua.families.density import Parameters
from zaohua.families.univariate import Parametric
from zaohua.families.univariate.rounded import Rounding


class Uniform(Parametric):
    """Uniform distribution between two ends.

    `params_` are the minimum `loc` and the range `scale`, by maximum likelihood: a number outside has the log density
    -inf. The true ends lie outside of them, on average by scale / (n + 1).

    Paper: P. S. Laplace, "Théorie analytique des probabilités", 1812.
    """

    law = stats.uniform
    fitted: ClassVar[tuple[str, ...]] = ("loc", "scale")

    def estimate(self, x: np.ndarray) -> Parameters:
        """Return the least value, and the range."""
        return {"loc": x.min(0), "scale": np.ptp(x, 0)}

    def estimate_rounded(self, x: np.ndarray, rounding: Rounding) -> Parameters:
        """Return the ends that maximise the probability of the intervals; they lie within the outermost two.

        With n1 of n numbers in the first interval, and the other numbers' intervals reaching over a length w, the first
        end lies n1 w / (n - n1) before these, at most a step; likewise the last.
        """
        low, high, step = x.min(0), x.max(0), rounding.step
        first, last, n = (x == low).sum(0), (x == high).sum(0), len(x)
        inner = np.maximum(high - low - step, 0)
        before = after = np.full(len(low), step)
        for _ in range(100):  # one end given the other, until neither moves
            before = np.minimum(step, first * (inner + after) / np.maximum(n - first, 1))
            after = np.minimum(step, last * (inner + before) / np.maximum(n - last, 1))
        return {"loc": low + step / 2 - before, "scale": before + inner + after}
