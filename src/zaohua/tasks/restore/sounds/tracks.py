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

QUIET = 1e-6
"""Greatest distance from the mean that counts as silence, which stays as it is."""


@dataclass(frozen=True, eq=False)
class Tracks:
    """A recording for a network.

    Attributes:
        given: the recording.
        waves: its samples at the network's rate, with gaps interpolated, float64 (channels, n).
        mean: their means, (channels, 1).
        gain: what makes them as loud as the training sounds.
        wanted: which of them the network is to find, bool (n,).
        network_rate: the network's rate.
        rate: rate of the result.
    """

    given: Recording
    waves: np.ndarray
    mean: np.ndarray
    gain: float
    wanted: np.ndarray
    network_rate: int
    rate: int

    @classmethod
    def of(cls, given: Recording, codec: SoundCodec, faster: bool) -> Self:
        """Prepare a recording.

        Args:
            given: the recording. If it has gaps, then only these are to be found, and only those that are too long
                to be interpolated.
            codec: codec of what the network takes.
            faster: whether the result has the network's rate if that is higher.

        Raises:
            ZaohuaError: it has other channels than the network takes.
        """
        sound, rate = given.sound, codec.form_.rate
        if codec.form_.channels not in (1, sound.channels):
            raise ZaohuaError(
                f"this model restores sounds of {counted(codec.form_.channels, 'channel')}, not of {sound.channels}"
            )
        if given.hidden.any():
            wanted = np.zeros(len(sound), bool)
            for start, stop in runs(given.hidden):
                wanted[start:stop] = stop - start > SHORT * sound.rate
        else:
            wanted = np.ones(len(sound), bool)
        waves = resampled(filled(given), sound.rate, rate)
        wanted = np.interp(np.arange(waves.shape[1]) * (sound.rate / rate), np.arange(len(sound)), wanted) > 0
        mean = waves.mean(1, keepdims=True)
        if np.abs(waves - mean).max() <= QUIET:
            wanted[:] = False
        if sound.rate > rate and not given.hidden.any():
            note(f"sounds of {sound.rate:,} Hz restored at {rate:,} Hz: what was above {rate // 2:,} Hz is lost")
        gain = _gain(waves - mean, codec)
        return cls(given, waves, mean, gain, wanted, rate, max(rate, sound.rate) if faster else sound.rate)

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
        made = np.where(self.wanted, np.concatenate(outputs) / self.gain + self.mean, self.waves)
        made = resampled(made, self.network_rate, self.rate)
        if self.rate != given.sound.rate:
            return Sound(made.T.reshape(-1, *given.sound.samples.shape[1:]), self.rate)
        made = made[:, : len(given.sound)]
        made = np.pad(made, ((0, 0), (0, len(given.sound) - made.shape[1])), mode="edge")
        if level is not None:
            made = np.stack([beyond(m, wave, level) for m, wave in zip(made, given.waves, strict=True)])
        silent = not self.wanted.any() or None
        return given.with_waves(made) if given.hidden.any() or silent else given.with_samples(made)


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
