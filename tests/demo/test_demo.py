from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.pages import EVIL, page_of, times

import zaohua as zh
from zaohua import demo
from zaohua.demo import report, texts
from zaohua.demo import sounds as demo_sounds
from zaohua.modalities import MelCodec, SoundFiles, datasets


def quiet(name: str) -> contextlib.AbstractContextManager[Any]:
    """A watch that shows nothing."""
    return contextlib.nullcontext(lambda event: None)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A corner of sounds that learns next to nothing."""
    monkeypatch.setattr(demo_sounds, "SETTINGS", {**demo_sounds.SETTINGS, **zh.Flow.tiny, "max_steps": 4, "steps": 2})
    monkeypatch.setattr(demo_sounds, "LESSONS", 900)
    monkeypatch.setattr(demo_sounds, "JUDGED", 2)


def test_sounds_are_seen_as_spectrograms():
    sounds, labels = datasets.load("tones", "test")
    seen = demo_sounds.pictures(MelCodec(bands=32).fit(SoundFiles(sounds)), sounds)
    assert seen.shape == (180, 32, 32) and seen.dtype == np.uint8 and seen.max() == 255 and seen.min() == 0
    rises = {
        kind: np.mean(
            [
                image[:, 2].argmax() - image[:, 12].argmax()
                for image, label in zip(seen, labels, strict=True)
                if label == kind
            ]
        )
        for kind in set(labels)
    }
    assert rises["chirp-up"] > 4 and rises["chirp-down"] < -4 and abs(rises["tone"]) < 0.5  # high is up


def test_the_corner_of_sounds_is_seen_and_heard(tmp_path: Path, hasty: None):
    study = demo_sounds.make(tmp_path, minutes=1, watch=quiet, seed=0)
    assert list(study.kinds) == ["tone", "chirp-up", "chirp-down", "drum", "bell", "siren"]
    assert (study.name, study.sounds, study.steps) == ("flow", 900, 4)
    assert study.real > 0.3 and 0 <= study.recognised <= 1 and study.speed > 0
    assert all(len(heard) == 3 for heard in study.kinds.values())
    test, labels = datasets.load("tones", "test")
    for kind, heard in study.kinds.items():
        assert heard[0].sound == test[labels.index(kind)]
        assert not np.array_equal(heard[1].sound, heard[2].sound)
    card = page_of(report.sound_card(study)).one("article", "sounds")
    assert len(card.all("audio")) == len(card.all("img")) == 18
    for kind, section in zip(
        ["tone", "chirp up", "chirp down", "drum", "bell", "siren"], card.all("section"), strict=True
    ):
        assert section.one("h3").text == kind
        assert [one.text for one in section.all("figcaption")] == ["real, held out", "sample", "sample"]
    model = zh.load(tmp_path / "flow-tones")
    assert [sound.rate for sound in model.sample(2, y="bell")] == [8000, 8000]


def test_the_demo_trains_measures_and_writes_a_page(tmp_path: Path, hasty: None, monkeypatch: pytest.MonkeyPatch):
    plans = tuple(
        dataclasses.replace(
            plan,
            share=plan.share and 0.5,
            settings={**getattr(zh, zh.registry.find(plan.model).name).tiny, "max_steps": 21} if plan.share else {},
        )
        for plan in demo.PLANS
        if plan.model in ("gaussian", "gmm", "r3gan", "flow")
    )
    monkeypatch.setattr(demo, "PLANS", plans)
    monkeypatch.setattr(texts, "SETTINGS", {**zh.CharRNN.tiny, "max_steps": 21, "max_tokens": 40})
    study = demo.run(tmp_path, minutes=0.2, watch=quiet)
    page = page_of(report.write(study, tmp_path).read_text("utf-8"))
    assert [result.name for result in study.results] == ["real train vs test", "gaussian", "gmm", "r3gan", "flow"]
    floor, naive, gmm = study.results[:3]
    assert floor.frechet < naive.frechet and gmm.accuracy > 0.9 and floor.accuracy > 0.9
    assert len(page.all("article")) == 5 and len(page.all("blockquote")) == 3
    assert len(page.all("img")) == 6 + 18 and len(page.all("svg")) >= 2 and not page.all("script")
    assert page.one("a")["href"] == "compare.html" and f"zaohua sample {tmp_path / 'flow'}" in page.one("footer").text
    table = [[cell.text for cell in row.all("td")] for row in page.one("tbody").all("tr")]
    assert [row[0] for row in table] == [
        "real train vs test",
        "gaussiannaive reference",
        *(f"{result.name}{result.family}" for result in study.results[2:]),
    ]
    assert all(len(row) == len(page.one("thead").all("th")) for row in table)
    compared = page_of((tmp_path / "compare.html").read_text("utf-8"))
    assert compared.one("h1").text == "3 models of digits, compared" and "gaussian" not in compared.text
    assert json.loads((tmp_path / "results.json").read_text())["n_test"] == 297
    assert 2 < study.writing.bits < 8 and zh.load(tmp_path / "char-rnn").sample(prompt="The ")[0].startswith("The ")
    assert zh.load(tmp_path / "flow").sample(2, y=3).shape == (2, 8, 8)


def test_names_in_the_demo_are_text():
    result = demo.Result(EVIL, EVIL, EVIL, EVIL, score_kind=EVIL, sheet=np.zeros((8, 8, 8), np.uint8))
    study: Any = SimpleNamespace(real=np.zeros((8, 8, 8), np.uint8))
    writing: Any = SimpleNamespace(
        name=EVIL,
        family=EVIL,
        summary=EVIL,
        paper=EVIL,
        data=EVIL,
        samples=[(EVIL, EVIL + "<i>")],
        bits=1.0,
        copied=0.0,
        real=0.0,
        characters=1,
        seconds=1.0,
        steps=1,
        parameters=1,
        history=(),
    )
    heard = (demo_sounds.Heard(zh.Sound(np.zeros(8), 8000), np.zeros((4, 4), np.uint8)),)
    sounding: Any = SimpleNamespace(
        **{**vars(writing), "kinds": {EVIL: heard}, "recognised": 0.5, "speed": 2.0, "sounds": 3}
    )
    for card, least in (
        (report.sound_card(sounding), 6 + 1),
        (report.card(result, study), 6),
        (report.text_card(writing), 6),
    ):
        root = page_of(card)
        assert times(root, EVIL) >= least and not root.all("i")
    assert "there is no loss curve" in report.card(result, study)
    assert "there is no loss curve" not in report.text_card(writing)
