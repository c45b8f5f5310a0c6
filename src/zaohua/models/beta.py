"""The beta distribution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import ExpTransform, Transform

from zaohua.families.density import Parameters
from zaohua.families.support import Support
from zaohua.families.univariate.newton import NewtonFitted


class Beta(NewtonFitted):
    """Beta distribution of fractions and probabilities: numbers between 0 and 1.

    `params_` are the shapes `a` and `b`. The ends 0 and 1 are excluded, as their likelihood is 0 or infinite. Scale
    other numbers to this range first.

    Paper: N. L. Johnson, S. Kotz and N. Balakrishnan, "Continuous Univariate Distributions" 2, 1995, chapter 25.
    """

    law = stats.beta
    fitted: ClassVar[tuple[str, ...]] = ("a", "b")
    range: ClassVar[Support] = Support(low=0, high=1, ends=False)
    remedy: ClassVar[str] = "scale them to between 0 and 1 by (x - low) / (high - low), with ends that no value reaches"

    def start(self, x: np.ndarray) -> Parameters:
        """Match mean m and variance v: a + b = m (1 - m) / v - 1."""
        mean = x.mean(0)
        both = np.maximum(mean * (1 - mean) / x.var(0) - 1, 1e-3)
        return {"a": mean * both, "b": (1 - mean) * both}

    def differentiable(self, parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        """Return torch's log density."""
        log_p: Tensor = torch.distributions.Beta(parameters["a"], parameters["b"], validate_args=False).log_prob(x)
        return log_p

    def transforms(self, start: dict[str, Tensor]) -> Mapping[str, Transform]:
        """Return exponentials of both parameters."""
        return {"a": ExpTransform(), "b": ExpTransform()}
