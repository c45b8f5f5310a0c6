"""The exponential distribution."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import stats

from zaohua.families.density import Parameters
from zaohua.families.support import Support
from zaohua.families.univariate import WithLocation


class Exponential(WithLocation):
    """Exponential distribution of waiting times for events of constant rate.

    `params_` are `loc` and the mean above it, `scale` (1 / rate).

    Paper: W. A. Whitworth, "Choice and Chance", 1886, proposition 51 (waiting times of random events).
    """

    law = stats.expon
    fitted: ClassVar[tuple[str, ...]] = ("scale",)
    range: ClassVar[Support] = Support(low=0)
    constant: ClassVar[float | None] = 0.0

    def estimate(self, x: np.ndarray) -> Parameters:
        """Return the mean above `loc`."""
        return self.named({"scale": (x - self.loc).mean(0)})
