"""Sums of privacy costs and what they mean, against closed forms and values of the package dp-accounting."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from zaohua.core.errors import ZaohuaError
from zaohua.privacy.zcdp import Budget, delta_of, epsilon_of, exponential_epsilon, gaussian_variance, rho_of


@pytest.mark.parametrize(
    "deviation, times, delta, epsilon",
    [
        (10.0, 50, 1e-6, 3.5422917),
        (1.0, 1, 1e-5, 4.7283870),
        (40.0, 60, 1e-6, 0.8694159),
        (5.0, 3, 1e-9, 2.0716375),
    ],
)
def test_sums_of_gaussian_noise_cost_what_dp_accounting_says(
    deviation: float, times: int, delta: float, epsilon: float
) -> None:
    """The values are of its RdpAccountant (0.6, 60,000 orders), whose conversion is the same."""
    rho = times / (2 * deviation**2)
    assert epsilon_of(rho, delta) == pytest.approx(epsilon, rel=1e-5)
    assert delta_of(rho, epsilon) == pytest.approx(delta, rel=1e-3)


@pytest.mark.parametrize("rho, epsilon", [(0.0181, 1.0), (1.2, 10.0), (0.0017, 0.3), (0.5, 0.1)])
def test_delta_is_the_minimum_over_orders_and_above_the_exact_one_of_a_gaussian(rho: float, epsilon: float) -> None:
    alpha = 1 + np.exp(np.linspace(-9, 9, 400_001))
    log_delta = (alpha - 1) * (alpha * rho - epsilon) + alpha * np.log1p(-1 / alpha) - np.log(alpha - 1)
    assert delta_of(rho, epsilon) == pytest.approx(min(1.0, math.exp(log_delta.min())), rel=1e-6)
    mu = math.sqrt(2 * rho)  # Balle and Wang, "Improving the Gaussian Mechanism", 2018
    exact = norm.cdf(mu / 2 - epsilon / mu) - math.exp(epsilon) * norm.cdf(-mu / 2 - epsilon / mu)
    assert exact < delta_of(rho, epsilon) <= math.exp(-((epsilon - rho) ** 2) / (4 * rho))


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("delta", [1e-9, 1e-5])
def test_conversions_are_inverses(epsilon: float, delta: float) -> None:
    rho = rho_of(epsilon, delta)
    assert delta_of(rho, epsilon) <= delta
    assert delta_of(rho * 1.001, epsilon) > delta
    assert epsilon_of(rho, delta) == pytest.approx(epsilon, rel=1e-6)


def test_noise_and_choices_cost_what_their_definitions_say() -> None:
    assert gaussian_variance(1 / (2 * 40.0**2)) == pytest.approx(1600)
    assert exponential_epsilon(0.1**2 / 8) == pytest.approx(0.1)


def test_a_budget_is_not_overspent() -> None:
    budget = Budget(1.0)
    for _ in range(10):
        budget.spend("pairs", 0.075)
    budget.spend("bins", 0.25)
    assert budget.left == pytest.approx(0)
    assert budget.shares() == pytest.approx({"pairs": 0.75, "bins": 0.25})
    with pytest.raises(ZaohuaError, match="more would cost 0.01 of privacy"):
        budget.spend("more", 0.01)
