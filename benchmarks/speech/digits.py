"""Sequences of spoken digits: clips of one speaker one after another, with pauses, and their text.

A sequence is 2 to 6 words, "three one four", by one of the six speakers of `fsdd`. Training sequences are made of clips
with index 5 to 49, test sequences of those with 0 to 4, and no sequence of words that is tested is ever trained.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np

from zaohua.modalities.sounds.datasets import DIGIT_SOUNDS
from zaohua.modalities.sounds.sound import read_archive

WORDS = "zero one two three four five six seven eight nine".split()
RATE, LONGEST, PAUSE = 8000, 3.5, (0.03, 0.18)
"""Hz; seconds of the longest sequence; least and greatest pause between words."""


class Spoken(NamedTuple):
    """A spoken sequence: its sound, text, and the name of the speaker."""

    sound: zh.Sound
    text: str
    voice: str


class Clips:
    """The clips of `fsdd` by speaker and digit, without the silence at their ends.

    Args:
        split: "train" or "test".
    """

    def __init__(self, split: str) -> None:
        archive = Path(os.environ["ZAOHUA_DATA"]) / "fsdd" / "recordings.tar.gz"
        self.of: dict[tuple[str, int], list[np.ndarray]] = {}
        for name, sound in sorted(read_archive(archive, DIGIT_SOUNDS).items()):
            digit, voice, index = name.split("_")
            if (int(index) < 5) == (split == "test"):
                self.of.setdefault((voice, int(digit)), []).append(_trimmed(sound.samples))
        self.voices = sorted({voice for voice, _ in self.of})

    def speak(self, digits: Sequence[int], voice: str, rng: np.random.Generator) -> np.ndarray:
        """Join a random clip of each digit, with pauses."""
        parts = []
        for i, digit in enumerate(digits):
            if i:
                parts.append(np.zeros(round(RATE * rng.uniform(*PAUSE)), np.float32))
            clips = self.of[voice, digit]
            parts.append(clips[rng.integers(len(clips))])
        return np.concatenate(parts)


def _trimmed(samples: np.ndarray) -> np.ndarray:
    """Cut what is 40 dB below the peak off both ends."""
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    return samples[loud[0] : loud[-1] + 1]


def is_tested(digits: Sequence[int]) -> bool:
    """Whether a sequence of words belongs to the test split: a tenth of all, by a hash of the digits."""
    total = 0
    for digit in digits:
        total = (total * 31 + digit + 7) % 1009
    return total % 10 == 0


def sequences(clips: Clips, n: int, seed: int, tested: bool) -> list[Spoken]:
    """Make n spoken sequences of 2 to 6 words and at most 3.5 seconds.

    Args:
        clips: the clips to take.
        n: number of sequences; the voices take turns.
        seed: seed of digits, clips and pauses.
        tested: whether sequences of words are those of the test split, or the others.
    """
    rng, found = np.random.default_rng(seed), list[Spoken]()
    while len(found) < n:
        digits = rng.integers(10, size=rng.integers(2, 7)).tolist()
        if is_tested(digits) != tested:
            continue
        voice = clips.voices[len(found) % len(clips.voices)]
        samples = clips.speak(digits, voice, rng)
        if len(samples) <= LONGEST * RATE:
            found.append(Spoken(zh.Sound(samples, RATE), " ".join(WORDS[d] for d in digits), voice))
    return found
