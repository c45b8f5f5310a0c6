from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import bootstrap

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.frechet import frechet_distance
from zaohua.metrics.intervals import Interval, half_size, mean_interval, paired, paired_half_size
from zaohua.metrics.kernel import kernel_distance

COVERED = (0.9, 0.98)


def share(intervals: list[Interval], truth: float) -> float:
    return float(np.mean([one.low <= truth <= one.high for one in intervals]))


@pytest.mark.parametrize("statistic", [frechet_distance, kernel_distance])
@pytest.mark.parametrize(("shift", "scale"), [(0, 1), (0.2, 1), (0.5, 1.2)])
def test_intervals_of_distances_hold_their_expectation(statistic, shift: float, scale: float):
    """Equal distributions, nearly equal and different ones: what varies is quadratic, both, and linear."""

    def sets(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        return scale * rng.normal(size=(100, 4)) + shift, rng.normal(size=(100, 4))

    found = [half_size(statistic, *sets(np.random.default_rng(i)), draws=30, random_state=i) for i in range(200)]
    rng = np.random.default_rng(10**6)
    truth = float(np.mean([statistic(*sets(rng)) for _ in range(1000)]))
    assert COVERED[0] <= share(found, truth) <= COVERED[1]


@pytest.mark.parametrize("scale", [1, 1.2])
def test_intervals_of_differences_hold_zero_for_equal_models(scale: float):
    found = []
    for i in range(200):
        a1, a2, b = np.random.default_rng(i).normal(size=(3, 100, 8))
        found.append(paired_half_size(frechet_distance, scale * a1, scale * a2, b, draws=30, random_state=i))
    assert COVERED[0] <= share(found, 0) <= COVERED[1]
    assert np.mean([one.excludes_zero for one in found]) == pytest.approx(1 - share(found, 0))


def test_the_better_model_is_called_the_winner():
    a1, a2, b = np.random.default_rng(0).normal(size=(3, 500, 6))
    found = paired_half_size(frechet_distance, a1, 1.3 * a2, b)
    assert found.excludes_zero and found.high < 0
    assert found.value == pytest.approx(frechet_distance(a1, b) - frechet_distance(1.3 * a2, b))
    again = paired_half_size(frechet_distance, 1.3 * a2, a1, b)
    assert again.excludes_zero and again.low > 0


def test_a_mean_has_the_interval_of_the_textbook():
    """For a statistic that is linear: |mean of a - mean of b| far from 0, variance 2 / n."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(400, 1)) + 1, rng.normal(size=(401, 1))

    def distance(x: np.ndarray, y: np.ndarray) -> float:
        return float(x.mean() - y.mean())

    found = half_size(distance, a, b, draws=2000)
    expected = 1.96 * np.sqrt(a.var() / 400 + b.var() / 401)
    assert (found.high - found.low) / 2 == pytest.approx(expected, rel=0.06)
    assert found.value == pytest.approx(distance(a, b))


def test_same_seed_same_interval():
    a, b = np.random.default_rng(2).normal(size=(2, 60, 3))
    first, second, other = (half_size(frechet_distance, a, b, 10, random_state=seed) for seed in (0, 0, 1))
    assert first == second != other and first.value == other.value == frechet_distance(a, b)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_of_seeds_holds_the_mean_of_few(n: int):
    rng = np.random.default_rng(n)
    found = [mean_interval(rng.normal(5, 2, size=n)) for _ in range(2000)]
    assert share(found, 5) == pytest.approx(0.95, abs=0.02)  # four standard errors


def test_of_seeds_by_hand():
    """t of 2 degrees of freedom is 4.3027."""
    found = mean_interval([1, 2, 3])
    assert (found.value, found.low, found.high) == pytest.approx(
        (2, 2 - 4.30265 / 3**0.5, 2 + 4.30265 / 3**0.5), abs=1e-4
    )
    assert not found.excludes_zero and mean_interval([1, 1.1]).excludes_zero


def likelihoods(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Of items of N(0, 1) under the truth and under N(0.5, 1.5^2), whose KL is log 1.5 + (1 + .25) / 4.5 - 1/2."""
    x = rng.normal(size=n)
    return -(x**2) / 2, -(((x - 0.5) / 1.5) ** 2) / 2 - np.log(1.5)


def test_paired_differences_of_likelihoods_hold_the_divergence():
    rng = np.random.default_rng(3)
    found = [paired(*likelihoods(rng, 300)) for _ in range(300)]
    assert COVERED[0] <= share(found, np.log(1.5) + 1.25 / 4.5 - 0.5) <= COVERED[1]
    assert all(one.excludes_zero for one in found)


def test_paired_is_what_a_bootstrap_gives():
    a, b = likelihoods(np.random.default_rng(4), 1000)
    found = paired(a, b)
    theirs = bootstrap((a - b,), np.mean, n_resamples=4000, method="percentile", rng=0).confidence_interval
    width = found.high - found.low
    assert found.low == pytest.approx(theirs.low, abs=0.06 * width)
    assert found.high == pytest.approx(theirs.high, abs=0.06 * width)


def test_refuses_what_makes_no_sense():
    a = np.zeros((10, 2))
    with pytest.raises(ZaohuaError, match="draws is 1"):
        half_size(frechet_distance, a, a, draws=1)
    with pytest.raises(ZaohuaError, match="at least 4 items"):
        half_size(frechet_distance, a[:3], a)
    with pytest.raises(ZaohuaError, match="at least two finite"):
        mean_interval([1.0])
    with pytest.raises(ZaohuaError, match="values of the same items"):
        paired([1, 2, 3], [1, 2])
