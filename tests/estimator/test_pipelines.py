"""Models as transformers in pipelines: they never see y where a later step predicts it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline

import zaohua as zh
from zaohua.core.notes import gathered

X, Y = zh.read("digits", y=True)
X, Y = X[:240], np.array(Y[:240])
QUICK: dict[str, Any] = {
    "encoder": "mlp",
    "decoder": "mlp",
    "hidden": 32,
    "latent_dim": 6,
    "batch_size": 32,
    "score_importance_samples": 4,
    "random_state": 0,
}


def accuracy(y: np.ndarray) -> float:
    pipeline = make_pipeline(zh.VAE(max_steps=60, **QUICK), LogisticRegression(max_iter=300))
    return float(cross_val_score(pipeline, X, y, cv=2).mean())


def test_a_supervised_pipeline_predicts_and_random_labels_are_left_to_chance() -> None:
    assert accuracy(Y) > 0.2
    assert accuracy(np.random.default_rng(1).integers(0, 10, len(Y))) < 0.2


def test_codes_of_a_pipeline_are_those_of_a_model_without_labels() -> None:
    model = zh.VAE(max_steps=3, **QUICK)
    with gathered():
        codes = clone(model).fit_transform(X, Y)
    assert np.array_equal(codes, clone(model).fit(X).transform(X))
    union = FeatureUnion([("vae", clone(model)), ("none", clone(model))]).fit(X, Y)
    assert union.transform(X[:3]).shape == (3, 12)


def test_fit_transform_says_once_that_it_leaves_y_out() -> None:
    class Mine(zh.VAE):
        pass

    model = Mine(max_steps=1, **QUICK)
    with pytest.warns(zh.ZaohuaWarning, match=r"y is left out: Mine.fit_transform learns p\(x\)"):
        model.fit_transform(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", zh.ZaohuaWarning)
        model.fit_transform(X, Y)


def test_a_conditional_model_expects_codes_over_all_labels() -> None:
    """E[z | x] = sum over y of p(y | x) E[z | x, y], with p(y | x) by Bayes' rule."""
    model = zh.VAE(max_steps=5, **QUICK).fit(X, Y)
    labels = sorted(set(Y.tolist()))
    prior = np.log([(Y == label).mean() for label in labels])
    joint = np.stack([model.score_samples(X[:3], [label] * 3) for label in labels]) + prior[:, None]
    weights = np.exp(joint - np.logaddexp.reduce(joint, axis=0))
    each = np.stack([model.transform(X[:3], [label] * 3) for label in labels])
    assert np.allclose(model.transform(X[:3]), (weights[:, :, None] * each).sum(0), atol=1e-5)


def test_a_guided_model_takes_codes_without_labels_from_what_it_learnt_of_all_items() -> None:
    settings: dict[str, Any] = {**zh.Flow.tiny, "max_steps": 2, "score_steps": 2, "random_state": 0}
    assert zh.Flow(**settings).fit(X[:40], Y[:40]).transform(X[:2]).shape == (2, 64)
    with pytest.raises(zh.ZaohuaError, match="fitted with labels: give y"):
        zh.Flow(condition_dropout=0, **settings).fit(X[:40], Y[:40]).transform(X[:2])


def test_the_output_is_a_frame_if_asked_for() -> None:
    frame = pd.DataFrame({"a": np.arange(40.0), "b": list("xy") * 20}, index=range(100, 140))
    settings: dict[str, Any] = {**zh.TVAE.tiny, "max_steps": 1, "random_state": 0}
    model = zh.TVAE(**settings).set_output(transform="pandas").fit(frame)
    codes = clone(model).fit_transform(frame)
    assert list(codes.columns) == ["tvae0", "tvae1", "tvae2", "tvae3"] == list(model.get_feature_names_out(["a", "b"]))
    assert codes.index.equals(frame.index)
    assert type(model.set_output(transform="polars").transform(frame)).__module__.startswith("polars")
    assert isinstance(model.set_output(transform="default").transform(frame), np.ndarray)
    with sklearn.config_context(transform_output="pandas"):
        assert isinstance(zh.VAE(max_steps=1, **QUICK).fit_transform(X), pd.DataFrame)
    with pytest.raises(zh.ZaohuaError, match="unknown output of transform: 'panda'.*did you mean 'pandas'"):
        model.set_output(transform="panda")
    with pytest.raises(zh.ZaohuaError, match="input_features is not equal to feature_names_in_"):
        model.get_feature_names_out(["b", "a"])
    assert not hasattr(zh.GMM(), "set_output") and not hasattr(zh.GMM(), "get_feature_names_out")


def test_options_of_codecs_are_searched() -> None:
    search = GridSearchCV(zh.Gaussian(random_state=0), {"size": [4, 8]}, cv=2).fit(X)
    assert search.best_estimator_.codec.size == search.best_params_["size"]
    pipeline = make_pipeline(zh.VAE(max_steps=1, **QUICK), PCA(2)).set_params(vae__size=4)
    assert pipeline.fit_transform(X).shape == (240, 2)
