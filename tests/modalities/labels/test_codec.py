"""LabelCodec: every kind of name, nearest known ones, frequencies."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from zaohua import modalities
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import BatchNoise, ItemNoise
from zaohua.core.notes import gathered
from zaohua.modalities import LabelCodec

KINDS: list[list[Any]] = [
    ["boot", "bag", "bag", "coat"],
    [3, 1, 2, 1],
    [0.5, -1.25, 0.5],
    [True, False, True],
    [0.5, "a", 3, "a"],
    [("a", 1), ("b", 2), ("a", 1)],
    [True, 1, "1", 0],
    ["3", "10", "2"],
    ["造化", "é"],
]


@pytest.mark.parametrize("labels", KINDS, ids=str)
def test_labels_come_back_with_their_types(labels: list[Any]):
    codec = LabelCodec().fit(labels)
    again = modalities.from_json(json.loads(json.dumps(codec.to_json())))
    assert isinstance(again, LabelCodec)
    assert again.spec_ == codec.spec_ and again.counts_ == codec.counts_
    codes = again.encode(labels)
    assert codes.dtype == torch.int64 and codes.shape == (len(labels),)
    out = again.decode(again.prepare(codes, BatchNoise(0, len(labels))))
    assert [(type(a), a) for a in out] == [(type(a), a) for a in labels]


def test_classes_are_sorted_where_they_can_be():
    assert LabelCodec().fit([3, 1, 2, 1]).classes_ == [1, 2, 3]
    assert LabelCodec().fit([3, 1, 2, 1]).counts_ == [2, 1, 1]
    assert LabelCodec().fit(["b", True, 3]).classes_ == ["b", True, 3]


@pytest.mark.parametrize("nothing", [None, float("nan"), "", np.float64("nan")], ids=repr)
def test_a_missing_label_is_no_class(nothing: Any):
    labels = ["b", nothing, "a", "b", nothing]
    with gathered() as notes:
        codec = LabelCodec().fit(labels)
    assert notes.take() == ["2 of 5 items have no label: learnt without one"]
    assert codec.classes_ == ["a", "b"] and codec.counts_ == [1, 2]
    assert codec.encode(labels).tolist() == [1, -1, 0, 1, -1]
    assert codec.decode(codec.encode(labels)) == ["b", None, "a", "b", None]
    assert codec.knows(labels).all() and not codec.knows(["c"]).any()
    assert np.exp(codec.log_prior()) == pytest.approx([1 / 3, 2 / 3])
    assert set(codec.draw(ItemNoise(list(range(50)))).tolist()) == {0, 1}


def test_declared_classes_may_never_occur():
    codec = LabelCodec(classes=("a", "b", "c"))
    codec.fit(["c", None, "c"])
    assert codec.classes_ == ["a", "b", "c"] and codec.counts_ == [0, 0, 2]
    again = modalities.from_json(json.loads(json.dumps(codec.to_json())))
    assert again.classes == codec.classes and again.encode(["b"]).tolist() == [1]
    assert set(codec.draw(ItemNoise(list(range(50)))).tolist()) == {2}
    assert codec.log_prior().tolist() == [-np.inf, -np.inf, 0]
    assert codec.fit([None, None]).counts_ == [1, 1, 1]  # drawn equally often
    with pytest.raises(ZaohuaError, match="unknown label 'd'"):
        codec.fit(["d", "a"])


def test_labels_must_not_all_be_missing():
    with pytest.raises(ZaohuaError, match="no labels: all 3 are missing"):
        LabelCodec().fit([None, float("nan"), ""])


def test_runs_in_which_none_was_a_class_keep_it():
    codec = LabelCodec().fit(["a", "b"])
    codec.set_state({"classes": [None, "a"], "counts": [1, 2]})
    assert codec.encode([None, "a"]).tolist() == [0, 1]


ARRAYS = [
    np.array([2, 1]),
    np.array(["b", "a"]),
    np.array([True, False]),
    np.array([0.5, 2]),
    torch.tensor([5, 4]),
    np.array(["b", 3], dtype=object),
    [np.int64(3), np.str_("x")],
]


@pytest.mark.parametrize("labels", ARRAYS, ids=repr)
def test_arrays_give_plain_python_values(labels: Any):
    codec = LabelCodec().fit(labels)
    assert {type(c) for c in codec.classes_} <= {int, str, bool, float}
    json.dumps(codec.to_json())
    assert sorted(codec.encode(labels).tolist()) == [0, 1]


def test_texts_find_numbers_and_numbers_texts_where_clear():
    assert LabelCodec().fit([1, 2, 3]).encode(["3", "1"]).tolist() == [2, 0]
    assert LabelCodec().fit(["1", "2", "3"]).encode([3, 1.0 and 1]).tolist() == [2, 0]
    assert LabelCodec().fit([True, False]).encode(["True"]).tolist() == [1]
    both = LabelCodec().fit([1, "1"])
    assert both.encode([1, "1"]).tolist() == [0, 1]


def test_unknown_labels_name_the_nearest():
    codec = LabelCodec().fit(["boot", "bag", "trouser", "coat"])
    with pytest.raises(ZaohuaError, match="unknown label 'boots'; did you mean 'boot'"):
        codec.encode(["boots"])
    with pytest.raises(ZaohuaError, match="unknown label '7'; known: 0, 1"):
        LabelCodec().fit([0, 1]).encode([7])


def test_as_items():
    codec = LabelCodec().fit(["boot", "bag"])
    assert codec.as_items("boot", None) == ["boot"]
    assert codec.as_items("boot", 3) == ["boot"] * 3
    assert codec.as_items(["boot", "bag"], None) == ["boot", "bag"]
    assert codec.as_items(("boot", "bag"), None) == ["boot", "bag"]
    assert codec.as_items(np.array(["boot", "bag"]), None) == ["boot", "bag"]
    numbers = LabelCodec().fit([0, 1])
    assert numbers.as_items(1, 2) == numbers.as_items(np.int64(1), 2) == [1, 1]
    assert LabelCodec().fit([True, False]).as_items(True, 1) == [True]
    assert LabelCodec().fit([("a", 1), ("b", 1)]).as_items(("a", 1), 2) == [("a", 1)] * 2


@pytest.mark.parametrize(
    "labels, message",
    [
        ([], "y is empty"),
        ([["a"], ["b"]], r"label number 0 is \['a'\]"),
        ([1, float("inf")], "label number 1 is inf"),
        ("boot", "labels must be a list"),
        (np.zeros((2, 2)), r"array of shape \(2, 2\)"),
        ([b"a"], "label number 0"),
    ],
)
def test_what_is_no_label(labels: Any, message: str):
    with pytest.raises(ZaohuaError, match=message):
        LabelCodec().fit(labels)


def test_draws_are_as_frequent_as_in_training():
    codec = LabelCodec().fit(["a"] * 6 + ["b"] * 3 + ["c"])
    codes = codec.draw(BatchNoise(0, 20_000))
    assert codes.dtype == torch.int64
    np.testing.assert_allclose(np.bincount(codes) / 20_000, [0.6, 0.3, 0.1], atol=0.015)
    np.testing.assert_allclose(codec.log_prior(), np.log([0.6, 0.3, 0.1]))
    assert codec.draw(ItemNoise([5, 6, 7])).tolist()[2] == codec.draw(ItemNoise([7])).item()


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["cat", "Cat", "cat "] * 2, ["labels 'Cat', 'cat', 'cat ' count as 3, though they differ in spelling only"]),
        ([3, "3", 4], ["labels 3, '3' count as 2, though they differ in spelling only"]),
        ([f"a text {i}" for i in range(30)], ["30 of 30 labels are of one item only, such as 'a text 0'"]),
        (list(range(10)) * 9, []),
        (list(range(19)), []),
    ],
)
def test_labels_in_doubt_are_told(labels: list[object], told: list[str]):
    with gathered() as notes:
        LabelCodec().fit(labels)
    assert notes == told
