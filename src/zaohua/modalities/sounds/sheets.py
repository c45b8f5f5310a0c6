"""Export of sounds: one file per sound, many sounds in one file, and images of their spectrograms."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

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
FORMATS = {
    **dict.fromkeys((".wav", ".wave"), "WAV"),
    **dict.fromkeys((".ogg", ".oga"), "OGG"),
    **dict.fromkeys((".aif", ".aiff", ".aifc"), "AIFF"),
    **{ending: ending[1:].upper() for ending in (".flac", ".mp3", ".au", ".caf", ".w64", ".rf64")},
}
"""Formats that are written, as libsndfile calls them, by the ending of a file."""
BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
"""Sample formats of whole numbers, and their bits."""
FLOATS = ("FLOAT", "DOUBLE")
"""Sample formats of floats."""
NEAREST = ("PCM_24", "PCM_16")
"""Sample formats that are tried where one isn't available, the best first."""


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
    ending = path.suffix.casefold()
    kind = ("FLOAT" if ending == ".wav" else "PCM_24") if deep else "PCM_16"
    return write_samples(sound, path, kind)


def write_samples(sound: Sound, path: Path, kind: str, titles: Mapping[str, str] = MappingProxyType({})) -> Path:
    """Write a sound in the format of the path's suffix, and return the path.

    An existing file is replaced atomically. Samples of whole numbers that were read are written as they were.

    Args:
        sound: the sound; samples are clipped to [-1, 1], unless they are written as floats.
        path: the file to write; the case of its suffix doesn't matter.
        kind: sample format as libsndfile calls it, such as PCM_24; formats that don't have it take what is nearest.
        titles: texts to store, by their names.

    Raises:
        ZaohuaError: the format doesn't support the rate or the number of channels.
    """
    import soundfile

    form = FORMATS.get(path.suffix.casefold(), path.suffix[1:].upper())
    if form == "OGG" and sound.rate > FASTEST_OGG:
        raise ZaohuaError(
            f"{path}: OGG files have a rate of up to {FASTEST_OGG} Hz, and {sound!r} has more: "
            "write a .wav or .flac file"
        )
    chosen = next((each for each in (kind, *NEAREST) if soundfile.check_format(form, each)), None)
    samples = sound.samples if chosen in FLOATS else _whole(sound.samples.clip(-1, 1), BITS.get(chosen or ""))
    with whole_file(path) as temporary:
        encoded = io.BytesIO()  # libsndfile doesn't tell why a file can't be written, such as a full disk
        try:
            with soundfile.SoundFile(encoded, "w", sound.rate, sound.channels, chosen, format=form) as file:
                for name, text in titles.items():
                    setattr(file, name, text)
                for at in range(0, len(samples), BLOCK):  # the OGG encoder crashes on millions of samples at once
                    file.write(samples[at : at + BLOCK])
        except soundfile.LibsndfileError as error:
            raise ZaohuaError(f"{path}: {sound!r} can't be written in this format ({error.error_string})") from None
        temporary.write_bytes(encoded.getbuffer())
    return path


def _whole(samples: np.ndarray, bits: int | None) -> np.ndarray:
    """Round samples to whole numbers of some bits, since libsndfile scales floats by 32767 and reads by 32768.

    Args:
        samples: in [-1, 1].
        bits: number of bits; None for formats without, whose encoders take floats.
    """
    if bits is None:
        return samples
    if bits == 16:
        return sixteen_bits(samples)
    top = 2.0 ** (bits - 1)
    return np.clip(np.rint(samples.astype(np.float64) * top), -top, top - 1).astype(np.int64).astype(np.int32) << (
        32 - bits
    )


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
