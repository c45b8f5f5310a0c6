"""Fitted state that isn't a tensor is declared once, and kept from there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.sounds import RATE, tone
from tests.trainings import digits

import zaohua as zh
from zaohua.core.stored import Stored, declared, reset, restore, state_of
from zaohua.models.gmm import GMM
from zaohua.storage.atomic import MANIFEST, manifest_bytes, sha256


class Base:
    a_ = Stored(1, key="a")
    b_ = Stored([0], key="b")


class Derived(Base):
    a_ = Stored(2, key="first")
    c_ = Stored[str | None](None, key="c")


def test_declarations_of_parents_are_merged_and_the_nearest_counts() -> None:
    assert {name: stored.key for name, stored in declared(Derived).items()} == {"a_": "first", "b_": "b", "c_": "c"}
    assert {name: stored.default for name, stored in declared(Base).items()} == {"a_": 1, "b_": [0]}


def test_what_is_set_is_restored_and_what_is_missing_has_its_default() -> None:
    one, other = Derived(), Derived()
    with pytest.raises(AttributeError, match="this Derived isn't fitted, so it has no a_"):
        _ = one.a_
    reset(one)
    one.b_.append(5)
    one.c_ = "text"
    assert state_of(one) == {"first": 2, "b": [0, 5], "c": "text"}
    restore(other, json.loads(json.dumps(state_of(one))))
    assert state_of(other) == state_of(one)
    restore(other, {"c": "only"})
    assert state_of(other) == {"first": 2, "b": [0], "c": "only"}  # defaults aren't shared
    with pytest.raises(TypeError, match="first is 'two'"):
        restore(other, {"first": "two"})


def test_a_new_attribute_needs_its_declaration_only(tmp_path: Path) -> None:
    class Counting(GMM):
        """Remembers how many components it had. Paper: none."""

        tally_ = Stored(0, key="tally")

        def _check(self) -> None:
            self.tally_ = self.n_components

    model = Counting(n_components=3, random_state=0).fit(digits()[0])
    model.save(tmp_path / "run")
    assert zh.load(tmp_path / "run").tally_ == 3


def test_runs_of_before_have_the_default(tmp_path: Path) -> None:
    """A WaveNet of an older version doesn't say that its sounds are learnt each by itself, as all were."""
    sounds = [zh.Sound(tone(100 + 10 * i), RATE) for i in range(6)]
    fitted = zh.WaveNet(**{**zh.WaveNet.tiny, "max_steps": 1}, random_state=0).fit(sounds, out=tmp_path)
    stored = json.loads((tmp_path / "model.json").read_bytes())
    stored["state"] = {"steps": 1, "seconds": 0.5}
    stored.pop("summary")
    files = {
        "model.json": json.dumps(stored).encode(),
        "weights.safetensors": (tmp_path / "weights.safetensors").read_bytes(),
    }
    (tmp_path / "model.json").write_bytes(files["model.json"])
    (tmp_path / MANIFEST).write_bytes(manifest_bytes({name: sha256(data) for name, data in files.items()}))
    model = zh.load(tmp_path)
    assert model.apart_ is True and model.n_steps_ == 1 and model.n_items_ is None
    assert np.array_equal(model.hold_out(60, 0)[0], fitted.hold_out(60, 0)[0])
