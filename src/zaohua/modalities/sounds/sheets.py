"""Sounds as files that people open: one each, many in one file, and pictures of their spectrograms."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.sounds.clips import BLOCK, system_name
from zaohua.modalities.sounds.sound import Sound, sixteen_bits
from zaohua.modalities.sounds.spectra import RANGE, MelScale
from zaohua.report.sheets import grid, save

PAUSE = 0.1
"""Seconds between two sounds in one file."""
FASTEST_OGG = 200_000
"""Samples a second beyond which libsndfile's encoder of OGG crashes."""


def write_sound(sound: Sound, path: Path, deep: bool = False) -> Path:
    """Write a sound in the format of the path's ending, of 16 bits where that has bits; returns the path.

    What was there stays whole until the new file is.

    Args:
        sound: what is beyond [-1, 1] is clipped.
        path: where to; capitals in its ending don't matter.
        deep: more bits: a WAV file of floats, 24 bits in others.

    Raises:
        ZaohuaError: the format has no such rate or number of channels.
    """
    import soundfile

    ending = path.suffix[1:].upper()
    if ending == "OGG" and sound.rate > FASTEST_OGG:
        raise ZaohuaError(
            f"{path}: OGG files have up to {FASTEST_OGG} samples a second, and {sound!r} has more: "
            "write a .wav or .flac file"
        )
    samples = sound.samples.clip(-1, 1)
    kind: str | None = ("FLOAT" if ending == "WAV" else "PCM_24") if deep else "PCM_16"
    if not soundfile.check_format(ending, kind):  # OGG and MP3 know no bits
        kind = None
    elif kind == "PCM_16":  # in whole numbers, since libsndfile scales floats by 32767 and reads by 32768
        samples = sixteen_bits(samples)
    elif kind == "PCM_24":
        samples = np.clip(np.rint(samples * 2.0**23), -(2**23), 2**23 - 1).astype(np.int32) << 8
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with soundfile.SoundFile(system_name(temporary), "w", sound.rate, sound.channels, kind, format=ending) as file:
            for at in range(0, len(samples), BLOCK):  # the encoder of OGG crashes when it gets millions at once
                file.write(samples[at : at + BLOCK])
        os.replace(temporary, path)
    except soundfile.LibsndfileError as error:
        raise ZaohuaError(f"{path}: {sound!r} can't be written so ({error.error_string})") from None
    finally:
        temporary.unlink(missing_ok=True)
    return path


def joined(sounds: Sequence[Sound]) -> Sound:
    """Sounds of one rate one after another, with a short pause between them."""
    first = sounds[0]
    pause = np.zeros((round(PAUSE * first.rate), *first.samples.shape[1:]), np.float32)
    parts = [part for sound in sounds for part in (pause, sound.samples)]
    return Sound(np.concatenate(parts[1:]), first.rate)


def spectrograms(sounds: Sequence[Sound], scale: MelScale | None = None) -> np.ndarray:
    """Log-mel spectrograms as pictures: high is up, the loudest of all white, what is 80 dB below it black.

    Args:
        sounds: of one rate; channels are mixed, shorter ones end in silence.
        scale: of the spectrograms; the usual one of their rate when not given.

    Returns:
        uint8 (n, bands, frames).
    """
    scale = scale or MelScale.usual(sounds[0].rate)
    length = -(-max(map(len, sounds)) // scale.hop) * scale.hop
    waves = np.zeros((len(sounds), length), np.float32)
    for wave, sound in zip(waves, sounds, strict=True):
        wave[: len(sound)] = sound.samples.reshape(len(sound), sound.channels).mean(axis=1)
    log_mel = scale.log_mel(torch.from_numpy(waves))
    share = ((log_mel - log_mel.max()) / RANGE + 1).clamp(min=0)
    return (share * 255).round().to(torch.uint8).flip(1).numpy()


def write_spectrograms(sounds: Sequence[Sound], path: Path, scale: MelScale | None, columns: int | None) -> Any:
    """Write the spectrograms of sounds as one PNG."""
    return save(grid(spectrograms(sounds, scale), columns), path)
