from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.stats import binom

from zaohua.metrics.copy_rate import copy_rate

Draw = Callable[[np.random.Generator, int], np.ndarray]


def gauss(rng: np.random.Generator, n: int, d: int = 8) -> np.ndarray:
    return rng.normal(size=(n, d))


def lattice(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.integers(0, 12, (n, 2)).astype(float)


def sets(seed: int, n: int = 1000, draw: Draw = gauss) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [draw(rng, n), draw(rng, 2000), draw(rng, 1000)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [1000, 3000])
def test_two_per_cent_of_copies_are_found(n: int, seed: int):
    samples, train, test = sets(seed, n)
    rows = np.random.default_rng(seed).permutation(n)[: n // 50]
    samples[rows] = train[100 : 100 + n // 50]
    found = copy_rate(samples, train, test)
    assert found.p < 1e-3 and found.exact == n // 50 and found.exact_expected == 0
    assert set(rows) <= set(found.suspects) and found.rate == len(found.suspects) / n >= 0.02
    assert found.nearest[rows].tolist() == list(range(100, 100 + n // 50))
    assert (found.distances[rows] == 0).all() and (np.diff(found.distances[found.suspects]) >= 0).all()


def test_near_copies_are_found_too():
    samples, train, test = sets(3, 2000)
    samples[:80] = train[:80] + 0.05 * samples[:80]
    found = copy_rate(samples, train, test)
    assert found.p < 1e-3 and found.exact == 0 and set(range(80)) <= set(found.suspects)


def test_neighbours_are_those_of_a_tree():
    samples, train, test = sets(4)
    found = copy_rate(samples, train, test)
    distances, index = cKDTree(train).query(samples)
    np.testing.assert_array_equal(found.nearest, index)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-12)
    usual = np.sort(cKDTree(train).query(test)[0])
    assert found.threshold == pytest.approx(usual[9]) and found.expected == pytest.approx(10 / 1001)
    assert found.rate == (distances < usual[9]).mean()


@pytest.mark.parametrize("draw", [gauss, lambda rng, n: gauss(rng, n, 2), lattice])
def test_honest_samples_are_not_accused(draw: Draw):
    """p <= a with a probability of at most a, for continuous items and for those of which many are equal.

    Allowed is the number of accusations that would be exceeded once in a thousand at exactly that probability.
    """
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        found.append(copy_rate(draw(rng, 200), draw(rng, 400), draw(rng, 150), random_state=seed).p)
    for level in (0.01, 0.05, 0.2):
        assert sum(p <= level for p in found) <= binom.ppf(0.999, 200, level)


def test_too_many_simple_items_are_no_copies():
    """A class whose items are all near to one another, and that a model makes nothing but, would look copied."""
    rng = np.random.default_rng(0)

    def real(n: int) -> np.ndarray:
        return np.concatenate([0.1 * rng.normal(size=(n // 10, 6)), 10 + rng.normal(size=(n - n // 10, 6))])

    train, test = real(3000), real(2000)
    found = copy_rate(0.1 * rng.normal(size=(1000, 6)), train, test)
    assert found.rate > 0.05 and found.p > 0.05
    assert copy_rate(train[:300] + 1e-3 * rng.normal(size=(300, 6)), train, test).p < 1e-6  # but copies of it are


def test_smoother_than_real_is_not_copied():
    samples, train, test = sets(5)
    assert copy_rate(0.8 * samples, train, test).p > 0.01


def test_where_real_items_repeat_themselves_copies_are_found_all_the_same():
    """Half of the test items stand in the training set, so no distance is below the threshold, which is 0."""
    samples, train, test = sets(6)
    test[:500] = train[:500]
    honest = samples.copy()
    honest[:500] = train[1000:1500]
    assert copy_rate(honest, train, test).threshold == 0
    assert copy_rate(honest, train, test).p > 0.05
    assert copy_rate(train[:1000], train, test).p < 1e-6


def test_pictures_of_bytes_and_copies_up_to_rounding():
    rng = np.random.default_rng(7)
    train, test, samples = (rng.integers(0, 256, (n, 6, 6), dtype=np.uint8) for n in (500, 300, 200))
    samples[:5] = train[:5]
    whole, scaled = copy_rate(samples, train, test), copy_rate(samples / np.float32(255), train / 255, test / 255)
    assert whole.exact == scaled.exact == 5
    np.testing.assert_array_equal(whole.nearest, scaled.nearest)
    np.testing.assert_allclose(whole.distances, 255 * scaled.distances, rtol=1e-5, atol=1e-3)
    assert whole.distances[-1] == pytest.approx(
        np.sqrt(((train.astype(float) - samples[-1]) ** 2).sum((1, 2)).min()), rel=1e-12
    )
