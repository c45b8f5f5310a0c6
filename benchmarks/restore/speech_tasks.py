"""What happens to spoken digits in the benchmark of sounds: noise, gaps, clipping, lost bands and clicks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import zaohua as zh  # isort: skip  (before torch: it decides how threads wait)
import numpy as np
import soxr

from zaohua.core.noise import BatchNoise
from zaohua.operators.damage import Clicks
from zaohua.tasks.restore.sounds.interpolation import interpolated

sys.path.insert(0, str(Path(__file__).parents[1] / "translate"))
from sounds import HELD_OUT, LENGTH, RATE, TESTED, Clip, clips, mixed

TASKS = ("noise", "gaps", "clip", "band", "clicks")
NOISES = [(kind, ratio) for kind in ("white", "babble") for ratio in (0, 5, 10)]
GAPS = (5, 10, 20, 40, 80, 160)
CLIPS = (0.5, 0.25)
ORDER = 64
"""Order of the interpolation by which gaps are filled before a network sees them, as `zaohua.restore` does."""

__all__ = ["HELD_OUT", "LENGTH", "RATE", "TESTED", "Case", "Clip", "cases", "clips", "hole", "pairs"]


class Case(NamedTuple):
    """A clip and what is heard of it.

    Attributes:
        clip: where it comes from.
        group: what happened to it, such as "white, 5 dB".
        clean: as it was, with a peak of 0.99 before or after the damage, float32 (n,).
        heard: what is heard of it; at 4 kHz if the band was lost.
        noise: what was added; None if nothing was.
        hidden: True in gaps; None without.
        level: where it was clipped; None if it wasn't.
    """

    clip: Clip
    group: str
    clean: np.ndarray
    heard: np.ndarray
    noise: np.ndarray | None = None
    hidden: np.ndarray | None = None
    level: float | None = None


def hole(n: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """A gap at a random place of the middle four fifths, bool (n,)."""
    low, high = n // 10, n - n // 10 - length
    start = int(rng.integers(low, high)) if high > low else max(0, (n - length) // 2)
    hidden = np.zeros(n, bool)
    hidden[start : start + length] = True
    return hidden


def full(clip: Clip) -> np.ndarray:
    """A clip with a peak of 0.99."""
    return np.float32(0.99 / np.abs(clip.wave).max()) * clip.wave.astype(np.float32)


def clicked(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A wave with clicks of 3 samples at 0.3 % of the places."""
    import torch

    noise = BatchNoise(int(rng.integers(2**31)), 1)
    damage = Clicks(share=0.003, length=3).drawn((1, len(wave)), noise)
    out: np.ndarray = damage(torch.from_numpy(wave)[None, None], noise)[0, 0].numpy()
    return out


def noisy(clip: Clip, kind: str, ratio: float, others: list[Clip], rng: np.random.Generator) -> Case:
    """A clip with noise."""
    made = mixed(clip, kind, ratio, others, rng)
    return Case(clip, f"{kind}, {ratio:g} dB", made.clean, made.noisy, made.noise)


def gapped(clip: Clip, milliseconds: float, rng: np.random.Generator) -> Case:
    """A clip with a gap."""
    clean = full(clip)
    hidden = hole(len(clean), min(round(milliseconds * RATE / 1000), 7 * len(clean) // 10), rng)
    return Case(clip, f"{milliseconds:g} ms", clean, np.where(hidden, np.float32(0), clean), hidden=hidden)


def clipped(clip: Clip, share: float) -> Case:
    """A clip that is cut at a share of its peak."""
    clean, level = full(clip), np.float32(0.99 * share)
    return Case(clip, f"at {share:g}", clean, clean.clip(-level, level), level=float(level))


def cases(task: str, test: list[Clip], rng: np.random.Generator) -> Iterator[Case]:
    """All test cases of a task."""
    for clip in test:
        if task == "noise":
            yield from (noisy(clip, kind, ratio, test, rng) for kind, ratio in NOISES)
        elif task == "gaps":
            yield from (gapped(clip, length, rng) for length in GAPS)
        elif task == "clip":
            yield from (clipped(clip, share) for share in CLIPS)
        elif task == "band":
            clean = full(clip)
            yield Case(clip, "4 to 8 kHz", clean, soxr.resample(clean, RATE, RATE // 2))
        else:
            clean = full(clip)
            yield Case(clip, "clicks", clean, clicked(clean, rng))


def pairs(task: str, train: list[Clip], times: int, rng: np.random.Generator) -> tuple[list[zh.Sound], list[zh.Sound]]:
    """Pairs to learn a task other than clicks from, clean and as a network is given them: each clip so many times."""
    clean, heard = [], []
    for clip in [clip for clip in train for _ in range(times)]:
        if task == "noise":
            case = noisy(clip, ("white", "babble")[int(rng.integers(2))], rng.uniform(-2.5, 12.5), train, rng)
        elif task == "gaps":
            case = gapped(clip, rng.uniform(20, 220), rng)  # shorter ones need no network
            assert case.hidden is not None
            case = case._replace(heard=interpolated(case.heard, case.hidden, ORDER).astype(np.float32))
        elif task == "clip":
            case = clipped(clip, float(np.exp(rng.uniform(np.log(0.15), np.log(0.8)))))
        else:
            case = next(cases("band", [clip], rng))
            case = case._replace(heard=up(case.heard, len(case.clean)))
        loud = max(1.0, float(np.abs(case.heard).max()))  # what is interpolated may go beyond full scale
        for out, wave in ((clean, case.clean), (heard, case.heard)):
            out.append(zh.Sound(np.pad(wave / np.float32(loud), (0, LENGTH - len(wave))), RATE))
    return clean, heard


def up(wave: np.ndarray, n: int) -> np.ndarray:
    """A wave of 4 kHz at 8 kHz, by interpolation with sinc functions."""
    out: np.ndarray = soxr.resample(wave, RATE // 2, RATE)[:n]
    return np.pad(out, (0, n - len(out))).astype(np.float32)
