"""Sounds in files: headers are looked at first, long ones are streamed, what is broken is left out and named."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self, overload

import numpy as np
import torch

from zaohua.core.errors import ZaohuaWarning
from zaohua.modalities.base import Codes
from zaohua.modalities.files.arrays import free_memory
from zaohua.modalities.files.codes import FileCodes
from zaohua.modalities.files.items import THREADS, FileItems, in_threads, in_turn
from zaohua.modalities.sounds.clips import Clip, SoundHeader, UnusableSound, reason
from zaohua.modalities.sounds.sound import Sound, sixteen_bits

BEYOND = 0.05
"""Seconds that are read beyond what is kept, for the filters of resampling to see."""


def room(memory: float | None) -> float:
    """Bytes that codes may take in memory, of so many GiB; None for a quarter of the free memory."""
    return free_memory() / 4 if memory is None else memory * 2**30


class SoundFiles(FileItems[Clip], Sequence[Sound]):
    """Sounds not yet decoded, in a fixed order: files, or `Sound`s in memory. See `FileItems` for what is broken."""

    noun: ClassVar[str] = "sounds"

    def __init__(self, sources: Sequence[Path | Sound | Clip], labels: Sequence[Any] | None = None):
        super().__init__([s if isinstance(s, Clip) else Clip(s) for s in sources], labels)
        self._headers: list[SoundHeader] | None = None
        self._beyond: list[float] = []

    @overload
    def __getitem__(self, index: int) -> Sound: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sound]: ...
    def __getitem__(self, index: int | slice) -> Sound | Sequence[Sound]:
        """A sound as its file has it; a slice is a `SoundFiles`."""
        if isinstance(index, slice):
            return SoundFiles(self.sources[index], None if self.labels is None else self.labels[index])
        return self.sources[index].load()

    @property
    def paths(self) -> list[str]:
        """Names of the sounds that are left, for people."""
        return [clip.name(i) for i, clip in enumerate(self.sources)]

    @property
    def headers(self) -> list[SoundHeader]:
        """What each file says of its sound; looked at once, and files that can't be read are left out."""
        if self._headers is None:
            found = in_threads(Clip.header, self.sources)
            self.drop_failed(found)
            self._headers = [header for header in found if isinstance(header, SoundHeader)]
        return self._headers

    @property
    def seconds(self) -> list[float]:
        """How long each is."""
        return [
            (header.frames / header.rate if clip.stop is None else clip.stop) - clip.start
            for clip, header in zip(self.sources, self.headers, strict=True)
        ]

    @property
    def groups(self) -> np.ndarray:
        """Which recording each is, or is a part of, numbered from 0, int64 (n,)."""
        places: dict[Any, int] = {}
        sources = [id(clip.source) if isinstance(clip.source, Sound) else clip.source for clip in self.sources]
        return np.array([places.setdefault(source, len(places)) for source in sources])

    def drop_failed(self, results: Sequence[object]) -> list[bool]:
        """Drop the sounds whose result is a text, and what is known of their headers."""
        keep = super().drop_failed(results)
        if self._headers is not None:
            self._headers = [header for header, ok in zip(self._headers, keep, strict=True) if ok]
        return keep

    def trimmed(self) -> SoundFiles:
        """They without the silence before and behind each sound; what is a part of a sound already stays as it is."""
        _ = self.headers
        files = self.copy()
        found = in_threads(lambda clip: clip.sounding() if clip.stop is None else clip, files.sources)
        files.drop_failed(found)
        files.sources = [clip for clip in found if isinstance(clip, Clip)]
        return files

    def cut(self, seconds: float) -> SoundFiles:
        """They with several of every sound that is longer than this, one behind the other, each with its label.

        A rest of less than half the length is left out. To cut once more changes nothing.
        """
        clips, headers, labels = [], [], []
        for i, (clip, header, length) in enumerate(zip(self.sources, self.headers, self.seconds, strict=True)):
            parts = max(1, math.floor(length / seconds + 0.5))
            for part in range(parts):
                start = clip.start + part * seconds
                whole = parts == 1 and (clip.stop is None or clip.stop <= start + seconds)
                clips.append(clip if whole else Clip(clip.source, start, min(start + seconds, clip.start + length)))
                headers.append(header)
                if self.labels is not None:
                    labels.append(self.labels[i])
        return self.copy()._with_parts(clips, headers, None if self.labels is None else labels)

    def _with_parts(self, clips: list[Clip], headers: list[SoundHeader], labels: list[Any] | None) -> Self:
        """These files with other parts of them as sounds."""
        self._total += len(clips) - len(self.sources)
        self.sources, self._headers, self.labels = clips, headers, labels
        return self

    def decode(self, form: Form, memory: float | None) -> Codes:
        """All sounds as codes (n, channels, length): one tensor if it fits, else gathered from the files.

        Of each is decoded here what will be used, in either case, so that what is broken is known before training.

        Args:
            form: what they are brought to.
            memory: GiB that they may take; None for a quarter of the free memory.
        """
        _ = self.headers
        shape, kind = (len(self), form.channels, form.length), np.float32 if form.deep else np.int16
        keep = np.prod(shape, dtype=float) * np.dtype(kind).itemsize <= room(memory)
        waves = np.empty(shape if keep else (0,), kind)

        def work(row: int, wave: np.ndarray) -> None:
            if keep:
                waves[row] = form.padded(wave)

        stays = self.each(form, work)
        self.report()
        if not keep:
            return WaveCodes(self.sources, form)
        return torch.from_numpy(waves if all(stays) else waves[stays])

    def report(self) -> None:
        """Warn of what has been left out, or clipped, since the last time."""
        super().report()
        if self._beyond:
            warnings.warn(
                f"{len(self._beyond)} of {len(self)} {self.noun} go beyond full scale, up to "
                f"{max(self._beyond):.4g}, and are clipped to [-1, 1]: divide them all by that if you want "
                "them whole",
                ZaohuaWarning,
                stacklevel=3,
            )
            self._beyond = []

    def each(
        self, form: Form, work: Callable[[int, np.ndarray], Any], take: Callable[[Any], object] | None = None
    ) -> list[bool]:
        """work(number, codes) for each sound, by threads; which ones stay, as those at which that fails are left out.

        Args:
            form: what they are brought to.
            work: takes a sound's number and its codes, (channels, at most length); may raise anything.
            take: is given what work returns, in the order of the sounds, so that few results are waiting at a time.
        """

        def tried(row: int) -> tuple[Any, str | None]:
            try:
                sound = form.read(self.sources[row])
                result = work(row, form.ragged(sound))
                if sound.peak > 1:
                    self._beyond.append(sound.peak)
                return result, None
            except Exception as error:  # a damaged file can make the decoder raise anything
                return None, reason(error)

        reasons = []
        for result, why in in_turn(tried, range(len(self)), 4096 if take is None else 4 * THREADS):
            if take is not None and why is None:
                take(result)
            reasons.append(why)
        return self.drop_failed(reasons)


class Form(NamedTuple):
    """What all sounds of a model are brought to.

    Attributes:
        rate: samples a second.
        length: samples; longer ones are cut off, shorter ones end in silence.
        channels: 1 for the mean of all there are.
        deep: whether samples are float32 instead of int16.
    """

    rate: int
    length: int
    channels: int
    deep: bool

    def load(self, clip: Clip) -> np.ndarray:
        """A clip as codes, int16 or float32 (channels, length). Raises what `read` and `ragged` do."""
        return self.padded(self.ragged(self.read(clip)))

    def read(self, clip: Clip) -> Sound:
        """As much of a clip as `ragged` needs. Raises what `Clip.load` does, and whatever its decoder raises."""
        return clip.load(self.length / self.rate + BEYOND)

    def padded(self, codes: np.ndarray) -> np.ndarray:
        """Codes (channels, at most length) -> (channels, length), silence behind."""
        return np.pad(codes, ((0, 0), (0, self.length - codes.shape[1])))

    def ragged(self, sound: Sound) -> np.ndarray:
        """A sound as codes without silence behind it, int16 or float32 (channels, at most length), clipped to [-1, 1].

        Raises:
            UnusableSound: it has several channels, and not as many; one becomes all of them.
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
    """Codes of sounds in files, int16 or float32 (b, channels, length)."""

    def __init__(self, clips: Sequence[Clip], form: Form):
        super().__init__(clips)
        self.form = form

    def load(self, source: Clip) -> np.ndarray:
        """Its samples."""
        return self.form.load(source)

    def name(self, source: Clip, at: int) -> str:
        """Its path and place, or its number."""
        return source.name(at)

    def reason(self, error: Exception) -> str:
        """What is wrong with it."""
        return reason(error)
