"""The copy test: copies are found, and nothing else is accused, be it blurred, simple or few."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.stats import binom

from zaohua.metrics.copy_rate import ACCUSED, CopyRate, copy_rate

Draw = Callable[[np.random.Generator, int], np.ndarray]


def gauss(rng: np.random.Generator, n: int, d: int = 8) -> np.ndarray:
    return rng.normal(size=(n, d))


def lattice(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.integers(0, 12, (n, 2)).astype(float)


def fields(rng: np.random.Generator, n: int, texture: float = 40) -> np.ndarray:
    """Pictures of a smooth field of three numbers and a texture of their own, 8 x 8."""
    y, x = np.mgrid[-1:1:8j, -1:1:8j]
    level, slopes = rng.normal(size=(n, 1, 1)) * 40 + 128, rng.normal(size=(n, 2, 1)) * 30
    return np.clip(level + slopes[:, :1] * y + slopes[:, 1:] * x + rng.normal(size=(n, 8, 8)) * texture, 0, 255)


def smooth(rng: np.random.Generator, n: int) -> np.ndarray:
    return fields(rng, n, 0)


def fitted(rng: np.random.Generator, train: np.ndarray, n: int, components: int) -> np.ndarray:
    """Samples of a Gaussian of the first principal components of the training items: an honest, blurred model."""
    x = train.reshape(len(train), -1)
    _, spread, axes = np.linalg.svd(x - x.mean(0), full_matrices=False)
    z = rng.normal(size=(n, components)) * spread[:components] / len(x) ** 0.5
    return (x.mean(0) + z @ axes[:components]).reshape(n, *train.shape[1:])


def sets(seed: int, n: int = 1000, draw: Draw = gauss) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [draw(rng, n), draw(rng, 2000), draw(rng, 1000)]


def accused(found: list[CopyRate]) -> int:
    return sum(one.p < ACCUSED for one in found)


# ---- copies


@pytest.mark.parametrize("draw", [gauss, fields, smooth])
@pytest.mark.parametrize("sizes", [(1000, 2000, 1000), (1000, 4000, 1000), (300, 2000, 400)])
def test_two_per_cent_of_copies_are_found(sizes: tuple[int, int, int], draw: Draw):
    """Of 1,000 samples 20 are copies, of 300 samples 6; the other samples of textured pictures have no texture."""
    rng = np.random.default_rng(sum(sizes))
    n, k, m = sizes
    samples, train, test = (smooth if draw is fields else draw)(rng, n), draw(rng, k), draw(rng, m)
    rows = rng.permutation(n)[: n // 50]
    samples[rows] = train[100 : 100 + n // 50]
    found = copy_rate(samples, train, test)
    assert found.p < ACCUSED and found.exact == n // 50
    assert set(rows) == set(found.suspects[: n // 50])  # the nearest first
    assert found.nearest[rows].tolist() == list(range(100, 100 + n // 50)) and (found.distances[rows] == 0).all()


def test_near_copies_are_found_too():
    samples, train, test = sets(3, 2000)
    samples[:80] = train[:80] + 0.05 * samples[:80]
    found = copy_rate(samples, train, test)
    assert found.p < ACCUSED and found.exact == 0 and set(range(80)) <= set(found.suspects)
    assert found.rate - found.expected == pytest.approx(0.04, abs=0.01)


def test_where_real_items_repeat_themselves_copies_are_found_all_the_same():
    """All items are drawn from 3,000, so new ones often equal training items; those of a copying model always do."""
    rng = np.random.default_rng(0)
    pool = gauss(rng, 3000)
    train, test, new = (pool[rng.integers(0, 3000, n)] for n in (1000, 1000, 1000))
    assert copy_rate(new, train, test).p > 0.05
    assert copy_rate(train[rng.integers(0, 1000, 1000)], train, test).p < 1e-6


# ---- no copies


@pytest.mark.parametrize(
    ("samples", "train", "sizes"),
    [
        (smooth, fields, (150, 600, 120)),  # new pictures without texture, as a blurred model makes them
        (fields, fields, (150, 600, 120)),
        (smooth, smooth, (300, 300, 300)),
        (smooth, smooth, (200, 400, 100)),
        (lambda rng, n: np.rint(smooth(rng, n)), lambda rng, n: np.rint(smooth(rng, n)), (200, 200, 100)),
    ],
)
def test_honest_samples_are_accused_in_at_most_1_of_100(samples: Draw, train: Draw, sizes: tuple[int, int, int]):
    found = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        found.append(copy_rate(samples(rng, sizes[0]), train(rng, sizes[1]), train(rng, sizes[2]), random_state=seed))
    assert accused(found) <= 1
    assert np.mean([one.rate - one.expected for one in found]) < 0.01


@pytest.mark.parametrize("sizes", [(20, 20, 20), (100, 40, 20), (200, 40, 40), (40, 360, 40)])
@pytest.mark.parametrize(("draw", "components"), [(fields, 5), (fields, 19), (smooth, 3)])
def test_models_fitted_to_small_sets_are_accused_in_at_most_1_of_100(
    draw: Draw, components: int, sizes: tuple[int, int, int]
):
    """They are nearer to the training items than to others, as all that was fitted to few, but copy none."""
    found = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        train, test = draw(rng, sizes[1]), draw(rng, sizes[2])
        found.append(copy_rate(fitted(rng, train, sizes[0], components), train, test, random_state=seed))
    assert accused(found) <= 1


@pytest.mark.parametrize("draw", [gauss, lambda rng, n: gauss(rng, n, 2), lattice])
def test_p_is_a_p_value(draw: Draw):
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
    assert copy_rate(0.1 * rng.normal(size=(1000, 6)), train, test).p > 0.05
    assert copy_rate(train[:300] + 1e-3 * rng.normal(size=(300, 6)), train, test).p < 1e-6  # but copies of it are


def test_a_collapsed_model_counts_once():
    """1,000 samples alike hit the same training item: that is one coincidence, not 1,000."""
    _, train, test = sets(8, draw=lambda rng, n: gauss(rng, n, 2))
    samples = train[:1] + 1e-3 * np.random.default_rng(0).normal(size=(1000, 2))
    assert copy_rate(samples, train, test).p > ACCUSED


def test_smoother_than_real_is_not_copied():
    samples, train, test = sets(5)
    assert copy_rate(0.8 * samples, train, test).p > 0.01


# ---- the numbers


def test_neighbours_are_those_of_a_tree_and_hits_follow_the_rule():
    samples, train, test = sets(4)
    train = train[:1000]  # one part of as many items as are held out
    found = copy_rate(samples, train, test)
    distances, index = cKDTree(train).query(samples)
    np.testing.assert_array_equal(found.nearest, index)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-12)
    held_out = cKDTree(test).query(samples)[0]
    np.testing.assert_allclose(found.held_out, held_out, rtol=1e-12)
    assert set(found.suspects) == set(np.flatnonzero(distances <= held_out / 2))
    assert found.rate == (distances <= held_out / 2).mean()
    assert found.expected == pytest.approx((held_out <= distances / 2).mean())


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
