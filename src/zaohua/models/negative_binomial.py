"""The negative binomial distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import ExpTransform, Transform, biject_to, constraints

from zaohua.families.density import Parameters
from zaohua.families.support import Support
from zaohua.families.univariate.newton import NewtonFitted

MOST = 1e6
"""Upper limit of n, at which the distribution is practically Poisson's."""


class NegativeBinomial(NewtonFitted):
    """Negative binomial distribution: counts that vary more than Poisson's, such as accidents per driver.

    `params_` are `n`, any number above 0 (at most 1,000,000, practically Poisson's distribution, which counts of low
    variance get), and the probability of success `p`; the mean is n (1 - p) / p.

    Paper: M. Greenwood and G. U. Yule, "An Inquiry into the Nature of Frequency Distributions Representative of
    Multiple Happenings", Journal of the Royal Statistical Society 83, 1920.
    """

    law = stats.nbinom
    fitted: ClassVar[tuple[str, ...]] = ("n", "p")
    range: ClassVar[Support] = Support(low=0, integer=True)
    constant: ClassVar[float | None] = 0.0
    remedy: ClassVar[str] = "leave them out, round them, or choose a distribution of real numbers"

    def start(self, x: np.ndarray) -> Parameters:
        """Match mean m and variance v: n = m^2 / (v - m). The fit is in n and m, which are nearly uncorrelated."""
        mean, variance = x.mean(0), x.var(0)
        return {"n": mean**2 / np.maximum(variance - mean, mean**2 / 1000), "mean": mean}

    def differentiable(self, parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        """Return torch's log density, whose p is the probability of failure."""
        n, mean = parameters["n"], parameters["mean"]
        logits = mean.log() - n.log()
        log_p: Tensor = torch.distributions.NegativeBinomial(n, logits=logits, validate_args=False).log_prob(x)
        return log_p

    def transforms(self, start: dict[str, Tensor]) -> Mapping[str, Transform]:
        """Return an interval up to `MOST` for n, and the exponential for the mean."""
        return {"n": biject_to(constraints.interval(0.0, MOST)), "mean": ExpTransform()}

    def named(self, learnt: Parameters) -> Parameters:
        """Convert to p = n / (n + m)."""
        return {"n": learnt["n"], "p": learnt["n"] / (learnt["n"] + learnt["mean"])}
