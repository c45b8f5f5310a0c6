"""Export of sounds: one file per sound, many sounds in one file, and images of their spectrograms."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.sounds.axes import with_axes
from zaohua.modalities.sounds.clips import BLOCK
from zaohua.modalities.sounds.sound import Sound, sixteen_bits
from zaohua.modalities.sounds.spectra import RANGE, MelScale
from zaohua.report.sheets import grid, save
from zaohua.storage.outputs import whole_file

PAUSE = 0.1
"""Pause between two sounds in one file, in seconds."""
FASTEST_OGG = 200_000
"""Sampling rate above which libsndfile's OGG encoder crashes."""


def write_sound(sound: Sound, path: Path, deep: bool = False) -> Path:
    """Write a sound in the format of the path's suffix, with 16 bits if the format has bits, and return the path.

    An existing file is replaced atomically.

    Args:
        sound: the sound; samples are clipped to [-1, 1].
        path: the file to write; the case of its suffix doesn't matter.
        deep: True for more bits: floats in WAV files, 24 bits in others.

    Raises:
        ZaohuaError: the format doesn't support the rate or the number of channels.
    """
    import soundfile

    ending = path.suffix[1:].upper()
    if ending == "OGG" and sound.rate > FASTEST_OGG:
        raise ZaohuaError(
            f"{path}: OGG files have a rate of up to {FASTEST_OGG} Hz, and {sound!r} has more: "
            "write a .wav or .flac file"
        )
    samples = sound.samples.clip(-1, 1)
    kind: str | None = ("FLOAT" if ending == "WAV" else "PCM_24") if deep else "PCM_16"
    if not soundfile.check_format(ending, kind):  # OGG and MP3 have no bit depth
        kind = None
    elif kind == "PCM_16":  # as integers, since libsndfile scales floats by 32767 and reads by 32768
        samples = sixteen_bits(samples)
    elif kind == "PCM_24":
        samples = np.clip(np.rint(samples * 2.0**23), -(2**23), 2**23 - 1).astype(np.int32) << 8
    with whole_file(path) as temporary:
        encoded = io.BytesIO()  # libsndfile doesn't tell why a file can't be written, such as a full disk
        try:
            with soundfile.SoundFile(encoded, "w", sound.rate, sound.channels, kind, format=ending) as file:
                for at in range(0, len(samples), BLOCK):  # the OGG encoder crashes on millions of samples at once
                    file.write(samples[at : at + BLOCK])
        except soundfile.LibsndfileError as error:
            raise ZaohuaError(f"{path}: {sound!r} can't be written in this format ({error.error_string})") from None
        temporary.write_bytes(encoded.getbuffer())
    return path


def joined(sounds: Sequence[Sound]) -> Sound:
    """Concatenate sounds of one rate, with a short pause between them."""
    first = sounds[0]
    pause = np.zeros((round(PAUSE * first.rate), *first.samples.shape[1:]), np.float32)
    parts = [part for sound in sounds for part in (pause, sound.samples)]
    return Sound(np.concatenate(parts[1:]), first.rate)


def spectrograms(sounds: Sequence[Sound], scale: MelScale | None = None) -> np.ndarray:
    """Draw log-mel spectrograms: high frequencies are up, the loudest value is white, 80 dB below it is black.

    Args:
        sounds: sounds of one rate; channels are mixed, shorter sounds padded with silence.
        scale: parameters of the spectrograms; default: those for the rate.

    Returns:
        uint8 (n, bands, frames).
    """
    scale = scale or MelScale.default(sounds[0].rate)
    length = -(-max(map(len, sounds)) // scale.hop) * scale.hop
    waves = np.zeros((len(sounds), length), np.float32)
    for wave, sound in zip(waves, sounds, strict=True):
        wave[: len(sound)] = sound.samples.reshape(len(sound), sound.channels).mean(axis=1)
    log_mel = scale.log_mel(torch.from_numpy(waves))
    brightness = ((log_mel - log_mel.max()) / RANGE + 1).clamp(min=0)
    return (brightness * 255).round().to(torch.uint8).flip(1).numpy()


def write_spectrograms(sounds: Sequence[Sound], path: Path, scale: MelScale | None, columns: int | None) -> Path:
    """Write the spectrograms of sounds as one PNG, each with its axes."""
    scale = scale or MelScale.default(sounds[0].rate)
    drawn = np.stack([with_axes(spectrogram, scale) for spectrogram in spectrograms(sounds, scale)])
    return save(grid(drawn, columns), path)
