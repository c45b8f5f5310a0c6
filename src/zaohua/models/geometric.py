"""The geometric distribution."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import stats

from zaohua.families.density import Parameters
from zaohua.families.support import Support
from zaohua.families.univariate import Parametric


class Geometric(Parametric):
    """Geometric distribution: number of trials up to and including the first success, 1, 2, 3 ...

    `params_` is the probability of success, `p`.

    Paper: B. Pascal, letters to P. de Fermat, 1654 (trials up to the first success).
    """

    law = stats.geom
    fitted: ClassVar[tuple[str, ...]] = ("p",)
    range: ClassVar[Support] = Support(low=1, integer=True)
    constant: ClassVar[float | None] = 1.0
    remedy: ClassVar[str] = "leave them out, or add 1 where failures before the first success were counted"

    def estimate(self, x: np.ndarray) -> Parameters:
        """Return 1 / mean."""
        return {"p": 1 / x.mean(0)}
