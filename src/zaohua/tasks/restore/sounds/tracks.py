"""A recording as a network takes it: at its rate, without mean and at the loudness of training; and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note
from zaohua.modalities.base import counted
from zaohua.modalities.sounds.codec import SoundCodec
from zaohua.modalities.sounds.sound import Sound
from zaohua.tasks.restore.sounds.clipping import beyond
from zaohua.tasks.restore.sounds.filling import SHORT, filled
from zaohua.tasks.restore.sounds.interpolation import runs
from zaohua.tasks.restore.sounds.recordings import Recording
from zaohua.tasks.restore.sounds.windows import Windows

FADE = 0.005
"""Seconds of the cross-fades from interpolation to a network's answer inside a gap."""
QUIET = 1e-6
"""Greatest distance from the mean that counts as silence, which stays as it is."""


@dataclass(frozen=True, eq=False)
class Tracks:
    """A recording for a network.

    Attributes:
        given: the recording.
        waves: its samples at the network's rate, with gaps interpolated, float64 (channels, n).
        mean: their means, (channels, 1).
        hidden: True in gaps, bool (n,).
        gain: what makes them as loud as the training sounds.
        share: how far each is taken from the network, from 0 to 1; the rest from `waves`.
        network_rate: the network's rate.
        rate: rate of the result.
    """

    given: Recording
    waves: np.ndarray
    mean: np.ndarray
    hidden: np.ndarray
    gain: float
    share: np.ndarray
    network_rate: int
    rate: int

    @classmethod
    def of(cls, given: Recording, codec: SoundCodec, faster: bool, any_level: bool = True) -> Self:
        """Prepare a recording.

        Args:
            given: the recording. If it has gaps, then only these are to be found, and only those that are too long
                to be interpolated.
            codec: codec of what the network takes.
            faster: whether the result has the network's rate if that is higher.
            any_level: whether it may be made as loud as the training sounds.

        Raises:
            ZaohuaError: it has other channels than the network takes.
        """
        sound, rate = given.sound, codec.form_.rate
        if codec.form_.channels not in (1, sound.channels):
            raise ZaohuaError(
                f"this model restores sounds of {counted(codec.form_.channels, 'channel')}, not of {sound.channels}"
            )
        waves = resampled(filled(given), sound.rate, rate)
        places, own = np.arange(waves.shape[1]) * (sound.rate / rate), np.arange(len(sound))
        share, hidden = np.interp(places, own, _share(given)), np.interp(places, own, given.hidden) > 0
        mean = waves.mean(1, keepdims=True)
        if given.hidden.all():
            note("nothing is heard of a sound: made from nothing")
        elif np.abs(waves - mean).max() <= QUIET:
            share[:] = 0
        if sound.rate > rate and not given.hidden.any():
            note(f"sounds of {sound.rate:,} Hz restored at {rate:,} Hz: what was above {rate // 2:,} Hz is lost")
        gain = _gain(waves - mean, codec) if any_level else 1.0
        return cls(given, waves, mean, hidden, gain, share, rate, max(rate, sound.rate) if faster else sound.rate)

    @property
    def wanted(self) -> np.ndarray:
        """Which samples the network is to find, bool (n,)."""
        return self.share > 0

    def inputs(self, channels: int) -> list[np.ndarray]:
        """Return what the network takes, (channels, n) each; channels are taken one by one by a network of one."""
        loud = (self.waves - self.mean) * self.gain
        return [loud] if channels > 1 else [wave[None] for wave in loud]

    def restored(self, outputs: list[np.ndarray], level: float | None = None) -> Sound:
        """Return the restored sound: of what is known of it, each sample is as it was given.

        Args:
            outputs: what the network made of `inputs`.
            level: where the sound was clipped; None if it wasn't.
        """
        given = self.given
        made = self.share * (np.concatenate(outputs) / self.gain + self.mean) + (1 - self.share) * self.waves
        made = resampled(made, self.network_rate, self.rate)
        if self.rate != given.sound.rate:  # low frequencies are known: those that are made give way to those given
            own, other = given.sound.rate, self.rate
            low = resampled(resampled(made, other, own), own, other)
            known = resampled(given.waves.astype(np.float64), own, other)
            n = min(made.shape[1], low.shape[1], known.shape[1])
            made = made[:, :n] + known[:, :n] - low[:, :n]
            return Sound(made.T.reshape(-1, *given.sound.samples.shape[1:]), other)
        made = made[:, : len(given.sound)]
        made = np.pad(made, ((0, 0), (0, len(given.sound) - made.shape[1])), mode="edge")
        if level is not None:
            made = np.stack([beyond(m, wave, level) for m, wave in zip(made, given.waves, strict=True)])
        silent = not self.wanted.any() or None
        return given.with_waves(made) if given.hidden.any() or silent else given.with_samples(made)


def _share(given: Recording) -> np.ndarray:
    """Return how far the samples of a recording are taken from a network, (n,): all, or those in long gaps.

    At the ends of a gap the interpolation knows best how the wave goes on, so there is a cross-fade of `FADE`.
    """
    if not given.hidden.any():
        return np.ones(len(given.sound))
    share, rate = np.zeros(len(given.sound)), given.sound.rate
    for start, stop in runs(given.hidden):
        if stop - start > SHORT * rate:
            left = np.arange(1, stop - start + 1) if start else np.inf  # nothing to fade to before the beginning
            right = np.arange(stop - start, 0, -1) if stop < len(share) else np.inf
            share[start:stop] = np.minimum(np.minimum(left, right) / (FADE * rate), 1)
    return share


def resampled(waves: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Return samples (channels, n) at another rate."""
    if rate == wanted:
        return waves
    import soxr  # only sounds of another rate need it

    return np.asarray(soxr.resample(waves.T, rate, wanted).T)


def _gain(waves: np.ndarray, codec: SoundCodec) -> float:
    """Return what makes the loudest window of samples (channels, n) as loud as the training sounds."""
    if np.abs(waves).max() <= QUIET:
        return 1.0
    windows = Windows([wave[None] for wave in waves] if codec.form_.channels == 1 else [waves], codec.form_.length)
    gains = [float(codec.gain(torch.from_numpy(windows.cut(rows))).min()) for rows in windows.batches(64)]
    return min(gains)
