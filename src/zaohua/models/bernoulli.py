"""The Bernoulli distribution."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import stats

from zaohua.families.density import Parameters
from zaohua.families.support import Support
from zaohua.families.univariate import Parametric


class Bernoulli(Parametric):
    """Bernoulli distribution: 1 with probability p, else 0.

    `params_` is the probability of a 1, `p`.

    Paper: J. Bernoulli, "Ars conjectandi", 1713.
    """

    law = stats.bernoulli
    fitted: ClassVar[tuple[str, ...]] = ("p",)
    range: ClassVar[Support] = Support(low=0, high=1, integer=True)
    remedy: ClassVar[str] = "encode yes as 1 and no as 0, or choose a distribution of more values"

    def estimate(self, x: np.ndarray) -> Parameters:
        """Return the fraction of ones."""
        return {"p": x.mean(0)}
