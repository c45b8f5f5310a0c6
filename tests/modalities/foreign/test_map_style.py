"""Data sets of torch as data."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import DataNote

PICTURES = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Items(Dataset[Any]):
    """Items that a function makes."""

    def __init__(self, make: Callable[[int], object], n: int = 4):
        self.make, self.n = make, n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> Any:
        return self.make(i)


class Stream(IterableDataset[int]):
    def __iter__(self) -> Any:
        yield 1


def test_pairs_of_tensors_are_pictures_and_labels() -> None:
    with pytest.warns(DataNote, match=r"shape \(3, 8, 8\) are taken for pictures with their channels first"):
        X, y = zh.read(TensorDataset(PICTURES, torch.arange(6)), True)
    np.testing.assert_array_equal(X, PICTURES.permute(0, 2, 3, 1).numpy())
    assert y == [0, 1, 2, 3, 4, 5] and zh.read(Subset(TensorDataset(torch.rand(5, 7)), [1, 3]))[0].shape == (2, 7)


@pytest.mark.filterwarnings("ignore::zaohua.core.notes.DataNote")
def test_a_model_learns_from_it() -> None:
    data = TensorDataset(PICTURES, torch.arange(6) % 2)
    model = zh.DCGAN(max_steps=1, batch_size=2, size=8, random_state=0).fit(data, True)
    assert model.sample(2, y=1).shape == (2, 8, 8, 3)
    assert zh.DCGAN(max_steps=1, batch_size=2, size=8, random_state=0).fit(data).y_codec_ is None


def test_items_of_other_types() -> None:
    def pair(i: int) -> object:
        return Image.fromarray(np.full((8, 8), i, np.uint8)), "ab"[i % 2]

    X, y = zh.read(Items(pair), True)
    assert [int(image.mean()) for image in X] == [0, 1, 2, 3] and y == ["a", "b", "a", "b"]
    assert zh.read(Items(lambda i: f"text {i}"))[0] == ["text 0", "text 1", "text 2", "text 3"]
    assert zh.read(Items(lambda i: {"x": torch.full((5,), i), "y": i}), "y")[1] == [0, 1, 2, 3]


@pytest.mark.filterwarnings("ignore::zaohua.core.notes.DataNote")
def test_pictures_may_belong_to_pictures() -> None:
    X, y = zh.read(Items(lambda i: (PICTURES[i], PICTURES[i, :, 2:, 2:])), True)
    assert X.shape == (4, 8, 8, 3) and y.shape == (4, 6, 6, 3)


def test_random_items_are_read_once_and_that_is_told() -> None:
    counts = itertools.count()
    with pytest.warns(DataNote, match="differ at every access"):
        zh.read(Items(lambda i: torch.full((5,), next(counts))))


@pytest.mark.parametrize(
    "data, message",
    [
        (Items(lambda i: {"x": 1.0, "y": i}), "the items have the parts x, y: make them pairs"),
        (Items(lambda i: (1.0, i, i)), "the items have 3 parts .*make them pairs"),
        (Items(lambda i: 1 / (2 - i)), "item 2 of an Items can't be read .ZeroDivisionError"),
        (
            Items(lambda i: (1.0, 2) if i < 2 else 1.0),
            "item 2 of an Items isn't of the same form .*: a float",
        ),
        (Items(lambda i: (1.0, 2) if i < 2 else (1.0,)), "item 2 of an Items isn't of the same form"),
        (Items(lambda i: PICTURES[0], 10**10), "10,000,000,000 items .* GiB free: give a part"),
        (Items(lambda i: 1.0, 0), "no items"),
        (DataLoader(TensorDataset(PICTURES)), "makes batches .*: give its data set, X.dataset"),
        (Stream(), "is a stream, whose items have no positions"),
    ],
)
def test_what_cannot_be_learnt_is_refused_in_one_line(data: object, message: str) -> None:
    with pytest.raises(ZaohuaError, match=message) as refused:
        zh.read(data, True)
    assert "\n" not in str(refused.value)
