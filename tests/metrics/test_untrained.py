from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.extractor_base import Extractor
from zaohua.metrics.frechet import frechet_distance
from zaohua.metrics.untrained import Pca, RandomConvolutions

DIGITS = (load_digits().images * 255 / 16).astype(np.uint8)
BOTH = pytest.mark.parametrize("make", [RandomConvolutions, Pca])
Make = Callable[..., Any]


@BOTH
def test_features_do_not_depend_on_batch_or_order(make: Make):
    extractor: Extractor = make(DIGITS)
    together = extractor.features(DIGITS[:300])
    assert together.shape == (300, 64) and together.dtype == np.float64
    np.testing.assert_allclose(extractor.features(DIGITS[:7]), together[:7], atol=1e-4)
    np.testing.assert_allclose(extractor.features(DIGITS[:300][::-1]), together[::-1], atol=1e-4)
    np.testing.assert_allclose(extractor.features(DIGITS[:7] / 255), together[:7], atol=1e-4)


@BOTH
def test_same_pictures_and_seed_same_extractor_and_no_trace_in_the_global_state(make: Make):
    before = torch.get_rng_state()
    first, second, other = make(DIGITS), make(DIGITS), make(DIGITS[:900], random_state=1)
    assert first.hash == second.hash != other.hash and len(first.hash) == 8
    assert torch.equal(before, torch.get_rng_state())


@BOTH
def test_distances_grow_with_noise_and_blank_pictures_are_far(make: Make):
    extractor, rng = make(DIGITS[:900]), np.random.default_rng(0)
    real, rest = extractor.features(DIGITS[900:]), DIGITS[:897]
    noisy = [np.clip(rest + s * rng.normal(size=rest.shape), 0, 255).astype(np.uint8) for s in (0, 20, 60)]
    distances = [frechet_distance(extractor.features(x), real) for x in [*noisy, np.zeros_like(rest)]]
    assert distances == sorted(distances) and distances[-1] > 3 * distances[0]


def test_random_features_are_standardised():
    features = RandomConvolutions(DIGITS).features(DIGITS)
    np.testing.assert_allclose(features.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(features.std(0), 1, atol=1e-4)


def test_pca_keeps_what_scikit_learn_keeps():
    pixels = DIGITS.reshape(len(DIGITS), -1) / 255 * 2 - 1
    features = Pca(DIGITS).features(DIGITS)
    expected = PCA(64, svd_solver="full").fit(pixels).transform(pixels)
    np.testing.assert_allclose(abs(features[:, :20]), abs(expected[:, :20]), atol=1e-4)
    np.testing.assert_allclose((features**2).sum(), (expected**2).sum(), rtol=1e-6)


@BOTH
def test_few_small_pictures_of_colour(make: Make):
    images = np.random.default_rng(0).integers(0, 256, (9, 5, 6, 3)).astype(np.uint8)
    assert make(images).features(images).shape == (9, 9 if make is Pca else 64)
    with pytest.raises(ZaohuaError, match="images are 8 x 8 with 1 channel, but"):
        make(images).features(DIGITS)
