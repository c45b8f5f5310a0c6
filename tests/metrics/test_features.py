from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zaohua.core.errors import ZaohuaError
from zaohua.metrics import pairwise
from zaohua.metrics.copy_rate import copy_rate
from zaohua.metrics.features import as_vectors
from zaohua.metrics.frechet import corrected_frechet, frechet_distance
from zaohua.metrics.intervals import half_size
from zaohua.metrics.kernel import kernel_distance
from zaohua.metrics.manifold import manifold
from zaohua.metrics.pairwise import nearest, squared_distances
from zaohua.metrics.two_sample import two_sample
from zaohua.metrics.wasserstein import sliced_wasserstein

MEASURES: list[Callable[..., Any]] = [
    frechet_distance,
    corrected_frechet,
    kernel_distance,
    manifold,
    two_sample,
    sliced_wasserstein,
    lambda a, b: copy_rate(a, b, b),
    lambda a, b: half_size(frechet_distance, a, b),
]


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((30, 3)), np.zeros((30, 2)), "equally wide, not [23]"),
        (np.zeros((0, 3)), np.zeros((30, 3)), "at least"),
        (np.zeros((30, 3)), np.zeros(30), r"must be \(n, d\)"),
        (np.full((30, 3), np.inf), np.zeros((30, 3)), "not finite"),
        (np.full((30, 3), "a"), np.zeros((30, 3)), "must be numbers"),
    ],
)
def test_every_measure_refuses_what_makes_no_sense(measure: Callable[..., Any], a: Any, b: Any, message: str):
    with pytest.raises(ZaohuaError, match=message) as error:
        measure(a, b)
    assert "\n" not in str(error.value)


def test_pictures_become_vectors_in_their_own_type():
    vectors = as_vectors(np.arange(24, dtype=np.uint8).reshape(2, 3, 4), "pictures")
    assert vectors.shape == (2, 12) and vectors.dtype == np.uint8


def brute(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return ((x[:, None] - y[None]) ** 2).sum(-1)


@pytest.mark.parametrize("block", [1, 50, 1 << 20])
def test_distances_are_those_of_all_pairs_whatever_the_block(block: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pairwise, "BLOCK", block)
    monkeypatch.setattr(pairwise, "CHUNK", max(1, block // 8))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(23, 5)) + 100, rng.normal(size=(31, 5)) + 100
    x[3] = y[7]
    parts = list(squared_distances(x, y))
    np.testing.assert_array_equal(np.concatenate([np.arange(23)[rows] for rows, _ in parts]), np.arange(23))
    np.testing.assert_allclose(np.concatenate([part for _, part in parts]), brute(x, y), rtol=1e-9, atol=1e-11)
    index, distances = nearest(x, y)
    np.testing.assert_array_equal(index, brute(x, y).argmin(1))
    np.testing.assert_allclose(distances, np.sqrt(brute(x, y).min(1)), rtol=1e-14)
    assert distances[3] == 0


def test_copies_are_at_a_distance_of_exactly_zero():
    x = np.random.default_rng(0).normal(size=(200, 64)) * 1e3 + 1e4
    for rows, distances in squared_distances(x, x):
        assert (distances[np.arange(len(distances)), np.arange(200)[rows]] == 0).all()
        assert ((distances == 0).sum(1) == 1).all()


def test_bytes_do_not_overflow():
    index, distances = nearest(np.array([[0], [255]], np.uint8), np.array([[250], [9]], np.uint8))
    assert index.tolist() == [1, 0] and distances.tolist() == [9, 5]
