"""The Poisson distribution."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import stats

from zaohua.families.density import Parameters
from zaohua.families.support import Support
from zaohua.families.univariate import Parametric


class Poisson(Parametric):
    """Poisson distribution: counts of independent events in a given time or space.

    `params_` is the mean, `mu`.

    Paper: S. D. Poisson, "Recherches sur la probabilité des jugements", 1837.
    """

    law = stats.poisson
    fitted: ClassVar[tuple[str, ...]] = ("mu",)
    range: ClassVar[Support] = Support(low=0, integer=True)
    constant: ClassVar[float | None] = 0.0
    remedy: ClassVar[str] = "leave them out, round them, or choose a distribution of real numbers"

    def estimate(self, x: np.ndarray) -> Parameters:
        """Return the mean."""
        return {"mu": x.mean(0)}
