"""Bayes' rule: a classifier made of densities is as good as they are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import zaohua as zh
from zaohua.core.errors import ZaohuaError


def test_two_normals_give_the_known_chances() -> None:
    rng = np.random.default_rng(0)
    y = rng.random(20_000) < 0.25
    x = np.where(y, rng.normal(2, 1, 20_000), rng.normal(0, 2, 20_000))[:, None]
    found = zh.GenerativeClassifier(zh.Normal()).fit(x, y).predict_proba([[-1.0], [0.5], [2.0], [5.0]])
    at = np.array([-1.0, 0.5, 2.0, 5.0])
    one, other = 0.25 * stats.norm(2, 1).pdf(at), 0.75 * stats.norm(0, 2).pdf(at)
    assert np.allclose(found[:, 1], one / (one + other), atol=0.02) and np.allclose(found.sum(1), 1)


def test_classifies_digits_by_their_densities() -> None:
    images, labels = zh.datasets.load("digits", "train")
    test, truth = zh.datasets.load("digits", "test")
    classifier = zh.GenerativeClassifier(zh.Gaussian(reg_covar=1e-2)).fit(images, labels)
    assert classifier.score(test, truth) > 0.9
    assert classifier.classes_.tolist() == list(range(10))


def test_says_what_cannot_be() -> None:
    x = np.random.default_rng(0).normal(size=(40, 2))
    with pytest.raises(ZaohuaError, match="more than one class"):
        zh.GenerativeClassifier().fit(x, np.zeros(40))
    with pytest.raises(ZaohuaError, match="CTGAN can't score_samples: it has no likelihood; models that can"):
        zh.GenerativeClassifier(zh.CTGAN(**zh.CTGAN.tiny)).fit(x, np.arange(40) % 2)
