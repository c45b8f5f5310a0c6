from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from zaohua.errors import ZaohuaError
from zaohua.metrics.extractor import WIDTH, Classifier


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    data = load_digits()
    return (data.images * 255 / 16).astype(np.uint8), data.target


@pytest.fixture(scope="module")
def classifier(digits: tuple[np.ndarray, np.ndarray]) -> Classifier:
    images, labels = digits
    return Classifier.train(images[:1400], labels[:1400])


def test_recognises_held_out_digits(classifier: Classifier, digits: tuple[np.ndarray, np.ndarray]):
    images, labels = digits
    assert classifier.accuracy(images[1400:], labels[1400:]) > 0.93


def test_features_do_not_depend_on_batch_or_order(classifier: Classifier, digits: tuple[np.ndarray, np.ndarray]):
    images = digits[0][:300]
    together = classifier.features(images)
    assert together.shape == (300, WIDTH) and together.dtype == np.float64
    np.testing.assert_allclose(classifier.features(images[:7]), together[:7], atol=1e-5)
    np.testing.assert_allclose(classifier.features(images[::-1]), together[::-1], atol=1e-5)


def test_same_seed_same_extractor_and_no_trace_in_the_global_state(digits: tuple[np.ndarray, np.ndarray]):
    images, labels = digits[0][:200], digits[1][:200]
    before = torch.get_rng_state()
    first, second = (Classifier.train(images, labels, min_items=400).hash for _ in range(2))
    other = Classifier.train(images, labels, min_items=400, random_state=1).hash
    assert first == second != other
    assert torch.equal(before, torch.get_rng_state())


def test_colour_names_and_sizes_that_are_not_square():
    images = np.random.default_rng(0).integers(0, 256, (40, 20, 28, 3)).astype(np.uint8)
    labels = ["boot", "bag"] * 20
    classifier = Classifier.train(images, labels, min_items=40)
    assert set(classifier.predict(images)) <= {"boot", "bag"}
    with pytest.raises(ZaohuaError, match="did you mean 'boot'"):
        classifier.accuracy(images, ["boots"] * 40)


def test_refuses_what_is_no_picture(classifier: Classifier):
    with pytest.raises(ZaohuaError, match="pictures must be"):
        classifier.features(np.zeros((3, 4)))
