"""The normal distribution of one number."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import stats

from zaohua.families.density import Parameters
from zaohua.families.univariate import Parametric


class Normal(Parametric):
    """Normal distribution of each column.

    `params_` are the mean `loc` and the standard deviation `scale`, by maximum likelihood (divided by n, not n - 1).

    Paper: C. F. Gauss, "Theoria motus corporum coelestium", 1809.
    """

    law = stats.norm
    fitted: ClassVar[tuple[str, ...]] = ("loc", "scale")

    def estimate(self, x: np.ndarray) -> Parameters:
        """Return mean and standard deviation."""
        return {"loc": x.mean(0), "scale": x.std(0)}
