"""One sound, in a file or in memory: what its header says, whether it is whole, and any part of it.

What a file promises is never believed: nothing is read, or room made for, beyond what is asked for.
"""

from __future__ import annotations

import contextlib
import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from zaohua.modalities.sounds.formats import mpeg, ogg
from zaohua.modalities.sounds.sound import MOST_CHANNELS, RATES, Sound

DEEP = frozenset({"PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAC_20", "ALAC_24", "ALAC_32"})
"""Kinds of samples that 16 bits can't hold."""
DENSEST = 8192
"""Samples in a byte of the most compressed files there are: those of silence."""
UNKNOWN = frozenset({0, 0x7FFFF000, 0x7FFFFFFF, *range(0xFFFFFF00, 0x1_0000_0000)})
"""What programs that write to a pipe give as the length that they can't know."""
CHUNKS = {b"RIFF": "<", b"RIFX": ">", b"RF64": "<", b"FORM": ">"}
"""What a file of chunks begins with, and the order of its bytes."""
MOST_CHUNKS = 1000
SILENCE = 0.01
"""Share of the loudest block below which a block is silence (40 dB)."""
LOUDEST = 4.0
"""Peak beyond which samples are on another scale than [-1, 1]; up to there they are loud."""
BLOCK = 1 << 16
"""Samples that are read at once."""


class UnusableSound(ValueError):
    """A sound that can be read and can't be learnt from."""


class SoundHeader(NamedTuple):
    """What a file says of its sound: samples a second, their number, channels, whether 16 bits can't hold them."""

    rate: int
    frames: int
    channels: int
    deep: bool


class Clip(NamedTuple):
    """A part of a sound: in seconds from its beginning; None to its end."""

    source: Path | Sound
    start: float = 0.0
    stop: float | None = None

    def name(self, at: int) -> str:
        """What people call it, given its place among others."""
        if isinstance(self.source, Sound):
            return f"sound {at}"
        return str(self.source) if self.stop is None else f"{self.source} from {self.start:.1f} s"

    def load(self, seconds: float = math.inf) -> Sound:
        """It, or its beginning of so many seconds; nothing else is read.

        Raises:
            UnusableSound: it ends early, or has samples that are no numbers or far beyond [-1, 1].
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
                raise UnusableSound(f"cut off: {first + len(sound)} of {last} samples are there")
        if not math.isfinite(peak := sound.peak):
            raise UnusableSound("samples that are NaN or infinite")
        if peak > LOUDEST:
            whole = next((2**bits for bits in (15, 23, 31) if 2**7 < peak <= 2**bits), None)
            raise UnusableSound(
                f"peaks at {peak:.6g}, where full scale is 1: "
                + (f"divide by {whole}" if whole else "scale it to [-1, 1]")
            )
        return sound

    def _bounds(self, rate: int, frames: int, seconds: float) -> tuple[int, int]:
        """The samples from where to where it is."""
        first = min(round(self.start * rate), frames)
        last = frames if self.stop is None else min(round(self.stop * rate), frames)
        return first, last if math.isinf(seconds) else min(last, first + math.ceil(seconds * rate))

    def header(self) -> SoundHeader | str:
        """What is said of its sound, or why it is left out."""
        if isinstance(self.source, Sound):
            sound = self.source
            return SoundHeader(sound.rate, len(sound), sound.channels, deep=False) if len(sound) else "no samples"
        try:
            size = self.source.stat().st_size
            if size == 0:
                return "empty"
            with _opened(self.source) as info:
                pass
            lacking = _lacking(self.source)
            damage = ogg.damage(self.source) if info.format == "OGG" else None
            short = info.format == "MP3" and mpeg.longer(self.source, info.frames)
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
        if lacking:
            return f"cut off: its header says {lacking} bytes more"
        if short:
            return "an MP3 of varying bit rate whose header doesn't say how long it is"
        if not info.frames:
            return "no samples"
        return SoundHeader(info.samplerate, info.frames, info.channels, info.subtype in DEEP)

    def sounding(self) -> Clip | str:
        """It from where it begins to where it dies away, 40 dB below its loudest 10 ms; or why it is left out."""
        try:
            loud, rate = self._loudness()
        except Exception as error:
            return reason(error)
        above = np.flatnonzero(loud > max(SILENCE * loud.max(initial=0.0), 1e-6))  # what rounding leaves is silence
        if not len(above):
            return "silence"
        block = _block(rate) / rate
        stop = math.inf if self.stop is None else self.stop
        end = min(self.start + (above[-1] + 1) * block, stop)
        return Clip(self.source, self.start + float(above[0] * block), float(end))

    def _loudness(self) -> tuple[np.ndarray, int]:
        """How far each 10 ms go from their mean, and the rate; read block by block, however long it is."""
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
    """Samples of 10 ms; more where those are too few to have a mean and go away from it."""
    return max(16, rate // 100)


def system_name(path: Path) -> str | bytes:
    """A path as soundfile takes it, names that are no text (UTF-8) included."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def reason(error: BaseException) -> str:
    """Why a sound is left out, in a few words."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, UnusableSound):
        return text
    if "File does not exist or is not a regular file" in text:  # of libmpg123, about a file without a frame
        text = "Format not recognised."
    return f"not a sound that can be read: {text.rpartition(': ')[2][:80]}"


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A file as soundfile has it, whose decoder of MP3 writes nothing to stderr meanwhile."""
    import soundfile

    quiet = mpeg.quiet if path.suffix.casefold() == ".mp3" else contextlib.nullcontext()
    with quiet, soundfile.SoundFile(system_name(path)) as file:
        yield file


def _blocks(file: Any, frames: int) -> Any:
    """So many samples from where a file is, as blocks; fewer where it ends."""
    while frames > 0:
        block = file.read(min(frames, BLOCK), dtype="float32")
        if not len(block):
            return
        frames -= len(block)
        yield block


def _lacking(path: Path) -> int:
    """Bytes that a WAV, RF64, AIFF, W64 or AU file announces and hasn't; libsndfile passes over that."""
    with path.open("rb") as file:
        size, start = os.fstat(file.fileno()).st_size, file.read(24)
        if start[:4] in CHUNKS:
            return _lacking_of_chunks(file, CHUNKS[start[:4]], size)
        if start[:4] == b"riff" and len(start) == 24:
            return max(0, struct.unpack("<16xQ", start)[0] - size)
        if start[:4] == b".snd" and len(start) == 24:
            offset, length = struct.unpack(">4xII12x", start)
            return 0 if length in UNKNOWN else max(0, offset + length - size)
    return 0


def _lacking_of_chunks(file: IO[bytes], order: str, size: int) -> int:
    at, long = 12, 0
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            break
        name, length = struct.unpack(f"{order}4sI", head)
        if name == b"ds64":  # of RF64, whose own chunk of samples has no length
            long = struct.unpack("<8xQ", file.read(16).ljust(16, b"\0"))[0]
        if name in (b"data", b"SSND"):
            length = long if long and length == 0xFFFFFFFF else length
            return 0 if length in UNKNOWN else max(0, at + 8 + length - size)
        at += 8 + length + length % 2
    return 0
