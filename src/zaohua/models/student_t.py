"""Student's t distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import AffineTransform, ExpTransform, Transform, biject_to, constraints

from zaohua.families.density import Parameters
from zaohua.families.univariate.newton import NewtonFitted

MOST = 1e4
"""Upper limit of the degrees of freedom, at which the distribution is practically normal."""


class StudentT(NewtonFitted):
    """Student's t distribution: bell-shaped with heavy tails, for measurements with outliers or returns of shares.

    `params_` are the degrees of freedom `df` (at most 10,000, practically the normal distribution), `loc` and `scale`.

    Paper: "Student" (W. S. Gosset), "The Probable Error of a Mean", Biometrika 6, 1908.
    """

    law = stats.t
    fitted: ClassVar[tuple[str, ...]] = ("df", "loc", "scale")

    def start(self, x: np.ndarray) -> Parameters:
        """Return 4 degrees of freedom, the median, and the scale that matches the interquartile range."""
        low, middle, high = np.quantile(x, [0.25, 0.5, 0.75], axis=0)
        half = (high - low) / 2
        scale = np.where(half > 0, half / stats.t.ppf(0.75, 4), x.std(0))
        return {"df": np.full(x.shape[1], 4.0), "loc": middle, "scale": scale}

    def differentiable(self, parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        """Return torch's log density."""
        df, loc, scale = parameters["df"], parameters["loc"], parameters["scale"]
        log_p: Tensor = torch.distributions.StudentT(df, loc, scale, validate_args=False).log_prob(x)
        return log_p

    def transforms(self, start: dict[str, Tensor]) -> Mapping[str, Transform]:
        """Return maps to df up to `MOST`, to the scale, and to loc in units of the initial scale."""
        return {
            "df": biject_to(constraints.interval(0.0, MOST)),
            "scale": ExpTransform(),
            "loc": AffineTransform(start["loc"], start["scale"]),
        }
