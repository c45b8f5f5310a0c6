"""Evaluation of models that make sounds of sounds: how like the very test sounds their samples are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import zaohua as zh
from zaohua.metrics.judges import training
from zaohua.modalities.sounds.sound import Sounds
from zaohua.tasks.evaluation import evaluate

RATE, LENGTH = 2000, 500
SHARE = 0.1
"""Noise in the samples, as a share of the real amplitude: 20 dB below it."""


def tones(seed: int, n: int) -> list[zh.Sound]:
    rng, t = np.random.default_rng(seed), np.arange(LENGTH) / RATE
    pitches = rng.uniform(100, 600, n)
    return [zh.Sound(np.float32(0.6 * np.sin(2 * np.pi * pitch * t + 1)), RATE) for pitch in pitches]


def quieter(sounds: list[zh.Sound]) -> list[zh.Sound]:
    """What is heard: the same at half the level."""
    return [zh.Sound(one.samples / 2, RATE) for one in sounds]


@pytest.mark.parametrize(("codec", "phases"), [(zh.SpectrumCodec(), True), (zh.MelCodec(), False)])
def test_samples_are_compared_with_the_test_sounds(codec: Any, phases: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "STEPS", (2, 2))
    train, real = tones(0, 24), tones(1, 20)
    model = zh.Flow(**{**zh.Flow.tiny, "max_steps": 1}, codec=codec, y_codec=codec, vocoder=False, random_state=0)
    model.fit(train, quieter(train))
    rng = np.random.default_rng(2)

    def sample(n: int, *, y: Any = None, random_state: Any = None) -> Sounds:
        power = 0.6 / 2**0.5
        some = quieter(real[:n]) if y is None else y
        return Sounds(zh.Sound(2 * one.samples + SHARE * power * rng.standard_normal(LENGTH), RATE) for one in some)

    monkeypatch.setattr(model, "sample", sample, raising=False)
    found = evaluate(model, data=(real, quieter(real)), train=(train, quieter(train)), samples=20).figures
    assert "psnr" not in found and 0 < found["log_spectral_distance"].value < 6
    if not phases:
        assert "si_sdr" not in found
        return
    assert found["si_sdr"].value == pytest.approx(20, abs=0.5) and found["si_sdr"].n == 20
    assert found["si_sdr_mean"].value == pytest.approx(20 + 10 * np.log10(4), abs=0.5)
    assert found["si_sdr_best"].value > found["si_sdr"].value
