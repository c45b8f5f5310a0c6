"""Rows of data frames as conditions: each column by its own codec, and what may be left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import zaohua as zh
from zaohua.core.errors import ZaohuaError

N = 40
PICTURES = np.random.default_rng(0).integers(0, 256, (N, 8, 8), np.uint8)
FRAME = pd.DataFrame(
    {
        "ink": np.random.default_rng(1).random(N),
        "digit": pd.Categorical([str(i % 3) for i in range(N)]),
        "when": pd.date_range("2024-01-01", periods=N),
        "sketch": list(PICTURES[:, ::2, ::2]),
    }
)


@pytest.fixture(scope="module")
def model() -> Any:
    return zh.Flow(random_state=0, **{**zh.Flow.tiny, "max_steps": 1, "steps": 1}).fit(PICTURES, FRAME)


def same(model: Any, one: Any, other: Any) -> bool:
    made = (model.sample(y=y, random_state=0) for y in (one, other))
    return np.array_equal(*made)


def test_each_column_has_its_codec_and_pictures_lie_over_x(model: Any) -> None:
    names = {name: type(codec).__name__ for name, codec in model.y_codec_.codecs_.items()}
    assert names == {"ink": "VectorCodec", "digit": "LabelCodec", "when": "VectorCodec", "sketch": "ImageCodec"}
    assert model.nets_["net"].overlay.indices == [3]
    assert model.y_codec_.codecs_["when"].highs_ - model.y_codec_.codecs_["when"].lows_ == N - 1  # days


def test_a_row_is_a_record(model: Any) -> None:
    assert same(model, FRAME.iloc[5], {name: FRAME[name].iloc[5] for name in FRAME})
    assert same(model, FRAME.iloc[5:7], FRAME.iloc[5:7].to_dict("records"))
    part = FRAME[["ink", "digit"]]
    assert same(model, part.iloc[5], {"digit": "2", "ink": FRAME["ink"][5]})
    assert same(model, part.iloc[5:7], [part.iloc[5].to_dict(), part.iloc[6].to_dict()])


def test_dates_are_numbers(model: Any) -> None:
    codec = model.y_codec_.codecs_["when"]
    three = [codec.encode(codec.as_items(day, 1)) for day in ("2024-01-06", FRAME["when"][5], FRAME["when"].dt.date[5])]
    assert three[0].equal(three[1]) and three[0].equal(three[2]) and not three[0].equal(codec.encode(FRAME["when"][:1]))
    with pytest.raises(ZaohuaError, match=r"y\['when'\]: '2024-13-01' is no number"):
        model.sample(y={"when": "2024-13-01"})


def test_other_columns_are_refused(model: Any) -> None:
    with pytest.raises(ZaohuaError, match="unknown part of y 'hue'"):
        model.sample(y=FRAME.iloc[0].rename({"ink": "hue"}))
