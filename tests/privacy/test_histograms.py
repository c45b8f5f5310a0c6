"""Private histograms: finer where there are many, consistent, and silent on single rows."""

from __future__ import annotations

import random

import numpy as np
import pytest

from zaohua.privacy.histograms import frequent, levels, magnitude_bounds, on_simplex, refined


def test_cells_are_fine_where_numbers_are_many() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([np.zeros(9000, int), rng.integers(1, 100_000, 1000)])
    costs: list[float] = []
    found = refined(x, 100_000, 1e-3, costs.append, random.Random(0))
    assert found.edges[:2].tolist() == [0, 1] and found.edges[-1] == 100_000
    assert found.counts[0] == pytest.approx(9000, abs=100)
    assert len(found.counts) < 60 and np.diff(found.edges).max() > 1000
    assert found.counts.sum() == pytest.approx(found.total) == pytest.approx(10_000, abs=100)
    assert (found.counts >= 0).all()
    assert set(costs) == {1e-3} and len(costs) <= levels(100_000)


def test_counts_of_parts_are_made_to_agree_and_better() -> None:
    """The error of a half's count is less than that of its own measurement alone, whose variance is 500."""
    x = np.repeat(np.arange(16), 400)
    halves = [
        refined(x, 16, 1e-3, lambda cost: None, random.Random(seed)).counts[:8].sum() - 3200 for seed in range(60)
    ]
    assert np.mean(np.square(halves)) < 0.8 * 8 * 500 / 4


def test_bounds_of_numbers_are_powers_of_two_that_hold_nearly_all() -> None:
    rng = random.Random(0)
    x = np.random.default_rng(0).uniform(18, 90, 3000)
    assert magnitude_bounds(np.append(x, 1e9), 1e-2, rng) == (16.0, 128.0)  # a single number says nothing
    assert magnitude_bounds(np.append(-x, np.zeros(500)), 1e-2, rng) == (-128.0, 0.0)
    assert magnitude_bounds(x[:3], 1e-2, rng) is None


def test_only_frequent_values_are_told() -> None:
    values = ["a"] * 500 + ["c"] * 400 + [None] * 300 + [f"only {i}" for i in range(500)]
    random.Random(0).shuffle(values)
    for seed in range(5):
        assert frequent(values, 1e-2, 1e-6, random.Random(seed)) == [None, "a", "c"]


def test_counts_are_brought_to_their_total_by_the_least_change() -> None:
    np.testing.assert_allclose(on_simplex(np.array([5.0, -3.0, 2.0]), 6.0), [4.5, 0.0, 1.5])
