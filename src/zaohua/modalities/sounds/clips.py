"""Excerpts of sounds in files or in memory: headers, integrity checks and loading.

Headers aren't trusted: no memory is allocated, and nothing is read, beyond what is requested.
"""

from __future__ import annotations

import contextlib
import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from zaohua.modalities.sounds.formats import mpeg, ogg
from zaohua.modalities.sounds.sound import MOST_CHANNELS, RATES, Sound

if TYPE_CHECKING:
    import soundfile

DEEP = frozenset({"PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAC_20", "ALAC_24", "ALAC_32"})
"""Sample formats with more than 16 bits."""
DENSEST = 8192
"""Maximum number of samples per byte of a file, reached by compressed silence."""
UNKNOWN = frozenset({0, 0x7FFFF000, 0x7FFFFFFF, *range(0xFFFFFF00, 0x1_0000_0000)})
"""Placeholder lengths that programs write if they don't know the length, as in a pipe."""
CHUNKS = {b"RIFF": "<", b"RIFX": ">", b"RF64": "<", b"FORM": ">"}
"""First bytes of files that consist of chunks, and their byte order."""
MOST_CHUNKS = 1000
"""Maximum number of chunks that are searched."""
"""Maximum number of chunks that are searched."""
SILENCE = 0.01
"""Fraction of the loudest block's level below which a block is silence (40 dB)."""
LOUDEST = 4.0
"""Peak above which samples have another scale than [-1, 1]; below it they are just loud."""
BLOCK = 1 << 16
"""Number of samples that are read at once."""


class UnusableSound(ValueError):
    """Error for a sound that can be read, but not be used for training."""


class SoundHeader(NamedTuple):
    """Metadata from a file's header.

    Attributes:
        rate: sampling rate in Hz.
        frames: number of samples per channel.
        channels: number of channels.
        deep: True if samples have more than 16 bits.
    """

    rate: int
    frames: int
    channels: int
    deep: bool


class Clip(NamedTuple):
    """Excerpt of a sound: start and stop in seconds from its beginning; stop is None for the end."""

    source: Path | Sound
    start: float = 0.0
    stop: float | None = None

    def name(self, at: int) -> str:
        """Return a readable name of the clip; `at` is its index, for sounds in memory."""
        if isinstance(self.source, Sound):
            return f"sound {at}"
        return str(self.source) if self.stop is None else f"{self.source} from {self.start:.1f} s"

    def load(self, seconds: float = math.inf) -> Sound:
        """Load the excerpt, or its first `seconds`; nothing else is read.

        Raises:
            UnusableSound: the file is truncated, or has samples that aren't finite or far beyond [-1, 1].
        """
        if isinstance(self.source, Sound):
            first, last = self._bounds(self.source.rate, len(self.source), seconds)
            sound = Sound(self.source.samples[first:last], self.source.rate)
        else:
            with _opened(self.source) as file:
                first, last = self._bounds(file.samplerate, file.frames, seconds)
                file.seek(first)
                blocks = list(_blocks(file, last - first))
                sound = Sound(np.concatenate(blocks) if blocks else np.zeros(0, np.float32), file.samplerate)
            if len(sound) < last - first:
                raise UnusableSound(f"cut off: it has {first + len(sound)} of {last} samples")
        if not math.isfinite(peak := sound.peak):
            raise UnusableSound("samples that are NaN or infinite")
        if peak > LOUDEST:
            full_scale = next((2**bits for bits in (15, 23, 31) if 2**7 < peak <= 2**bits), None)
            raise UnusableSound(
                f"peaks at {peak:.6g}, where full scale is 1: "
                + (f"divide by {full_scale}" if full_scale else "scale it to [-1, 1]")
            )
        return sound

    def _bounds(self, rate: int, frames: int, seconds: float) -> tuple[int, int]:
        """Return the indices of the excerpt's first sample and of the one after its last."""
        first = min(round(self.start * rate), frames)
        last = frames if self.stop is None else min(round(self.stop * rate), frames)
        return first, last if math.isinf(seconds) else min(last, first + math.ceil(seconds * rate))

    def header(self) -> SoundHeader | str:
        """Return the metadata from the file's header, or the reason for rejecting the file."""
        if isinstance(self.source, Sound):
            sound = self.source
            return SoundHeader(sound.rate, len(sound), sound.channels, deep=False) if len(sound) else "no samples"
        try:
            size = self.source.stat().st_size
            if size == 0:
                return "empty"
            with _opened(self.source) as info:
                pass
            missing = _missing_bytes(self.source)
            damage = ogg.find_damage(self.source) if info.format == "OGG" else None
            short = info.format == "MP3" and mpeg.is_longer(self.source, info.frames)
        except Exception as error:  # a damaged file can make the decoder raise anything
            return reason(error)
        if info.samplerate not in RATES or not 1 <= info.channels <= MOST_CHANNELS:
            return f"its header says {info.channels} channels at {info.samplerate} Hz"
        if info.frames > DENSEST * size:
            return (
                "its header doesn't say how long it is"
                if info.frames > 2**60
                else (f"its header says {info.frames} samples, in {size} bytes")
            )
        if damage:
            return damage
        if missing:
            return f"cut off: {missing} bytes are missing by its header"
        if short:
            return "an MP3 of varying bit rate whose header doesn't say how long it is"
        if not info.frames:
            return "no samples"
        return SoundHeader(info.samplerate, info.frames, info.channels, info.subtype in DEEP)

    def trimmed(self) -> Clip | str:
        """Trim leading and trailing silence (40 dB below the loudest 10 ms); return a clip, or why it is rejected."""
        try:
            loud, rate = self._loudness()
        except Exception as error:
            return reason(error)
        above = np.flatnonzero(loud > max(SILENCE * loud.max(initial=0.0), 1e-6))  # rounding errors count as silence
        if not len(above):
            return "silence"
        block = _block(rate) / rate
        stop = math.inf if self.stop is None else self.stop
        end = min(self.start + (above[-1] + 1) * block, stop)
        return Clip(self.source, self.start + float(above[0] * block), float(end))

    def _loudness(self) -> tuple[np.ndarray, int]:
        """Compute the peak deviation from the mean in each 10 ms, and the rate; reads the file in blocks."""
        rate = self.source.rate if isinstance(self.source, Sound) else 0
        if isinstance(self.source, Path):
            with _opened(self.source) as file:
                rate = file.samplerate
        block, seconds = _block(rate), 100 * _block(rate) / rate
        peaks, at = [], self.start
        while self.stop is None or at < self.stop:
            part = Clip(self.source, at, self.stop).load(seconds)
            if not len(part):
                break
            samples, starts = part.samples.reshape(len(part), -1), np.arange(0, len(part), block)
            sizes = np.diff(starts, append=len(part))[:, None]
            means = np.add.reduceat(samples, starts) / sizes
            loud = np.abs(samples - means.repeat(sizes[:, 0], axis=0)).max(axis=1)
            peaks.append(np.maximum.reduceat(loud, starts))
            at += seconds
        return np.concatenate(peaks) if peaks else np.zeros(0), rate


def _block(rate: int) -> int:
    """Return the number of samples in 10 ms, at least 16, so that their mean is meaningful."""
    return max(16, rate // 100)


def system_name(path: Path) -> str | bytes:
    """Convert a path for soundfile, including file names that aren't valid UTF-8."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def reason(error: BaseException) -> str:
    """Describe in a few words why a sound is rejected."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, UnusableSound):
        return text
    if "File does not exist or is not a regular file" in text:  # libmpg123's message for a file without a frame
        text = "Format not recognised."
    return f"not a sound that can be read: {text.rpartition(': ')[2][:80]}"


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """Open a file with soundfile, and suppress messages of its MP3 decoder meanwhile."""
    import soundfile

    context = mpeg.silenced if path.suffix.casefold() == ".mp3" else contextlib.nullcontext()
    with context, soundfile.SoundFile(system_name(path)) as file:
        yield file


def _blocks(file: soundfile.SoundFile, frames: int) -> Iterator[np.ndarray]:
    """Yield the next `frames` samples of a file in blocks; fewer if it ends before."""
    while frames > 0:
        block = file.read(min(frames, BLOCK), dtype="float32")
        if not len(block):
            return
        frames -= len(block)
        yield block


def _missing_bytes(path: Path) -> int:
    """Count the bytes that a truncated WAV, RF64, AIFF, W64 or AU file lacks by its header; libsndfile ignores that."""
    with path.open("rb") as file:
        size, start = os.fstat(file.fileno()).st_size, file.read(24)
        if start[:4] in CHUNKS:
            return _missing_of_chunks(file, CHUNKS[start[:4]], size)
        if start[:4] == b"riff" and len(start) == 24:
            (length,) = struct.unpack("<16xQ", start)
            return max(0, int(length) - size)
        if start[:4] == b".snd" and len(start) == 24:
            offset, length = struct.unpack(">4xII12x", start)
            return 0 if length in UNKNOWN else max(0, offset + length - size)
    return 0


def _missing_of_chunks(file: IO[bytes], order: str, size: int) -> int:
    at, long = 12, 0
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            break
        name, length = struct.unpack(f"{order}4sI", head)
        if name == b"ds64":  # in RF64, which stores the length of the samples here
            long = struct.unpack("<8xQ", file.read(16).ljust(16, b"\0"))[0]
        if name in (b"data", b"SSND"):
            length = long if long and length == 0xFFFFFFFF else length
            return 0 if length in UNKNOWN else max(0, at + 8 + length - size)
        at += 8 + length + length % 2
    return 0
