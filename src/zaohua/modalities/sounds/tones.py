"""Synthetic data set of short sounds of six classes; deterministic, and needs no download."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from zaohua.modalities.sounds.sound import Sound

RATE = 8000
SHORTEST, LONGEST = 0.25, 0.48
"""Range of the length of a sound, in seconds."""
QUIETEST, LOUDEST = 0.15, 0.6
"""Range of the peak of a sound."""
EACH = {"train": 150, "test": 30}
"""Number of sounds per class, by split."""
ATTACK, RELEASE = 0.008, 0.03
"""Seconds of fade-in and fade-out, which avoid clicks."""


def make(split: str) -> tuple[list[Sound], list[str]]:
    """Generate the sounds of a split, with the classes in turn, and their labels."""
    rng = np.random.default_rng([8128, list(EACH).index(split)])
    labels = list(KINDS) * EACH[split]
    return [sound(label, rng) for label in labels], labels


def sound(kind: str, rng: Generator) -> Sound:
    """Generate a sound of a class with random pitch, length and loudness.

    Args:
        kind: a name of `KINDS`.
        rng: source of randomness.
    """
    seconds, peak = rng.uniform(SHORTEST, LONGEST), _between(QUIETEST, LOUDEST, rng)
    t = np.arange(round(seconds * RATE)) / RATE
    wave = KINDS[kind](t, rng) * np.minimum(1, np.minimum(t / ATTACK, (t[-1] - t) / RELEASE))
    return Sound((peak / np.abs(wave).max() * wave).astype(np.float32), RATE)


def _tone(t: np.ndarray, rng: Generator) -> np.ndarray:
    """Generate a steady tone of 150 to 600 Hz with five harmonics of decreasing strength."""
    pitch, fall = _between(150, 600, rng), rng.uniform(1, 2)
    wave: np.ndarray = np.sum([_wave(k * pitch * t, rng) / k**fall for k in range(1, 6)], axis=0)
    return wave


def _chirp_up(t: np.ndarray, rng: Generator) -> np.ndarray:
    """Generate a sine that rises by two to three octaves, starting at 150 to 400 Hz."""
    octaves = rng.uniform(2, 3) * t / t[-1]
    return _sweep(_between(150, 400, rng) * 2**octaves, rng)


def _chirp_down(t: np.ndarray, rng: Generator) -> np.ndarray:
    """Generate a sine that falls by two to three octaves."""
    return _chirp_up(t, rng)[::-1]


def _drum(t: np.ndarray, rng: Generator) -> np.ndarray:
    """Generate a drum: a short burst of noise, and a sine whose pitch drops to 60 to 120 Hz."""
    skin = _sweep(_between(60, 120, rng) * (1 + 2 * np.exp(-t / 0.02)), rng) * np.exp(-t / rng.uniform(0.05, 0.1))
    return skin + rng.uniform(0.2, 0.5) * rng.standard_normal(len(t)) * np.exp(-t / rng.uniform(0.02, 0.05))


def _bell(t: np.ndarray, rng: Generator) -> np.ndarray:
    """Generate a bell: inharmonic partials from 400 to 800 Hz upwards, of which higher ones decay faster."""
    pitch, decay = _between(400, 800, rng), rng.uniform(0.15, 0.3)
    partials = [
        _wave(ratio * pitch * t, rng) * np.exp(-t * ratio / decay) / ratio**0.5 for ratio in (1, 1.67, 2.76, 4.4)
    ]
    wave: np.ndarray = np.sum(partials, axis=0)
    return wave


def _siren(t: np.ndarray, rng: Generator) -> np.ndarray:
    """Generate a siren: a sine of 500 to 1,200 Hz whose pitch varies by half an octave, 5 to 9 times a second."""
    turns = rng.uniform(5, 9) * t + rng.uniform()
    return _sweep(_between(500, 1200, rng) * 2 ** (0.5 * np.sin(2 * np.pi * turns)), rng)


KINDS: dict[str, Callable[[np.ndarray, Generator], np.ndarray]] = {
    "tone": _tone,
    "chirp-up": _chirp_up,
    "chirp-down": _chirp_down,
    "drum": _drum,
    "bell": _bell,
    "siren": _siren,
}
"""Generators of the classes: from times in seconds (n,) to waveforms (n,) of any loudness."""


def _sweep(frequency: np.ndarray, rng: Generator) -> np.ndarray:
    """Generate a sine from its frequency at each sample, in Hz."""
    return _wave(np.cumsum(frequency) / RATE, rng)


def _wave(turns: np.ndarray, rng: Generator) -> np.ndarray:
    """Generate a sine from its number of turns at each sample, with a random initial phase."""
    return np.sin(2 * np.pi * (turns + rng.uniform()))


def _between(low: float, high: float, rng: Generator) -> float:
    """Draw a log-uniform number of a range."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
