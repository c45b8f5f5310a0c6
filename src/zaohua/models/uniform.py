"""The uniform distribution."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import stats

from zaohua.families.density import Parameters
from zaohua.families.univariate import Parametric


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
