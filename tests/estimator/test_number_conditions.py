"""Numbers given as conditions: labels if there are few, or if a codec says so, else numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import zaohua as zh
from zaohua.core.errors import ZaohuaError

NUMBERS = np.random.default_rng(0).normal(size=30)


@pytest.mark.parametrize("codec", [None, zh.LabelCodec()])
@pytest.mark.parametrize("y", [[1.5, 2.0] * 15, np.array([3, 4] * 15), pd.Series(["a", "b"] * 15), [True, False] * 15])
def test_lists_and_arrays_of_them_are_labels(y: object, codec: zh.LabelCodec | None) -> None:
    model = zh.Normal(y_codec=codec).fit(NUMBERS, y)
    assert isinstance(model.y_codec_, zh.LabelCodec)
    first, second = sorted(np.asarray(y).tolist()[:2])
    assert model.y_codec_.classes_ == [first, second] and type(model.y_codec_.classes_[0]) is type(first)
    means = [NUMBERS[[label == one for label in np.asarray(y).tolist()]].mean() for one in (first, second)]
    for one, mean in zip((first, second), means, strict=True):
        assert np.mean(model.sample(4000, y=one, random_state=0)) == pytest.approx(mean, abs=0.1)


@pytest.mark.parametrize("codec", [zh.NumberCodec(), zh.TableCodec()])
def test_densities_of_classes_refuse_numbers(codec: zh.NumberCodec | zh.TableCodec) -> None:
    with pytest.raises(ZaohuaError, match=r"Normal learns p\(x \| y\) of labels only"):
        zh.Normal(y_codec=codec).fit(NUMBERS, NUMBERS.tolist())


def test_many_different_numbers_are_numbers() -> None:
    images = np.broadcast_to((128 + 40 * NUMBERS[:, None, None]).clip(0, 255).astype(np.uint8), (30, 4, 4)).copy()
    model = zh.VAE(hidden=16, max_steps=150, batch_size=30, random_state=0)
    with pytest.warns(zh.core.notes.DataNote, match="y is taken for numbers; y_codec='labels' takes it for labels"):
        model.fit(images, NUMBERS)
    dark, bright = (model.sample(8, y=y, random_state=0).mean() for y in (-1.5, 1.5))
    assert dark + 40 < bright
