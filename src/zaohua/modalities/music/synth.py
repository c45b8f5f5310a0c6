"""Small synthesiser: each note is a sum of decaying harmonics, like a plucked or struck string."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np

from zaohua.modalities.music.pieces import Piece

RATE = 22050
"""Sampling rate in Hz."""
HARMONICS = 8
ATTACK, RELEASE = 0.008, 0.12
"""Seconds of fade-in and fade-out of a note."""
FADE = 0.8
"""Seconds in which the lowest harmonic decays to 1/e; the k-th one decays k times as fast."""


def render(piece: Piece, tempo: float) -> np.ndarray:
    """Synthesise a piece, float32 in [-1, 1] at 22,050 Hz; tempo in quarter notes per minute."""
    step = RATE * 60 / (tempo * piece.steps)
    sound = np.zeros(round(piece.length * step) + round(RELEASE * RATE) + 1, np.float32)
    tones: dict[tuple[int, int], np.ndarray] = {}
    for onset, duration, pitch, _ in piece.notes.tolist():
        if (pitch, duration) not in tones:
            tones[pitch, duration] = tone(pitch, duration * step / RATE)
        start = round(onset * step)
        part = tones[pitch, duration][: len(sound) - start]
        sound[start : start + len(part)] += part
    loudest = np.abs(sound).max(initial=0.0)
    return sound * np.float32(0.9 / loudest) if loudest else sound


def tone(pitch: int, seconds: float) -> np.ndarray:
    """Synthesise one note, float32: harmonics k of strength 1 / k^1.5 below half the sampling rate."""
    t = np.arange(round((seconds + RELEASE) * RATE)) / RATE
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    k = np.arange(1, HARMONICS + 1)
    k = k[k * frequency < RATE / 2, None]
    waves = k**-1.5 * np.exp(-k * t / FADE) * np.sin(2 * np.pi * k * frequency * t)
    envelope = np.minimum(1, t / ATTACK) * np.clip((seconds + RELEASE - t) / RELEASE, 0, 1)
    sound: np.ndarray = (waves.sum(axis=0) * envelope).astype(np.float32)
    return sound


def write_wav(sound: np.ndarray, path: Path) -> Path:
    """Write a sound in [-1, 1] as a 16-bit mono WAV file, and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav(sound))
    return path


def wav(sound: np.ndarray, rate: int = RATE) -> bytes:
    """Encode a sound in [-1, 1] as a 16-bit mono WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(sound * 32767).astype("<i2").tobytes())
    return out.getvalue()
