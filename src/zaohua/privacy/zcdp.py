"""Zero-concentrated differential privacy: what releases cost together, and what that means as (epsilon, delta).

A randomised method is rho-zCDP if for all neighbouring data its outcomes' Rényi divergence of every order alpha > 1 is
at most rho alpha. Costs of several methods add up, also if each is chosen by what the others found, as long as the
total is fixed before (Feldman and Zrnic, "Individual Privacy Accounting via a Rényi Filter", 2021).

Gaussian noise of variance s^2 on counts, of which a row changes one by one, costs 1 / (2 s^2). The exponential
mechanism of epsilon costs epsilon^2 / 8 (Rogers and Steinke, "A Better Privacy Analysis of the Exponential Mechanism",
2021).

Source of the conversion: Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy", 2020,
corollary 13.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from zaohua.core.errors import ZaohuaError

ROUNDING = 1e-9
"""Relative excess of a sum of costs that is rounding."""


def delta_of(rho: float, epsilon: float) -> float:
    """Return the least delta known for which every rho-zCDP method is (epsilon, delta)-private.

    It is the minimum over alpha > 1 of exp((alpha - 1)(alpha rho - epsilon)) / (alpha - 1) (1 - 1 / alpha)^alpha, where
    the derivative of its logarithm, which increases with alpha, is zero.
    """
    if rho <= 0:
        return 0.0

    def slope(alpha: float) -> float:
        return (2 * alpha - 1) * rho - epsilon + math.log1p(-1 / alpha)

    low, high = 1 + 1e-9, (epsilon + 1) / (2 * rho) + 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    alpha = high
    log_delta = (alpha - 1) * (alpha * rho - epsilon) + alpha * math.log1p(-1 / alpha) - math.log(alpha - 1)
    return math.exp(min(0.0, log_delta))


def rho_of(epsilon: float, delta: float) -> float:
    """Return the greatest rho, to 1e-12 of it, for which every rho-zCDP method is (epsilon, delta)-private."""
    return _greatest(lambda rho: delta_of(rho, epsilon) <= delta, epsilon + 1.0)


def epsilon_of(rho: float, delta: float) -> float:
    """Return the least epsilon known for which every rho-zCDP method is (epsilon, delta)-private."""
    most = rho + 2 * math.sqrt(rho * math.log(1 / delta)) + 1e-12  # by a simpler conversion, which is never below
    return most - _greatest(lambda less: delta_of(rho, most - less) <= delta, most)


def gaussian_variance(rho: float) -> float:
    """Return the variance of Gaussian noise on counts that costs rho."""
    return 1 / (2 * rho)


def exponential_epsilon(rho: float) -> float:
    """Return the epsilon of an exponential mechanism that costs rho."""
    return math.sqrt(8 * rho)


class Budget:
    """What may be spent, and what was spent on each purpose.

    Args:
        rho: the total, which is fixed before anything is released.
    """

    def __init__(self, rho: float) -> None:
        self.total, self.spent = rho, dict[str, float]()

    @property
    def left(self) -> float:
        """What may still be spent."""
        return max(0.0, self.total - sum(self.spent.values()))

    def spend(self, what: str, rho: float) -> None:
        """Count a release before it is made.

        Raises:
            ZaohuaError: it costs more than is left.
        """
        if rho > self.left + ROUNDING * self.total:
            raise ZaohuaError(f"{what} would cost {rho:.3g} of privacy, and {self.left:.3g} are left")
        self.spent[what] = self.spent.get(what, 0.0) + rho

    def shares(self) -> dict[str, float]:
        """Return the share of all that was spent that each purpose took."""
        total = sum(self.spent.values())
        return {what: rho / total for what, rho in self.spent.items()}


def _greatest(holds: Callable[[float], bool], most: float) -> float:
    """Return by bisection the greatest number from 0 to `most` for which a condition holds that small ones satisfy."""
    low, high = 0.0, most
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
