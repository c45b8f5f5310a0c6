"""Clicks are found where they are, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

import zaohua as zh
from zaohua.modalities.sounds.clicks import clicks

RATE = 8000


def voice(seconds: float = 1.0) -> np.ndarray:
    """A wave with harmonics of a voice that glides, and a little noise, float64 (n,)."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * RATE)) / RATE
    pitch = 2 * np.pi * np.cumsum(120 + 20 * np.sin(3 * t)) / RATE
    wave = sum(np.sin(k * pitch) / k for k in range(1, 12))
    return 0.2 * wave * (1 + 0.5 * np.sin(9 * t)) + 0.002 * rng.standard_normal(len(t))


@pytest.mark.parametrize("channels", [1, 2])
def test_clicks_are_found_where_they_are(channels: int):
    rng = np.random.default_rng(1)
    wave, where = voice(), np.zeros(RATE, bool)
    for start in rng.choice(np.arange(50, RATE - 50, 40), 20, replace=False):
        wave[start : start + 3] += rng.choice([-1, 1], 3) * rng.uniform(0.3, 0.6, 3)
        where[start : start + 3] = True
    samples = wave if channels == 1 else np.stack([voice(), wave], axis=1)
    found = clicks(zh.Sound(samples, RATE))
    assert found.shape == (RATE,)
    assert found[where].all() and found[~where].mean() < 0.012


def test_nothing_is_found_in_voices_silence_and_sounds_without_samples():
    assert not clicks(zh.Sound(voice(), RATE)).any()
    assert not clicks(zh.Sound(np.zeros(500), RATE)).any()
    assert clicks(zh.Sound(np.zeros(0), RATE)).shape == (0,)
    assert not clicks(zh.Sound(voice(0.002), RATE)).any()
