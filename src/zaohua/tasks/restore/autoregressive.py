"""Gaps of sounds by autoregressive interpolation, which asks no network: up to 20 ms nothing is better."""

from __future__ import annotations

import numpy as np

from zaohua.core.notes import note
from zaohua.estimator.base import GenerativeModel
from zaohua.modalities.sounds.codec import SoundCodec
from zaohua.modalities.sounds.sound import Sounds
from zaohua.operators.base import Identity
from zaohua.tasks.restore.request import Request
from zaohua.tasks.restore.restored import Restored
from zaohua.tasks.restore.sounds.interpolation import interpolated, runs
from zaohua.tasks.restore.sounds.recordings import Recording, recordings

NEEDS = "sounds with gaps"
SHORT = 0.02
"""Greatest length in seconds of gaps that are interpolated even if a network could fill them."""
PERIOD = 0.008
"""Seconds that a sample is predicted from: a period of a low voice."""
ORDERS = (8, 512)
"""Least and greatest number of samples that a sample is predicted from."""


def suits(model: GenerativeModel) -> bool:
    """Return whether a model is one of sounds."""
    return isinstance(model.codec_, SoundCodec)


def can(request: Request) -> str | None:
    """Return why a degradation can't be undone; None if it can."""
    if request.mask is None:
        return "interpolation fills gaps, which mask= tells"
    other = next((step for step in request.degradation.steps if not isinstance(step, Identity)), None)
    return None if other is None else f"interpolation doesn't undo '{other}'"


def solve(request: Request) -> Restored:
    """Fill the gaps of sounds."""
    assert isinstance(request.model.codec_, SoundCodec)
    given = recordings(request.model.codec_, request.X, request.mask)
    longest = max((longest_gap(recording) for recording in given), default=0.0)
    if longest > SHORT:
        note(
            f"gaps of up to {1000 * longest:.0f} ms were interpolated from what surrounds them, of which little is heard "
            f"beyond {1000 * SHORT:.0f} ms: a model that was trained to fill gaps does better"
        )
    best = Sounds(recording.with_waves(filled(recording)) for recording in given)
    how = "Gaps by autoregressive interpolation (Janssen et al. 1986), without the model; all else as given."
    return Restored(best, [best] * request.n_samples, None, how)


def filled(recording: Recording) -> np.ndarray:
    """Return the samples of a recording with its gaps interpolated, float64 (channels, n)."""
    low, high = ORDERS
    order = min(max(low, round(PERIOD * recording.sound.rate)), high)
    return np.stack([interpolated(wave, recording.hidden, order) for wave in recording.waves])


def longest_gap(recording: Recording) -> float:
    """Return the length of a recording's longest gap in seconds; 0 without gaps."""
    lengths = [stop - start for start, stop in runs(recording.hidden)]
    return max(lengths, default=0) / recording.sound.rate
