"""Short sounds of six kinds, made on the spot: a data set that needs no download. numpy only, the same every time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from zaohua.modalities.sounds.sound import Sound

RATE = 8000
SHORTEST, LONGEST = 0.25, 0.48
"""Seconds of a sound."""
QUIETEST, LOUDEST = 0.15, 0.6
"""Its largest sample."""
EACH = {"train": 150, "test": 30}
"""Sounds of each kind in a split."""
ATTACK, RELEASE = 0.008, 0.03
"""Seconds in which a sound swells and fades, so that nothing clicks."""


def make(split: str) -> tuple[list[Sound], list[str]]:
    """The sounds of a split, one of each kind in turn, and their kinds."""
    rng = np.random.default_rng([8128, list(EACH).index(split)])
    labels = list(KINDS) * EACH[split]
    return [sound(label, rng) for label in labels], labels


def sound(kind: str, rng: Generator) -> Sound:
    """A sound of a kind, of random pitch, length and loudness.

    Args:
        kind: a name of `KINDS`.
        rng: where all that is random comes from.
    """
    seconds, peak = rng.uniform(SHORTEST, LONGEST), _between(QUIETEST, LOUDEST, rng)
    t = np.arange(round(seconds * RATE)) / RATE
    wave = KINDS[kind](t, rng) * np.minimum(1, np.minimum(t / ATTACK, (t[-1] - t) / RELEASE))
    return Sound((peak / np.abs(wave).max() * wave).astype(np.float32), RATE)


def _tone(t: np.ndarray, rng: Generator) -> np.ndarray:
    """A steady pitch of 150 to 600 Hz with its harmonics, each weaker than the one below."""
    pitch, fall = _between(150, 600, rng), rng.uniform(1, 2)
    return np.sum([_wave(k * pitch * t, rng) / k**fall for k in range(1, 6)], axis=0)


def _chirp_up(t: np.ndarray, rng: Generator) -> np.ndarray:
    """A sine that rises evenly by two to three octaves, from 150 to 400 Hz."""
    octaves = rng.uniform(2, 3) * t / t[-1]
    return _sweep(_between(150, 400, rng) * 2**octaves, rng)


def _chirp_down(t: np.ndarray, rng: Generator) -> np.ndarray:
    """The same, falling."""
    return _chirp_up(t, rng)[::-1]


def _drum(t: np.ndarray, rng: Generator) -> np.ndarray:
    """A stroke of noise that is soon gone, over a skin whose pitch drops to 60 to 120 Hz."""
    skin = _sweep(_between(60, 120, rng) * (1 + 2 * np.exp(-t / 0.02)), rng) * np.exp(-t / rng.uniform(0.05, 0.1))
    return skin + rng.uniform(0.2, 0.5) * rng.standard_normal(len(t)) * np.exp(-t / rng.uniform(0.02, 0.05))


def _bell(t: np.ndarray, rng: Generator) -> np.ndarray:
    """Partials that are no harmonics, of 400 to 800 Hz and above; the higher, the sooner they are gone."""
    pitch, decay = _between(400, 800, rng), rng.uniform(0.15, 0.3)
    return np.sum(
        [_wave(ratio * pitch * t, rng) * np.exp(-t * ratio / decay) / ratio**0.5 for ratio in (1, 1.67, 2.76, 4.4)],
        axis=0,
    )


def _siren(t: np.ndarray, rng: Generator) -> np.ndarray:
    """A sine of 500 to 1,200 Hz that wavers by half an octave either way, 5 to 9 times a second."""
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
"""Each kind's wave at some times in seconds, (n,), of any loudness."""


def _sweep(frequency: np.ndarray, rng: Generator) -> np.ndarray:
    """A sine of this frequency at each sample, in hertz."""
    return _wave(np.cumsum(frequency) / RATE, rng)


def _wave(turns: np.ndarray, rng: Generator) -> np.ndarray:
    """A sine after so many turns, from a random phase."""
    return np.sin(2 * np.pi * (turns + rng.uniform()))


def _between(low: float, high: float, rng: Generator) -> float:
    """A number as likely in each octave of the range."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
