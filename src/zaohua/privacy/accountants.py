"""Privacy loss of noisy steps on random parts of the data, and the noise that a budget needs.

A step releases the sum of some vectors of norm at most C, one for each item that was drawn with probability `rate`,
plus Gaussian noise of standard deviation `sigma` C. How the losses of many steps add up is computed by Opacus:

    prv   by convolving the distributions of the privacy loss numerically: tight, and an upper bound
    rdp   by moments (Renyi divergences): an older, looser upper bound

Both count items that are added or removed, and both need every item to be drawn independently of the others (Poisson
sampling): batches cut from a shuffled order lose up to several times as much privacy as such a count says.

Sources: Abadi et al., "Deep Learning with Differential Privacy", 2016 (arXiv:1607.00133); Gopi, Lee and Wutschitz,
"Numerical Composition of Differential Privacy", 2021 (arXiv:2106.02848); Mironov, Talwar and Zhang, "Renyi Differential
Privacy of the Sampled Gaussian Mechanism", 2019 (arXiv:1908.10530); Chua et al., "How Private are DP-SGD
Implementations?", 2024 (arXiv:2403.17673).
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Literal

import numpy as np

from zaohua.core.errors import ZaohuaError

Accountant = Literal["prv", "rdp"]
LOWEST, HIGHEST = 0.2, 1e5
"""Standard deviations of noise, in units of C, between which the one that a budget needs is looked for."""
EXACT = 1e-3
"""Relative accuracy of that noise."""
ERROR = 0.01
"""Numerical error of `prv`, which its upper bound includes; at most a hundredth of a small epsilon."""


def spent(sigma: float, rate: float, steps: int, delta: float, by: Accountant = "prv", error: float = ERROR) -> float:
    """Return the epsilon of some steps, an upper bound.

    Args:
        sigma: standard deviation of the noise relative to the norm that vectors are clipped to.
        rate: probability with which each item is drawn in a step.
        steps: number of steps.
        delta: the chance that the bound doesn't hold.
        by: the accountant.
        error: numerical error that `prv` allows for.

    Raises:
        ZaohuaError: Opacus isn't installed.
    """
    if not steps:
        return 0.0
    try:
        from opacus.accountants import PRVAccountant, RDPAccountant
    except ImportError:
        raise ZaohuaError(
            "private training counts its privacy loss by Opacus, which isn't installed: pip install zaohua[privacy]"
        ) from None
    accountant = PRVAccountant() if by == "prv" else RDPAccountant()
    accountant.history = [(sigma, rate, steps)]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of logarithms of 0 where every item is drawn, and of orders at the end
        options = {"eps_error": error} if by == "prv" else {}
        return float(accountant.get_epsilon(delta, **options))


@functools.lru_cache(maxsize=32)
def noise_for(epsilon: float, delta: float, rate: float, steps: int) -> float:
    """Return the least noise, relative to the norm that vectors are clipped to, that keeps some steps within a budget.

    Raises:
        ZaohuaError: Opacus isn't installed, or no noise is enough.
    """
    error = max(ERROR / 100, min(ERROR, epsilon / 100))

    def enough(sigma: float, by: Accountant = "prv") -> bool:
        return spent(sigma, rate, steps, delta, by, error) <= epsilon

    low, high = LOWEST, max(1.0, rate * math.sqrt(steps) / epsilon)
    if enough(HIGHEST, "rdp"):  # a quick bound of the other, which has none for a small epsilon
        high = _least(lambda sigma: enough(sigma, "rdp"), LOWEST, HIGHEST)
        low = max(low, high / 2)
    while high > HIGHEST or not enough(high):
        low, high = high, 1.5 * high
        if high > HIGHEST:
            raise ZaohuaError(
                f"epsilon {epsilon:g} at delta {delta:.2g} is too little for {steps:,} steps: give more of it, or take "
                "fewer steps"
            )
    return _least(enough, low, high)


def _least(enough: Callable[[float], bool], low: float, high: float) -> float:
    """Return the least number between two that is enough, to a relative `EXACT`; `high` must be."""
    while high > low * (1 + EXACT):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
