"""Recordings to restore: what is given, and what is known of each sample."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from zaohua.core.errors import ZaohuaError, named
from zaohua.modalities.base import counted
from zaohua.modalities.reading import read_with_kind
from zaohua.modalities.sounds.clips import reason
from zaohua.modalities.sounds.files import SoundFiles
from zaohua.modalities.sounds.sound import Sound
from zaohua.operators.masks import MaskGap
from zaohua.tasks.restore.request import Request


class Recording(NamedTuple):
    """A recording, and which of its samples are to be found.

    Attributes:
        sound: as it was given.
        hidden: True in gaps, bool (n,).
    """

    sound: Sound
    hidden: np.ndarray

    @property
    def waves(self) -> np.ndarray:
        """Samples of all channels, float32 (channels, n)."""
        return self.sound.samples.reshape(len(self.sound), -1).T

    def with_waves(self, waves: np.ndarray) -> Sound:
        """Return the sound with other samples (channels, n) in gaps; all others are the same, bit for bit."""
        return self.with_samples(waves, ~self.hidden[None])

    def with_samples(self, waves: np.ndarray, known: np.ndarray | None = None) -> Sound:
        """Return the sound with other samples (channels, n), except for those that are known.

        Args:
            waves: samples.
            known: True for samples that stay, bool, of a shape that broadcasts to the samples; None for no sample.
        """
        samples = waves.astype(np.float32) if known is None else np.where(known, self.waves, waves.astype(np.float32))
        return Sound(samples.T.reshape(self.sound.samples.shape), self.sound.rate)


def recordings(request: Request) -> list[Recording]:
    """Return what is to be restored, one recording for each sound.

    Raises:
        ZaohuaError: these are no sounds, one can't be read, or the mask doesn't fit to them.
    """
    sounds = _sounds(request.X)
    masks = [None] * len(sounds) if request.mask is None else _masks(request.mask, sounds)
    gaps = [(step.start, step.start + step.length) for step in request.degradation.steps if isinstance(step, MaskGap)]
    return [
        Recording(sound, hidden_of(mask, sound) | hidden_of(gaps or None, sound))
        for sound, mask in zip(sounds, masks, strict=True)
    ]


def _sounds(X: Any) -> list[Sound]:
    """Return sounds: a single one, a list of them, or those of a path of files."""
    given = [X] if isinstance(X, Sound) else SoundFiles([X]) if isinstance(X, Path) and X.is_file() else X
    if isinstance(given, (str, Path)):
        given = read_with_kind(given, modality="sounds").items
    if not isinstance(given, SoundFiles):
        if not isinstance(given, Iterable):
            raise ZaohuaError(f"X must be a Sound, a list of them, or a path, not {named(X)}")
        given = [*given]
        if (other := next((one for one in given if not isinstance(one, Sound)), None)) is not None:
            raise ZaohuaError(f"this model restores sounds, but X holds {named(other)}")
        given = SoundFiles(given)
    out = []
    for name, clip in zip(given.paths, given.sources, strict=True):
        try:
            out.append(clip.load())
        except Exception as error:  # a damaged file can make the decoder raise anything
            raise ZaohuaError(f"{name}: {reason(error)}") from error
    return out


def has_gaps(request: Request) -> bool:
    """Return whether sounds are to be found only in gaps, by a mask or by "mask gap START LENGTH"."""
    return request.mask is not None or any(isinstance(step, MaskGap) for step in request.degradation.steps)


def hidden_of(mask: Any, sound: Sound) -> np.ndarray:
    """Return which samples of a sound are hidden, bool (n,).

    Args:
        mask: True (or 1) where the sound is heard, for each sample, (n,); or gaps as pairs of seconds,
            [(1.2, 1.36), ...], where a sound may begin or end inside. None if all is heard.
        sound: the sound.

    Raises:
        ZaohuaError: the mask has another length, or a gap ends before it begins.
    """
    if mask is None:
        return np.zeros(len(sound), bool)
    given = np.asarray(mask)
    if _is_gaps(mask):
        hidden = np.zeros(len(sound), bool)
        for start, stop in given.astype(float):
            if not 0 <= start < stop:
                raise ZaohuaError(f"a gap is from one second to a later one, not from {start:g} to {stop:g}")
            if start >= sound.seconds:
                raise ZaohuaError(f"a gap from {start:g} s is after the end of a sound of {sound.seconds:.3g} s")
            hidden[round(start * sound.rate) : round(stop * sound.rate)] = True
        return hidden
    if given.shape != (len(sound),) or given.dtype.kind not in "buif":
        raise ZaohuaError(
            f"the mask is {given.dtype} of shape {given.shape}, but the sound has {len(sound)} samples: give a bool "
            "for each, True where it is heard, or gaps as pairs of seconds"
        )
    if (between := given[(given != 0) & (given != 1)]).size:
        raise ZaohuaError(f"a mask of a sound is True or False, 1 or 0, not {between[0]:g}")
    return ~given.astype(bool)


def _masks(mask: Any, sounds: Sequence[Sound]) -> list[Any]:
    """Return the mask of each sound: one for all, or a list of them."""
    if _is_gaps(mask) or _is_flat(mask):
        return [mask] * len(sounds)
    if not isinstance(mask, (list, tuple, np.ndarray)):
        raise ZaohuaError(f"a mask is a bool for each sample, or gaps as pairs of seconds, not {named(mask)}")
    if len(mask) != len(sounds):
        raise ZaohuaError(f"{len(mask)} masks for {counted(len(sounds), 'sound')}: give one for all, or one for each")
    return [*mask]


def _is_gaps(mask: Any) -> bool:
    """Return whether a mask is pairs of seconds: numbers (k, 2) that aren't bools."""
    if isinstance(mask, np.ndarray):
        return mask.ndim == 2 and mask.shape[1] == 2 and mask.dtype.kind in "if"
    return isinstance(mask, (list, tuple)) and bool(mask) and all(map(_is_pair, mask))


def _is_pair(one: Any) -> bool:
    """Return whether something is two numbers."""
    return isinstance(one, (list, tuple)) and len(one) == 2 and all(type(end) in (int, float) for end in one)


def _is_flat(mask: Any) -> bool:
    """Return whether a mask is one value for each sample."""
    if isinstance(mask, np.ndarray):
        return mask.ndim == 1 and mask.dtype.kind != "O"
    return isinstance(mask, (list, tuple)) and all(np.isscalar(value) for value in mask)
