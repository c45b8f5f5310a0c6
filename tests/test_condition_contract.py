"""Conditions of any kind: what every conditional model must do with each kind of y, and with records of all."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

import zaohua as zh
from tests.sounds import RATE, tone
from tests.test_contract import MODELS, data_of, make, same
from tests.trainings import Killed, at_step, kill
from zaohua.core.errors import ZaohuaError
from zaohua.training.trainable import Trainable

N = 24
"""Number of training items."""
LEARNERS = [
    (name, kind)
    for name, kind in MODELS
    if issubclass(getattr(zh, name), Trainable) and getattr(zh, name).conditional and kind != "waves"
]
"""Every conditional model with networks, on the first kind of data that it takes."""
WORDS = ["a small red boot", "bag", "a very long coat with sleeves", "un sac noir"]


@functools.cache
def parts() -> dict[str, list[Any]]:
    """Conditions of each kind for N items, of which the first and the second differ in everything."""
    rng = np.random.default_rng(0)
    return {
        "label": [("odd", "even")[i % 2] for i in range(N)],
        "number": [float(value) for value in rng.normal(size=N)],
        "vector": list(rng.normal(size=(N, 3))),
        "tags": [[{"a", "b"}, {"c"}, set()][i % 3] for i in range(N)],
        "text": [WORDS[i % 4] for i in range(N)],
        "picture": list(rng.integers(0, 256, (N, 12, 12, 3)).astype(np.uint8)),
        "sound": [zh.Sound(tone(200 + 50 * i), RATE) for i in range(N)],
        "music": [zh.Piece.from_voices(np.array([[60, 64], [62, 65]]) + i % 5) for i in range(N)],
    }


CODECS = {"text": "texts", "number": "numbers", "vector": "numbers"}


@functools.cache
def fitted(name: str, kind: str) -> Any:
    """A model of records of all kinds, trained for a moment; every fifth item lacks every second part."""
    X, _ = data_of(name, kind)
    lacking = {
        part: [None if i % 5 == 0 and k % 2 else v for i, v in enumerate(values)]
        for k, (part, values) in enumerate(parts().items())
    }
    model = make(name)
    return model.set_params(**{"y_codec": CODECS, **quick(model)}).fit(X[:N], lacking)


def quick(model: Any) -> dict[str, Any]:
    """Settings for two steps of few items."""
    return {"max_steps": 2, "batch_size": 8 if type(model).__name__ != "CTGAN" else 20}


def one(i: int) -> dict[str, Any]:
    """The conditions of an item."""
    return {part: values[i] for part, values in parts().items()}


@pytest.fixture(params=LEARNERS, ids="-".join)
def model(request: pytest.FixtureRequest) -> Any:
    return fitted(*request.param)


def test_records_of_all_kinds_are_learnt(model: Any) -> None:
    assert list(model.y_codec_.codecs_) == list(parts())
    assert len(model.sample(2, y=one(0), random_state=0)) == 2


def test_an_item_is_the_same_alone_and_beside_others_with_longer_conditions(model: Any) -> None:
    longer = {**one(1), "text": WORDS[2] * 3, "tags": {"a", "b", "c"}}
    short = {**one(1), "text": "bag"}
    both = model.sample(y=[short, longer, {}, {"label": "odd"}], random_state=3)
    assert same(model.sample(y=[short], random_state=3), both[:1])


def test_any_part_may_be_left_out_and_all_of_them(model: Any) -> None:
    assert len(model.sample(y=[{part: value} for part, value in one(0).items()], random_state=0)) == len(parts())
    assert same(model.sample(1, y={}, random_state=1), model.sample(1, random_state=1))


def test_saved_and_loaded_without_any_text(model: Any, tmp_path: Path) -> None:
    model.save(tmp_path / "run")
    text = (tmp_path / "run" / "model.json").read_text("utf-8")
    assert not any(words in text for words in WORDS if " " in words)
    again = zh.load(tmp_path / "run")
    assert same(again.sample(2, y=one(1), random_state=4), model.sample(2, y=one(1), random_state=4))


@pytest.mark.parametrize("name", ["Flow", "GPT", "VAE"])
@pytest.mark.parametrize("part", parts())
def test_each_kind_alone(name: str, part: str) -> None:
    X, _ = data_of(name, "texts" if name == "GPT" else "images")
    y = np.stack(parts()[part]) if part in ("picture", "vector") else parts()[part]
    model = make(name)
    model = model.set_params(**quick(model), y_codec=CODECS.get(part)).fit(X[:N], y)
    first = model.sample(2, y=y[0], random_state=0)
    assert len(first) == 2 and same(first[:1], model.sample(y=[y[0]], random_state=0))
    assert len(model.sample(2, random_state=0)) == 2
    if hasattr(model, "score_samples"):
        assert np.isfinite(model.score_samples(X[:2], y[:2])).all()


@pytest.mark.parametrize(("name", "kind"), [("Flow", "images"), ("GPT", "texts"), ("DCGAN", "images")])
def test_resumed_is_bit_for_bit(name: str, kind: str, tmp_path: Path) -> None:
    X, _ = data_of(name, kind)
    y = [{part: one(i)[part] for part in ("text", "label", "picture")} for i in range(N)]
    model = make(name).set_params(y_codec={"text": "texts"}, checkpoint_every=2, batch_size=8, max_steps=4)
    whole = clone(model).fit(X[:N], y)
    with pytest.raises(Killed):
        clone(model).fit(X[:N], y, out=tmp_path / "run", callbacks=[at_step(3, kill)])
    rest = clone(model).resume(tmp_path / "run", X[:N], y)
    assert all((a == b).all() for a, b in zip(whole.tensors().values(), rest.tensors().values(), strict=True))
    with pytest.raises(ZaohuaError, match="labels are others"):
        clone(model).set_params(max_steps=6).resume(
            tmp_path / "run", X[:N], [{**record, "text": "bag"} for record in y]
        )
