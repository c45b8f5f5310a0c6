"""Conditions that can't be: each is one line that names what is wrong and what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import DataNote

N = 8
X = np.zeros((N, 4, 4), np.uint8)
TINY = {**zh.VAE.tiny, "max_steps": 1, "batch_size": 4, "random_state": 0}
RECORDS = {
    "text": ["a red boot", "a bag"] * 4,
    "age": np.linspace(1, 9, N).tolist(),
    "tags": [{"a"}, {"b", "c"}] * 4,
    "shape": [*np.eye(4, dtype=np.uint8).repeat(2, 0).reshape(2, 4, 4)] * 4,
    "kind": ["x", "y"] * 4,
}
CODECS = {"text": "texts", "age": "numbers"}


@pytest.fixture(scope="module")
def model() -> zh.VAE:
    return zh.VAE(**TINY, y_codec=CODECS).fit(X, RECORDS)


@pytest.mark.parametrize(
    ("y", "says"),
    [
        ({}, "y is empty"),
        ([], "8 items but 0 labels: give one for each item"),
        ({"text": ["a"] * 3, "kind": ["x"] * N}, r"parts of y differ in length: text 3, kind 8"),
        ({"text": "a red boot"}, "parts of y are lists with one value for each item, not 'a red boot'"),
        ([{"text": "a"}] * 3, "8 items but 3 labels: give one for each item"),
        ([{"text": "a"}] * 7 + ["a"], "record 7 is a str: give a dictionary of its parts, or None"),
        ([{1: "a"}] * N, "parts of y are named by texts, not by 1"),
        ([{}] * N, "y is empty"),
        ({"text": [None] * N}, r"y\['text'\]: no item has it: leave it out"),
        ({"kind": [object()] * N}, r"y\['kind'\]: label number 0 is .*: labels must be texts"),
        ([1.0, np.inf] * 4, "finite"),
        (np.zeros((N, 2, 2, 2, 2, 2)), "no known kind of data: give a codec"),
        ("nowhere", "y must be True, or a list"),
        (3, "y must be True, or a list"),
        (pd.DataFrame(index=range(N)), "y is empty"),
    ],
)
def test_to_learn_from(y: Any, says: str) -> None:
    with pytest.raises(ZaohuaError, match=says) as error:
        zh.VAE(**TINY).fit(X, y)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ("text", "unknown codec of y 'text'; did you mean 'texts'"),
        ({"txt": "texts"}, "unknown part of y 'txt'; did you mean 'text'"),
        ({"age": "nombers"}, r"y\['age'\]: unknown codec of y 'nombers'; did you mean 'numbers'"),
        ({"kind": "numbers"}, r"y\['kind'\]: y holds 'x', which is no number"),
        ({"kind": "tags"}, r"y\['kind'\]: item 0 is a str: give a set or a list of labels for each item"),
        ({"age": "texts"}, r"y\['age'\]: item 0 is neither a text nor a dialogue"),
        (7, "y_codec must be"),
    ],
)
def test_codecs(choice: Any, says: str) -> None:
    with pytest.raises(ZaohuaError, match=says):
        zh.VAE(**TINY, y_codec=choice).fit(X, RECORDS)


@pytest.mark.parametrize(
    ("y", "says"),
    [
        ("a red boot", r"conditions have parts \(text, age, tags, shape, kind\): give y as a dictionary of them"),
        ({"txt": "a"}, "unknown part of y 'txt'; did you mean 'text'"),
        ({"kind": "z"}, r"y\['kind'\]: unknown label 'z'"),
        ({"age": "old"}, r"y\['age'\]: 'old' is no number"),
        ({"age": [1.0, np.nan]}, r"y\['age'\]: y number 1 is missing or infinite"),
        ({"tags": {"a", "d"}}, r"y\['tags'\]: unknown label 'd'"),
        ({"shape": np.zeros((2, 3, 4, 5, 6))}, r"y\['shape'\]"),
        ({"kind": ["x", "y"], "age": [1, 2, 3]}, r"y\['kind'\] has 2 values for 3 items: give one, or one for each"),
        ([{"kind": "x"}] * 3, "n_samples is 2, but y is a list of 3 conditions: give one for all, or one for each"),
        ([], "y is empty: give a condition for each item, or none at all"),
    ],
)
def test_to_sample_with(model: zh.VAE, y: Any, says: str) -> None:
    with pytest.raises(ZaohuaError, match=says) as error:
        model.sample(2, y=y)
    assert "\n" not in str(error.value)


def test_guidance(model: zh.VAE) -> None:
    flow = zh.Flow(**{**zh.Flow.tiny, "max_steps": 1, "batch_size": 4}, y_codec=CODECS).fit(X, RECORDS)
    assert flow.sample(2, y={"text": "a bag"}, guidance={"text": 3.0, "kind": 1.0}).shape == (2, 4, 4)
    with pytest.raises(ZaohuaError, match="unknown part of y in guidance: 'txt'; did you mean 'text'"):
        flow.sample(1, y={"text": "a bag"}, guidance={"txt": 3.0})
    with pytest.raises(ZaohuaError, match="guidance of text must be between 0 and 100, not 101"):
        flow.sample(1, y={"text": "a bag"}, guidance={"text": 101})
    labels = zh.Flow(**{**zh.Flow.tiny, "max_steps": 1, "batch_size": 4}).fit(X, ["a", "b"] * 4)
    with pytest.raises(ZaohuaError, match="this model's y has no parts: give one number"):
        labels.sample(1, y="a", guidance={"text": 3.0})


def test_right_though_unusual(model: zh.VAE) -> None:
    assert model.sample(y={"text": ["", None, "a bag"], "kind": "x"}).shape == (3, 4, 4)
    with pytest.raises(ZaohuaError, match=r"y\['shape'\]: images have .* but the model was fitted on \(4, 4, 1\)"):
        model.sample(y={"shape": np.zeros((9, 2), np.uint8)})
    assert model.sample(2, y={"text": "a bag " * 200}).shape == (2, 4, 4)
    np.testing.assert_array_equal(model.sample(1, y={"text": " "}), model.sample(1, y={}))
    with pytest.warns(DataNote, match=r"90 lies outside of what the model learnt from \(1 to 9\)"):
        model.sample(y={"age": 90})
    assert np.isfinite(model.score_samples(X[:2], [{"kind": "x"}, {}])).all()
    with pytest.raises(ZaohuaError, match="conditions that can't be summed over: give y"):
        model.score_samples(X[:2])
