"""Numbers given as conditions: labels, with or without a codec that says so, and never rows of a table."""

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
def test_rows_of_a_table_are_refused(codec: zh.NumberCodec | zh.TableCodec) -> None:
    images = np.zeros((30, 8, 8), np.uint8)
    for model, items in ((zh.VAE(y_codec=codec, max_steps=1), images), (zh.Normal(y_codec=codec), NUMBERS)):
        with pytest.raises(ZaohuaError, match=r"rows of a table aren't conditions; give one label for each item"):
            model.fit(items, NUMBERS.tolist())
