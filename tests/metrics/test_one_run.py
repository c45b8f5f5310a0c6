"""Lower bounds of epsilon by canaries: below the true epsilon of known mechanisms, and near it with many canaries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binom, norm

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.one_run import bound_of, epsilon_bound, p_value


def coins(seed: int, m: int) -> np.ndarray:
    return np.random.default_rng([seed, m]).random(m) < 0.5


def randomised_response(seed: int, m: int, epsilon: float) -> float:
    """The bound by answers that are true with the largest probability that epsilon allows."""
    included = coins(seed, m)
    true = np.random.default_rng(seed).random(m) < 1 / (1 + math.exp(-epsilon))
    return epsilon_bound(np.where(true, included, ~included), included).epsilon


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 3.0])
def test_randomised_response_is_bounded_below_its_epsilon_and_near_it(epsilon: float):
    found = np.array([randomised_response(seed, 4000, epsilon) for seed in range(20)])
    assert (found > epsilon).sum() <= 3  # of 20 one is expected at most
    assert found.mean() > 0.8 * epsilon
    assert np.mean([randomised_response(seed, 200, epsilon) for seed in range(20)]) < found.mean()


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_a_gaussian_mechanism_is_bounded_below_its_epsilon(sigma: float):
    delta, m = 1e-5, 1000

    def missing(epsilon: float) -> float:
        """The delta that goes with an epsilon (Balle and Wang 2018), less the one that is wanted."""
        a, b = 0.5 / sigma, epsilon * sigma
        return float(norm.cdf(a - b) - math.exp(epsilon) * norm.cdf(-a - b)) - delta

    epsilon = brentq(missing, 0, 60)
    noise = np.random.default_rng(0).normal(0, sigma, (10, m))
    found = [epsilon_bound(coins(seed, m) + noise[seed], coins(seed, m), delta).epsilon for seed in range(10)]
    assert 0.2 * epsilon < np.mean(found) < epsilon and max(found) < epsilon


def test_scores_without_the_coins_bound_nothing():
    rng = np.random.default_rng(0)
    assert np.mean([epsilon_bound(rng.random(500), coins(seed, 500)).epsilon > 0 for seed in range(40)]) <= 0.1


def test_abstaining_helps_where_few_canaries_are_certain():
    included = coins(0, 1000)
    scores = np.random.default_rng(0).random(1000)
    scores[:100] = np.where(included[:100], 2, -2)
    found = epsilon_bound(scores, included)
    assert found.guesses < 200 and found.right >= 0.9 * found.guesses
    right = int((included == (scores > 0.5)).sum())
    assert found.epsilon > 2 > bound_of(1000, 1000, right)


def test_the_p_value_is_that_of_the_theorem():
    q, v = 1 / (1 + math.exp(-1.2)), 70
    plain = binom.sf(v - 1, 80, q)
    assert p_value(300, 80, v, 1.2) == pytest.approx(plain)
    worst = max((binom.cdf(v - 1, 80, q) - binom.cdf(v - i - 1, 80, q)) / i for i in range(1, v + 1))
    assert p_value(300, 80, v, 1.2, 1e-4) == pytest.approx(plain + 2 * 300 * 1e-4 * worst)
    assert bound_of(300, 80, 80, 1e-3) < bound_of(300, 80, 80, 0) and bound_of(300, 80, 40) == 0
    with pytest.raises(ZaohuaError):
        p_value(10, 11, 3, 1.0)
    with pytest.raises(ZaohuaError):
        epsilon_bound([1.0, 2.0], [True])
