"""Clipped sounds: the level at which they were cut, as their plateaus tell it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zaohua.core.notes import note
from zaohua.modalities.base import counted
from zaohua.operators.degradation import Degradation
from zaohua.operators.levels import Clip

NEAR = 1e-3
"""Samples within this fraction of the level are on a plateau: rounding to 16 bits, or a converter, moves them."""
LONG = 3
"""Number of samples in a row that make a plateau: the crest of a wave that isn't clipped is rarely so flat."""


def clip_level(wave: np.ndarray) -> float | None:
    """Estimate the level at which a wave was clipped, from its longest plateaus at the greatest level.

    Args:
        wave: samples, (n,).

    Returns:
        The level; None if the wave has no plateau at its peak, so that nothing seems to be clipped.
    """
    size = np.abs(np.asarray(wave, np.float64))
    level = float(size.max(initial=0.0))
    if level == 0:
        return None
    on = np.concatenate([[0], (size >= level * (1 - NEAR)).astype(np.int8), [0]])
    starts, stops = np.flatnonzero(np.diff(on) == 1), np.flatnonzero(np.diff(on) == -1)
    return level if (stops - starts).max() >= LONG else None


def clip_levels(degradation: Degradation, waves: Sequence[np.ndarray]) -> list[float | None]:
    """Return the level at which each of several sounds was clipped, None for one that wasn't.

    Args:
        degradation: what happened to them; a "clip" without a level has that of each sound's plateaus.
        waves: samples, (n,) or (n, channels).
    """
    clip = next((step for step in degradation.steps if isinstance(step, Clip)), None)
    if clip is None:
        return [None] * len(waves)
    if clip.level is not None:
        return [clip.level] * len(waves)
    levels = [max(filter(None, map(clip_level, wave.reshape(len(wave), -1).T)), default=None) for wave in waves]
    found = [level for level in levels if level is not None]
    if found:
        low, high = min(found), max(found)
        at = f"{low:.3g}" if f"{low:.3g}" == f"{high:.3g}" else f"{low:.3g} to {high:.3g}"
        note(f"took {counted(len(found), 'sound')} to be clipped at {at}, where the wave is flat")
    if len(found) < len(levels):
        note(f"found no flat peaks in {counted(len(levels) - len(found), 'sound')}: not clipped")
    return levels


def clipped(wave: np.ndarray, level: float) -> np.ndarray:
    """Return which samples are at a level or beyond, so that they may have been anything further out, bool (n,)."""
    return np.asarray(np.abs(wave) >= level * (1 - NEAR))


def beyond(made: np.ndarray, wave: np.ndarray, level: float) -> np.ndarray:
    """Return a restored wave that agrees with a clipped one: unclipped samples are these, others are further out.

    Args:
        made: restored samples, (n,).
        wave: clipped samples, (n,).
        level: where they were clipped.
    """
    cut = clipped(wave, level)
    outside = np.sign(wave) * np.maximum(np.sign(wave) * made, np.abs(wave))
    return np.where(cut, outside, wave)
