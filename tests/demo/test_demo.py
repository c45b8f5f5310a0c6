from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
    page = report.sounding_card(study)
    assert page.count("<audio controls") == page.count('src="data:image/png') == 18
    assert page.count("made</figcaption>") == 12 and page.count("real, held out") == 6
    assert re.findall("<h3>(.*?)</h3>", page) == ["tone", "chirp up", "chirp down", "drum", "bell", "siren"]
    model = zh.load(tmp_path / "flow-tones")
    assert [sound.rate for sound in model.sample(2, y="bell")] == [8000, 8000]


@pytest.mark.slow
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
    page = report.write(study, tmp_path).read_text("utf-8")
    assert [result.name for result in study.results] == ["real train vs test", "gaussian", "gmm", "r3gan", "flow"]
    floor, naive, gmm = study.results[:3]
    assert floor.frechet < naive.frechet and gmm.accuracy > 0.9 and floor.accuracy > 0.9
    assert page.count("<article") == 5 and page.count("<blockquote>") == 3
    assert page.count("data:image/png") == 24 and page.count("<svg") >= 2
    assert 'href="compare.html"' in page and "<th>recall<small>" in page
    compared = (tmp_path / "compare.html").read_text("utf-8")
    assert "3 models of digits, compared" in compared and "gaussian" not in compared
    assert "$" not in re.sub(r"data:[a-z]+/[a-z]+;base64,[^\"]*", "", page)
    assert not re.search(r"(src|href)=\"?https?:", page) and "<script" not in page
    assert json.loads((tmp_path / "results.json").read_text())["n_test"] == 297
    assert 2 < study.writing.bits < 8 and zh.load(tmp_path / "char-rnn").sample(prompt="The ")[0].startswith("The ")
    assert zh.load(tmp_path / "flow").sample(2, y=3).shape == (2, 8, 8)
