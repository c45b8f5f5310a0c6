"""Retrieval: which condition fits an item, and which item a condition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import zaohua as zh
from zaohua.core.errors import ZaohuaError

FIELDS = {
    "max_steps": 150,
    "batch_size": 32,
    "warmup_steps": 5,
    "learning_rate": 1e-2,
    "random_state": 0,
    "device": "cpu",
}
CAPTIONS = ["a dark square", "a light square", "left is dark", "left is light"]


def pictures(n: int, seed: int) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Black and white pictures of 4 x 4 pixels that are as their captions say but for noise, and which these are."""
    rng = np.random.default_rng(seed)
    which = rng.integers(0, 4, n)
    shapes = np.array([np.zeros((4, 4)), np.ones((4, 4)), np.tile([0, 0, 1, 1], (4, 1)), np.tile([1, 1, 0, 0], (4, 1))])
    images = ((shapes[which] > 0) ^ (rng.random((n, 4, 4)) < 0.1)).astype(np.uint8) * 255
    return images, [CAPTIONS[i] for i in which], which


@pytest.fixture(scope="module")
def painter() -> zh.MADE:
    """A model of pictures given their captions."""
    images, captions, _ = pictures(256, 0)
    return zh.MADE(**{**zh.MADE.tiny, **FIELDS}, y_codec="texts").fit(images, captions)


@pytest.fixture(scope="module")
def captioner() -> zh.GPT:
    """A model of captions given pictures."""
    images, captions, _ = pictures(256, 0)
    return zh.GPT(**{**zh.GPT.tiny, **FIELDS, "width": 32}).fit(captions, images)


def test_the_caption_of_a_picture(painter: zh.MADE):
    images, captions, which = pictures(24, 1)
    found = zh.retrieve(painter, images, CAPTIONS)
    assert found.score_kind == "exact" and found.log_likelihoods.shape == found.probabilities.shape == (24, 4)
    assert (found.best == which).mean() >= 0.9
    np.testing.assert_allclose(
        found.log_likelihoods[np.arange(24), which], painter.score_samples(images, captions), rtol=1e-5
    )
    np.testing.assert_allclose(found.probabilities, stats_softmax(found.log_likelihoods))
    one = zh.retrieve(painter, images[:1], CAPTIONS)  # alone as among others
    np.testing.assert_allclose(one.log_likelihoods[0], found.log_likelihoods[0], rtol=1e-5)


def stats_softmax(scores: np.ndarray) -> np.ndarray:
    shares = np.exp(scores - scores.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def test_the_picture_of_a_caption(painter: zh.MADE):
    images, _, which = pictures(24, 1)
    rows = [int(np.flatnonzero(which == i)[0]) for i in range(4)]
    found = zh.retrieve(painter, images[rows], CAPTIONS, of="items")
    assert found.probabilities.shape == (4, 4) and np.allclose(found.probabilities.sum(1), 1)


def test_captions_that_a_model_of_captions_ranks(captioner: zh.GPT):
    images, _, which = pictures(24, 1)
    found = zh.retrieve(captioner, CAPTIONS, images, of="items")
    assert found.log_likelihoods.shape == (4, 24) and found.probabilities.shape == (24, 4)
    assert (found.best == which).mean() >= 0.9
    scores = captioner.score_samples([CAPTIONS[0]] * 24, images)
    np.testing.assert_allclose(found.log_likelihoods[0], scores, rtol=1e-4)


def test_labels_are_classes():
    """With the frequencies of training as weights it is the classifier of the same model."""
    images, labels = zh.read("digits", y=True)
    labels, images = np.asarray(labels[:600]), images[:600]
    classifier = zh.GenerativeClassifier(zh.Gaussian(reg_covar=1e-2, random_state=0)).fit(images, labels)
    counts = np.bincount(labels)
    found = zh.retrieve(classifier.model_, images[:50], list(range(10)), weights=counts)
    np.testing.assert_allclose(found.probabilities, classifier.predict_proba(images[:50]), atol=1e-9)
    np.testing.assert_array_equal(found.best, classifier.predict(images[:50]))


def test_numbers_by_hand():
    rng = np.random.default_rng(0)
    y = np.array(["low", "high"] * 2000)
    x = np.where(y == "low", rng.normal(0, 1, 4000), rng.normal(3, 1, 4000))[:, None]
    found = zh.retrieve(zh.Normal().fit(x, y), [[0.5], [2.0]], ["high", "low"], weights=[1, 3])
    high, low = stats.norm(3, 1).pdf([0.5, 2.0]), 3 * stats.norm(0, 1).pdf([0.5, 2.0])
    np.testing.assert_allclose(found.probabilities[:, 0], high / (high + low), atol=0.03)


def test_items_are_weighed_by_bayes_rule():
    """An item that is likely under all conditions has no advantage: p(x | y) / p(x)."""
    rng = np.random.default_rng(1)
    y = np.array(["low", "high"] * 2000)
    x = np.where(y == "low", rng.normal(0, 1, 4000), rng.normal(2, 3, 4000))[:, None]
    items = np.array([[0.0], [1.0], [6.0]])
    found = zh.retrieve(zh.Normal().fit(x, y), items, ["low", "high"], of="items")
    low, high = stats.norm(0, 1).pdf(items[:, 0]), stats.norm(2, 3).pdf(items[:, 0])
    wanted = np.stack([low, high]) / (low + high)
    np.testing.assert_allclose(found.probabilities, wanted / wanted.sum(1, keepdims=True), atol=0.03)
    assert found.best.tolist() == [0, 2]


def test_says_what_cannot_be(painter: zh.MADE):
    images, _, _ = pictures(2, 1)
    with pytest.raises(ZaohuaError, match="fitted without conditions"):
        zh.retrieve(zh.Gaussian().fit(images.repeat(4, 0)), images, ["a"])
    with pytest.raises(ZaohuaError, match="CTGAN can't score_samples: it has no likelihood"):
        zh.retrieve(zh.CTGAN(**zh.CTGAN.tiny).fit(np.eye(40)[:, :2], np.arange(40) % 2), [[0.0, 1.0]], [0])
    with pytest.raises(ZaohuaError, match="of must be 'conditions' or 'items'"):
        zh.retrieve(painter, images, CAPTIONS, of="captions")  # type: ignore[arg-type]
    with pytest.raises(ZaohuaError, match="weights are 4 numbers"):
        zh.retrieve(painter, images, CAPTIONS, weights=[1, 2])
    with pytest.raises(ZaohuaError, match="y is empty"):
        zh.retrieve(painter, images, [])
