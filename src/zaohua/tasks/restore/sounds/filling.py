"""Gaps of recordings, interpolated channel by channel."""

from __future__ import annotations

import numpy as np

from zaohua.tasks.restore.sounds.interpolation import interpolated, runs
from zaohua.tasks.restore.sounds.recordings import Recording

SHORT = 0.02
"""Greatest length in seconds of gaps that are interpolated even if a network could fill them."""
PERIOD = 0.008
"""Seconds that a sample is predicted from: a period of a low voice."""
ORDERS = (8, 512)
"""Least and greatest number of samples that a sample is predicted from."""


def filled(recording: Recording) -> np.ndarray:
    """Return the samples of a recording with its gaps interpolated, float64 (channels, n)."""
    low, high = ORDERS
    order = min(max(low, round(PERIOD * recording.sound.rate)), high)
    return np.stack([interpolated(wave, recording.hidden, order) for wave in recording.waves])


def longest_gap(recording: Recording) -> float:
    """Return the length of a recording's longest gap in seconds; 0 without gaps."""
    lengths = [stop - start for start, stop in runs(recording.hidden)]
    return max(lengths, default=0) / recording.sound.rate
