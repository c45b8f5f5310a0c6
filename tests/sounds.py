"""For the tests of sounds: tones, made on the spot."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import soundfile

RATE = 1000


def tone(frequency: float, seconds: float = 0.1, rate: int = RATE, channels: int = 1) -> np.ndarray:
    """A tone that dies away, float64 (n,), or (n, channels) of which each is half as loud as the one before."""
    t = np.arange(round(seconds * rate)) / rate
    wave = 0.8 * np.sin(2 * np.pi * frequency * t) * np.exp(-3 * t / seconds)
    return wave if channels == 1 else wave[:, None] / 2.0 ** np.arange(channels)


def folder(path: Path, classes: str = "ab", each: int = 8, rate: int = RATE) -> dict[str, np.ndarray]:
    """Write WAV files of tones in a subfolder for each class; what is in each, by name."""
    out = {}
    for at, name in enumerate(classes):
        (path / name).mkdir(parents=True)
        for i in range(each):
            out[f"{name}/{i:02d}.wav"] = wave = tone(50 + 100 * at + 5 * i, rate=rate)
            soundfile.write(path / name / f"{i:02d}.wav", wave, rate)
    return out


def wav(
    data: bytes = b"\1\0" * 1000,
    *,
    rate: int = 8000,
    channels: int = 1,
    length: int | None = None,
    kind: int = 1,
    bits: int = 16,
    extra: bytes = b"",
) -> bytes:
    """A WAV file, byte by byte; its header says `length` bytes, whatever there is."""
    width = channels * bits // 8
    fmt = struct.pack("<HHIIHH", kind, channels, rate, rate * width & 0xFFFFFFFF, width & 0xFFFF, bits)
    length = len(data) if length is None else length
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(fmt)) + fmt + extra + b"data" + struct.pack("<I", length) + data
    return b"RIFF" + struct.pack("<I", min(len(body) - len(data) + length, 0xFFFFFFFF)) + body
