"""Lists of sound files: headers are read first, long files are streamed, broken files are dropped with a warning."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple, Self, overload

import numpy as np
import torch

from zaohua.core.memory import free_memory
from zaohua.modalities.base import Codes
from zaohua.modalities.files.codes import FileCodes
from zaohua.modalities.files.items import THREADS, FileItems, ResultT, in_threads, in_turn
from zaohua.modalities.sounds.clips import Clip, SoundHeader, UnusableSound, reason
from zaohua.modalities.sounds.losses import Heard, tell_samples
from zaohua.modalities.sounds.sound import PLAYED, Sound, Sounds, sixteen_bits

BEYOND = 0.05
"""Extra seconds that are read at the end, for the resampling filters."""


def room(memory: float | None) -> float:
    """Convert a limit of memory from GiB to bytes; None gives a quarter of the free memory."""
    return free_memory() / 4 if memory is None else memory * 2**30


class SoundFiles(FileItems[Clip], Sequence[Sound]):
    """Ordered list of sounds, decoded on access: files, or `Sound`s in memory. Broken files: see `FileItems`."""

    noun: ClassVar[str] = "sounds"

    def __init__(self, sources: Sequence[Path | Sound | Clip], labels: Sequence[object] | None = None):
        super().__init__([s if isinstance(s, Clip) else Clip(s) for s in sources], labels)
        self._headers: list[SoundHeader] | None = None
        self._heard: list[Heard] = []

    @overload
    def __getitem__(self, index: int) -> Sound: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sound]: ...
    def __getitem__(self, index: int | slice) -> Sound | Sequence[Sound]:
        """Load a sound in its file's format; a slice returns a `SoundFiles`."""
        if isinstance(index, slice):
            return self.take(range(len(self))[index])
        return self.sources[index].load()

    def _repr_html_(self) -> str:
        """Show players of the first sounds in a notebook."""
        players = Sounds(clip.load() for clip in self.sources[:PLAYED])._repr_html_()
        more = f"<div>and {len(self) - PLAYED:,} more</div>" if len(self) > PLAYED else ""
        return players + more

    @property
    def paths(self) -> list[str]:
        """Readable names of the remaining sounds."""
        return [clip.name(i) for i, clip in enumerate(self.sources)]

    @property
    def headers(self) -> list[SoundHeader]:
        """Headers of the files; read once, dropping files that can't be read."""
        if self._headers is None:
            results = in_threads(Clip.header, self.sources)
            self.drop_failed(results)
            self._headers = [header for header in results if isinstance(header, SoundHeader)]
        return self._headers

    @property
    def seconds(self) -> list[float]:
        """Length of each sound in seconds."""
        headers = self.headers  # before the sources are looked at, as files that can't be read leave
        return [
            (header.frames / header.rate if clip.stop is None else clip.stop) - clip.start
            for clip, header in zip(self.sources, headers, strict=True)
        ]

    @property
    def groups(self) -> np.ndarray:
        """Index of the recording that each sound is from, int64 (n,)."""
        indices: dict[object, int] = {}
        sources = [id(clip.source) if isinstance(clip.source, Sound) else clip.source for clip in self.sources]
        return np.array([indices.setdefault(source, len(indices)) for source in sources])

    def _keep(self, at: Sequence[int]) -> None:
        super()._keep(at)
        if self._headers is not None:
            self._headers = [self._headers[i] for i in at]

    @staticmethod
    def file_of(source: Clip) -> Path | None:
        """Return the file of a clip; None for a sound in memory."""
        return source.source if isinstance(source.source, Path) else None

    def trimmed(self) -> SoundFiles:
        """Return a copy with leading and trailing silence trimmed; clips of longer sounds aren't changed."""
        _ = self.headers
        files = self.copy()
        results = in_threads(lambda clip: clip.trimmed() if clip.stop is None else clip, files.sources)
        files.drop_failed(results)
        files.sources = [clip for clip in results if isinstance(clip, Clip)]
        return files

    def split(self, seconds: float) -> SoundFiles:
        """Return a copy in which sounds longer than `seconds` are split into consecutive windows, in their sound's row.

        A remainder of less than half a window is dropped. Splitting again changes nothing.
        """
        lengths, clips, headers, owners = self.seconds, [], [], []  # reads the headers: files that are broken leave
        for i, (clip, header, length) in enumerate(zip(self.sources, self.headers, lengths, strict=True)):
            parts = max(1, math.floor(length / seconds + 0.5))
            for part in range(parts):
                start = clip.start + part * seconds
                unchanged = parts == 1 and (clip.stop is None or clip.stop <= start + seconds)
                clips.append(clip if unchanged else Clip(clip.source, start, min(start + seconds, clip.start + length)))
                headers.append(header)
                owners.append(i)
        return self.copy()._with_parts(clips, headers, owners)

    def _with_parts(self, clips: list[Clip], headers: list[SoundHeader], owners: list[int]) -> Self:
        """These files with parts of them as sounds; `owners` are the indices of the sounds that these are of."""
        self._total += len(clips) - len(self.sources)
        self.sources, self._headers, self.rows = clips, headers, self.rows[np.asarray(owners, np.int64)]
        return self

    def decode(self, form: Form, memory: float | None) -> Codes:
        """Decode all sounds to (n, channels, length): one tensor if it fits into memory, else read on demand.

        In either case every file is decoded here once, so that broken files are found before training.

        Args:
            form: format that the sounds are converted to.
            memory: limit in GiB; None for a quarter of the free memory.
        """
        _ = self.headers
        shape, kind = (len(self), form.channels, form.length), np.float32 if form.deep else np.int16
        fits = np.prod(shape, dtype=float) * np.dtype(kind).itemsize <= room(memory)
        waves = np.empty(shape if fits else (0,), kind)

        def work(row: int, wave: np.ndarray) -> None:
            if fits:
                waves[row] = form.padded(wave)

        mask = self.each(form, work)
        self.report()
        if not fits:
            return WaveCodes(self.sources, form)
        return torch.from_numpy(waves if all(mask) else waves[mask])

    def report(self) -> None:
        """Note the sounds that were dropped since the last call, and what the others lost."""
        super().report()
        tell_samples(self._heard)
        self._heard = []

    def each(
        self, form: Form, work: Callable[[int, np.ndarray], ResultT], take: Callable[[ResultT], object] | None = None
    ) -> list[bool]:
        """Call work(index, samples) for each sound in threads; drop sounds for which it fails.

        Args:
            form: format that the sounds are converted to.
            work: function of a sound's index and its samples, (channels, at most length); may raise anything.
            take: called with the results of `work` in the order of the sounds, so that few results are pending.

        Returns:
            A mask of the sounds that were kept.
        """

        def attempt(row: int) -> tuple[ResultT | None, str | None]:
            try:
                sound = form.read(self.sources[row])
                samples = form.ragged(sound)
                result = work(row, samples)
                self._heard.append(Heard(sound.peak, form.peak(samples)))
                return result, None
            except Exception as error:  # a damaged file can make the decoder raise anything
                return None, reason(error)

        reasons = []
        for result, error in in_turn(attempt, range(len(self)), 4096 if take is None else 4 * THREADS):
            if take is not None and result is not None:
                take(result)
            reasons.append(error)
        return self.drop_failed(reasons)


class Form(NamedTuple):
    """Format that all sounds of a model are converted to.

    Attributes:
        rate: sampling rate in Hz.
        length: number of samples; longer sounds are cut off, shorter ones padded with silence.
        channels: number of channels; 1 mixes all channels down.
        deep: True for float32 instead of int16 samples.
    """

    rate: int
    length: int
    channels: int
    deep: bool

    def load(self, clip: Clip) -> np.ndarray:
        """Load, convert and pad a clip, int16 or float32 (channels, length); raises what `read` and `ragged` do."""
        return self.padded(self.ragged(self.read(clip)))

    def read(self, clip: Clip) -> Sound:
        """Read as much of a clip as `ragged` needs; raises what `Clip.load` and the decoder do."""
        return clip.load(self.length / self.rate + BEYOND)

    def peak(self, samples: np.ndarray) -> float:
        """Return the largest absolute sample of a converted sound, 1 at full scale."""
        return float(np.abs(samples.astype(np.float32)).max(initial=0)) / (1 if self.deep else 32768)

    def padded(self, samples: np.ndarray) -> np.ndarray:
        """Pad samples (channels, at most length) with silence to (channels, length)."""
        return np.pad(samples, ((0, 0), (0, self.length - samples.shape[1])))

    def ragged(self, sound: Sound) -> np.ndarray:
        """Convert a sound without padding, int16 or float32 (channels, at most length), clipped to [-1, 1].

        Raises:
            UnusableSound: it has several channels, but not `channels` ones. A single channel is repeated.
        """
        samples = sound.samples.reshape(len(sound), sound.channels)
        if sound.peak > 1:
            samples = samples.clip(-1, 1)
        if self.channels == 1:
            samples = samples.mean(axis=1, keepdims=True)
        elif samples.shape[1] == 1:
            samples = samples.repeat(self.channels, axis=1)
        elif samples.shape[1] != self.channels:
            raise UnusableSound(f"{samples.shape[1]} channels instead of {self.channels}")
        if sound.rate != self.rate:
            import soxr

            samples = soxr.resample(samples, sound.rate, self.rate)
        samples = samples[: self.length].T
        return samples.clip(-1, 1) if self.deep else sixteen_bits(samples)


class WaveCodes(FileCodes[Clip]):
    """Sounds that are read from files on demand, int16 or float32 (b, channels, length)."""

    def __init__(self, clips: Sequence[Clip], form: Form):
        super().__init__(clips)
        self.form = form

    def load(self, source: Clip) -> np.ndarray:
        """Load the samples of a clip."""
        return self.form.load(source)

    def name(self, source: Clip, at: int) -> str:
        """Return the path and position of a clip, or its index."""
        return source.name(at)

    def reason(self, error: Exception) -> str:
        """Describe an error in a few words."""
        return reason(error)
