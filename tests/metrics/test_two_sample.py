from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.two_sample import two_sample


def draws(seed: int, n: int = 600, d: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def test_one_distribution_cannot_be_told_apart():
    found = two_sample(draws(0, 2000), draws(1, 2000))
    assert found.held_out == 2000
    assert abs(found.accuracy - 0.5) < 0.04 and abs(found.auc - 0.5) < 0.05 and found.p > 0.01


def test_p_is_small_no_more_often_than_it_says():
    """40 pairs of one distribution: p <= 0.1 in 4 of them on average, in more than 9 with a probability of 0.5 %."""
    found = [two_sample(draws(2 * i, 60, 3), draws(2 * i + 1, 60, 3), random_state=i) for i in range(40)]
    assert sum(one.p <= 0.1 for one in found) <= 9
    assert 0.45 < np.mean([one.accuracy for one in found]) < 0.55


def test_p_is_the_probability_of_so_many_right_answers():
    found = two_sample(draws(2), draws(3) + 0.1)
    right = round(found.accuracy * found.held_out)
    assert found.p == pytest.approx(sum(binom.pmf(range(right, found.held_out + 1), found.held_out, 0.5)), rel=1e-9)


ROTATED = np.linalg.cholesky(np.full((6, 6), 0.7) + 0.3 * np.eye(6)).T


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (draws(4) + 3, draws(5)),
        (draws(4) / 3, draws(5)),
        (draws(4) @ ROTATED, draws(5)),  # the same along every axis: trees alone hardly see it
        (np.sign(draws(4)) + 0.01 * draws(6), draws(5)),  # the same mean and covariance: Gaussians don't
    ],
)
def test_what_differs_is_told_apart(a: np.ndarray, b: np.ndarray):
    found = two_sample(a, b)
    assert found.accuracy > 0.8 and found.auc > 0.9 and found.p < 1e-9


def test_unequal_numbers_leave_chance_at_one_half():
    found = two_sample(draws(7, 200), draws(8, 3000))
    assert found.held_out == 200 and abs(found.accuracy - 0.5) < 0.12


def test_same_seed_same_answer_and_constant_features_are_no_trouble():
    a, b = draws(9, 100), draws(10, 100)
    a[:, 0] = b[:, 0] = 2
    assert two_sample(a, b) == two_sample(a, b) != two_sample(a, b, random_state=1)


def test_refuses_too_few_items():
    with pytest.raises(ZaohuaError, match="at least 20 items"):
        two_sample(draws(0, 19), draws(1))
