"""The log-normal distribution."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import stats

from zaohua.families.density import Parameters
from zaohua.families.univariate import WithLocation


class LogNormal(WithLocation):
    """Log-normal distribution: products of many small effects, such as incomes and sizes.

    `params_` are the standard deviation `s` of log(x - loc), the exponential of its mean `scale`, and `loc`.

    Paper: F. Galton, "The Geometric Mean, in Vital and Social Statistics", Proceedings of the Royal Society 29, 1879.
    """

    law = stats.lognorm
    fitted: ClassVar[tuple[str, ...]] = ("s", "scale")

    def estimate(self, x: np.ndarray) -> Parameters:
        """Return standard deviation and mean of the logarithm."""
        logs = np.log(x - self.loc)
        return self.named({"s": logs.std(0), "scale": np.exp(logs.mean(0))})
