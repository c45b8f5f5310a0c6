"""Gaps of sounds by autoregressive interpolation, which asks no network: up to 20 ms nothing is better."""

from __future__ import annotations

from zaohua.core.notes import note
from zaohua.estimator.base import GenerativeModel
from zaohua.modalities.sounds.codec import SoundCodec
from zaohua.modalities.sounds.sound import Sounds
from zaohua.operators.base import Identity
from zaohua.operators.masks import MaskGap
from zaohua.tasks.restore.request import Request
from zaohua.tasks.restore.restored import Restored
from zaohua.tasks.restore.sounds.filling import SHORT, filled, longest_gap
from zaohua.tasks.restore.sounds.recordings import has_gaps, recordings

NEEDS = "sounds with gaps"


def suits(model: GenerativeModel) -> bool:
    """Return whether a model is one of sounds."""
    return isinstance(model.codec_, SoundCodec)


def can(request: Request) -> str | None:
    """Return why a degradation can't be undone; None if it can."""
    other = next((step for step in request.degradation.steps if not isinstance(step, (Identity, MaskGap))), None)
    if other is not None:
        return f"interpolation doesn't undo '{other}'"
    return None if has_gaps(request) else "interpolation fills gaps, which mask= tells"


def solve(request: Request) -> Restored:
    """Fill the gaps of sounds."""
    given = recordings(request)
    longest = max((longest_gap(recording) for recording in given), default=0.0)
    if longest > SHORT:
        note(
            f"gaps of up to {1000 * longest:.0f} ms were interpolated from what surrounds them, of which little is "
            f"heard beyond {1000 * SHORT:.0f} ms: a model that was trained to fill gaps does better"
        )
    best = Sounds(recording.with_waves(filled(recording)) for recording in given)
    how = "Gaps by autoregressive interpolation (Janssen et al. 1986), without the model; all else as given."
    return Restored(best, [best] * request.n_samples, None, how)
