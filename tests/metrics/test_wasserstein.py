from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.wasserstein import _squares, sliced_wasserstein


def draws(seed: int, n: int = 400, d: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def by_sorting(a: np.ndarray, b: np.ndarray) -> float:
    """W_2^2 on a line: every item as often as makes both sets equally large, both sorted."""
    size = math.lcm(len(a), len(b))
    return float(((np.sort(a.repeat(size // len(a))) - np.sort(b.repeat(size // len(b)))) ** 2).mean())


@pytest.mark.parametrize(("n", "m"), [(40, 40), (40, 30), (7, 11), (5, 100)])
def test_on_lines_it_is_what_sorting_gives(n: int, m: int):
    a, b = draws(0, n, 3), draws(1, m, 3) + 0.4
    np.testing.assert_allclose(_squares(a, b), [by_sorting(a[:, i], b[:, i]) for i in range(3)], rtol=1e-12)


def test_one_dimension_and_one_far_item_against_scipy():
    """Where all of one set lies left of the other, and is moved equally far, W_2 is scipy's W_1."""
    a = draws(2, 50, 1)
    found = sliced_wasserstein(a, a + 3)
    assert found.distance == pytest.approx(wasserstein_distance(a[:, 0], a[:, 0] + 3)) == pytest.approx(3)
    assert found.error == pytest.approx(0, abs=1e-9)


def test_of_a_set_and_itself_shifted_is_the_analytic_value():
    a, v = draws(3), np.array([1.0, 2, 0, -1, 3, 0.5])
    found = sliced_wasserstein(a, a + v, projections=4000)
    assert abs(found.distance - np.linalg.norm(v) / np.sqrt(6)) < 4 * found.error
    assert 0 < found.error < 0.02


def test_the_standard_error_is_the_scatter_of_seeds():
    a, b = draws(4), 1.5 * draws(5) + np.arange(6) / 3
    found = [sliced_wasserstein(a, b, 100, random_state=seed) for seed in range(100)]
    assert np.std([one.distance for one in found]) == pytest.approx(np.mean([one.error for one in found]), rel=0.3)


def test_of_scaled_gaussians_is_the_difference_of_deviations():
    assert sliced_wasserstein(2 * draws(6, 20_000), draws(7, 15_000)).distance == pytest.approx(1, rel=0.03)


def test_same_seed_same_value_any_order_and_grows_with_noise():
    a, b = draws(8), draws(9, 300)
    assert sliced_wasserstein(a, b) == sliced_wasserstein(a, b) != sliced_wasserstein(a, b, random_state=1)
    assert sliced_wasserstein(a[::-1], b).distance == pytest.approx(sliced_wasserstein(b, a).distance, rel=1e-12)
    assert sliced_wasserstein(a, a).distance == 0
    noisy = [sliced_wasserstein(a + s * draws(10), b).distance for s in (0, 1, 2)]
    assert noisy == sorted(noisy)


def test_refuses_too_few_directions():
    with pytest.raises(ZaohuaError, match="at least 2"):
        sliced_wasserstein(draws(0), draws(1), projections=1)
