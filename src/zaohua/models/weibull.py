"""The Weibull distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from scipy import stats
from torch import Tensor
from torch.distributions import ExpTransform, Transform

from zaohua.families.density import Parameters
from zaohua.families.univariate import WithLocation
from zaohua.families.univariate.newton import NewtonFitted


class Weibull(WithLocation, NewtonFitted):
    """Weibull distribution of times to a failure whose rate grows (c > 1) or falls (c < 1) with age; of wind speeds.

    `params_` are the shape `c`, `loc` and `scale`, as of scipy's `weibull_min`.

    Paper: W. Weibull, "A Statistical Distribution Function of Wide Applicability", Journal of Applied Mechanics 18,
    1951.
    """

    law = stats.weibull_min
    fitted: ClassVar[tuple[str, ...]] = ("c", "scale")

    def start(self, x: np.ndarray) -> Parameters:
        """Match mean and standard deviation of the logarithm, which has a Gumbel distribution."""
        logs = np.log(x)
        c = np.pi / (np.sqrt(6) * logs.std(0))
        return {"c": c, "scale": np.exp(logs.mean(0) + np.euler_gamma / c)}

    def differentiable(self, parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        """Return log c - log x + z - exp(z) with z = c log(x / scale); torch's own takes seconds to import."""
        z = parameters["c"] * (x.log() - parameters["scale"].log())
        return parameters["c"].log() - x.log() + z - z.exp()

    def transforms(self, start: dict[str, Tensor]) -> Mapping[str, Transform]:
        """Return exponentials of both parameters."""
        return {"c": ExpTransform(), "scale": ExpTransform()}
