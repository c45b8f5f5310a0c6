"""Texts as conditions, by `y_codec=` alone: no family knows of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import DataNote

TEXTS = ["a dark picture", "bright"]


@pytest.fixture(scope="module")
def model() -> zh.Flow:
    """Trained on pictures that are dark or bright as their text says."""
    rng = np.random.default_rng(0)
    which = rng.integers(0, 2, 128)
    images = (40 + 160 * which[:, None, None] + rng.integers(0, 20, (128, 4, 4))).astype(np.uint8)
    flow = zh.Flow(channels=16, max_steps=150, batch_size=32, random_state=0, device="cpu", y_codec=zh.TextCodec())
    return flow.fit(images, [TEXTS[i] for i in which])


def test_pictures_follow_their_text(model: zh.Flow) -> None:
    dark, bright = (model.sample(24, y=text, random_state=1).mean() for text in TEXTS)
    assert dark < 90 and bright > 170


def test_a_condition_alone_is_as_beside_a_longer_one(model: zh.Flow) -> None:
    both = model.sample(y=["bright", "a dark picture"], random_state=3)
    np.testing.assert_allclose(model.sample(y=["bright"], random_state=3)[0].astype(int), both[0], atol=1)


def test_a_loaded_model_knows_its_texts(model: zh.Flow, tmp_path: Path) -> None:
    model.save(tmp_path / "run")
    again = zh.load(tmp_path / "run")
    assert isinstance(again.y_codec, zh.TextCodec) and isinstance(again.y_codec_, zh.TextCodec)
    np.testing.assert_array_equal(
        again.sample(3, y="bright", random_state=5), model.sample(3, y="bright", random_state=5)
    )


def test_letters_that_were_never_seen_are_left_out_and_named(model: zh.Flow) -> None:
    with pytest.warns(DataNote, match="left z, é out of texts"):
        pictures = model.sample(2, y="zbrigéht", random_state=1)
    np.testing.assert_array_equal(pictures, model.sample(2, y="bright", random_state=1))
    with pytest.raises(ZaohuaError, match="no letter of 'zzz' occurs"):
        model.sample(y="zzz")


def test_names_are_labels_unless_a_codec_says_otherwise() -> None:
    flow = zh.Flow(**{**zh.Flow.tiny, "max_steps": 1}, random_state=0).fit(
        np.zeros((4, 4, 4), np.uint8), ["a", "b"] * 2
    )
    assert isinstance(flow.y_codec_, zh.LabelCodec)
