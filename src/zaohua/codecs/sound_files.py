"""Sounds in files: headers are looked at first, long ones are streamed, what is broken is left out and named."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, overload

import numpy as np
import torch
from torch import Tensor

from zaohua.codecs.base import Codes
from zaohua.codecs.folders import find
from zaohua.codecs.left_out import LeavesOut
from zaohua.data.array_files import free_memory
from zaohua.data.sounds import Sound, sixteen_bits
from zaohua.errors import ZaohuaError

SUFFIXES = frozenset({".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au",
                      ".caf", ".w64", ".rf64"})
"""Endings by which a file is taken for a sound; what it really is decides its content."""
DEEP = frozenset({"PCM_24", "PCM_32", "FLOAT", "DOUBLE"})
"""Kinds of samples that 16 bits can't hold."""
THREADS = min(8, os.cpu_count() or 1)
SILENCE = 0.01
"""Share of the loudest block below which a block is silence (40 dB)."""


class Header(NamedTuple):
    """What a file says of its sound."""

    rate: int
    frames: int
    channels: int
    deep: bool


class Clip(NamedTuple):
    """A part of a sound: in seconds from its beginning; None to its end."""

    source: Path | Sound
    start: float = 0.0
    stop: float | None = None


class SoundFiles(LeavesOut[Clip], Sequence[Sound]):
    """Sounds not yet decoded, in a fixed order: files, or `Sound`s in memory. See `LeavesOut` for what is broken."""

    noun: ClassVar[str] = "sounds"

    def __init__(self, sources: Sequence[Path | Sound | Clip], labels: Sequence[Any] | None = None):
        super().__init__([s if isinstance(s, Clip) else Clip(s) for s in sources], labels)
        self._headers: list[Header] | None = None
        self._kept: tuple[Any, Any] | None = None

    @overload
    def __getitem__(self, index: int) -> Sound: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sound]: ...
    def __getitem__(self, index: int | slice) -> Sound | Sequence[Sound]:
        """A sound as its file has it; a slice is a `SoundFiles`."""
        if isinstance(index, slice):
            return SoundFiles(self.sources[index], None if self.labels is None else self.labels[index])
        return load(self.sources[index])

    @property
    def paths(self) -> list[str]:
        """Names of the sounds that are left, for people."""
        return [_name(clip, i) for i, clip in enumerate(self.sources)]

    @property
    def headers(self) -> list[Header]:
        """What each file says of its sound; looked at once, and files that can't be read are left out."""
        if self._headers is None:
            found = _in_threads(_header, self.sources)
            self.leave_out(found)
            self._headers = [header for header in found if isinstance(header, Header)]
        return self._headers

    @property
    def seconds(self) -> list[float]:
        """How long each is."""
        return [(header.frames / header.rate if clip.stop is None else clip.stop) - clip.start
                for clip, header in zip(self.sources, self.headers, strict=True)]

    def leave_out(self, results: Sequence[object]) -> list[bool]:
        """Drop the sounds whose result is a text, and what is known of their headers."""
        keep = super().leave_out(results)
        if self._headers is not None:
            self._headers = [header for header, ok in zip(self._headers, keep, strict=True) if ok]
        return keep

    def trim(self) -> None:
        """Leave out the silence before and behind each sound: what is 40 dB below its loudest 10 ms."""
        _ = self.headers
        found = _in_threads(_sounding, self.sources)
        self.leave_out(found)
        self.sources = [clip for clip in found if isinstance(clip, Clip)]

    def cut(self, seconds: float) -> None:
        """Make every sound that is longer than this several, one behind the other, with its label.

        A rest of less than half the length is left out.
        """
        clips, headers, labels = [], [], []
        for i, (clip, header, length) in enumerate(zip(self.sources, self.headers, self.seconds, strict=True)):
            parts = max(1, math.floor(length / seconds + 0.5))
            for part in range(parts):
                start = clip.start + part * seconds
                whole = parts == 1 and clip.stop is None
                clips.append(clip if whole else Clip(clip.source, start, min(start + seconds, clip.start + length)))
                headers.append(header)
                if self.labels is not None:
                    labels.append(self.labels[i])
        self._total += len(clips) - len(self.sources)
        self.sources, self._headers = clips, headers
        if self.labels is not None:
            self.labels[:] = labels

    def keep(self, key: Any, codes: Codes) -> None:
        """Keep what these sounds were encoded to for the next call of `kept` with this key.

        A codec's `fit` decodes, since broken files must go before their labels are read, and `encode` follows.
        """
        self._kept = (key, codes)

    def kept(self, key: Any) -> Codes | None:
        """What was kept with this key, once."""
        kept, self._kept = self._kept, None
        return kept[1] if kept is not None and kept[0] == key else None

    def decode(self, form: Form, memory: float | None) -> Codes:
        """All sounds as codes (n, channels, length): one tensor if it fits, else gathered from the files.

        Every file is decoded once here, in either case, so that whatever is broken is known before training.

        Args:
            form: what they are brought to.
            memory: GiB that they may take; None for a quarter of the free memory.
        """
        _ = self.headers
        shape, kind = (len(self), form.channels, form.length), np.float32 if form.deep else np.int16
        need = np.prod(shape, dtype=float) * np.dtype(kind).itemsize
        keep = need <= (free_memory() / 4 if memory is None else memory * 2**30)
        waves = np.empty(shape if keep else (0,), kind)

        def work(row: int) -> str | None:
            try:
                wave = form.of(load(self.sources[row]))
            except Exception as error:  # a damaged file can make the decoder raise anything
                return _reason(error)
            if keep:
                waves[row] = wave
            return None

        reasons = _in_threads(work, range(len(self)))
        if any(reasons):
            waves = waves[[reason is None for reason in reasons]] if keep else waves
            self.leave_out(reasons)
        self.report()
        return torch.from_numpy(waves) if keep else WaveCodes(self.sources, form)


def read_sound_folder(folder: Path, labelled: bool, split: str | None = None) -> SoundFiles | None:
    """The sounds of a folder and its subfolders, sorted by path; None when there are none.

    Args:
        folder: where they are. If all its subfolders are splits (train, test ...), one of them is read.
        labelled: whether the first subfolder on the way to a file is its label.
        split: which split to read; "train" by default.
    """
    paths, classes = find(folder, SUFFIXES, split)
    return SoundFiles(paths, classes if labelled else None) if paths else None


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

    def of(self, sound: Sound) -> np.ndarray:
        """A sound as codes, int16 or float32 (channels, length).

        Raises:
            Unusable: it has other channels.
        """
        samples = sound.samples.reshape(len(sound), -1)
        if self.channels == 1:
            samples = samples.mean(axis=1, keepdims=True)
        elif samples.shape[1] != self.channels:
            raise Unusable(f"{samples.shape[1]} channels instead of {self.channels}")
        if sound.rate != self.rate:
            import soxr

            samples = soxr.resample(samples, sound.rate, self.rate)
        samples = samples[: self.length]
        codes = samples if self.deep else sixteen_bits(samples)
        return np.pad(codes, ((0, self.length - len(codes)), (0, 0))).T


class Unusable(ValueError):
    """A sound that can be read and can't be learnt from."""


class WaveCodes:
    """Codes that are decoded from their files each time they are asked for; picklable, for worker processes."""

    def __init__(self, clips: Sequence[Clip], form: Form):
        self.clips, self.form = list(clips), form

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, indices: Any) -> Tensor:
        """Codes (b, channels, length) of the sounds at `indices` (integers, a mask or a slice).

        Raises:
            ZaohuaError: a file was whole when training began and can't be read any more.
        """
        rows = np.arange(len(self))[indices if isinstance(indices, slice) else np.asarray(indices)]
        return torch.from_numpy(np.stack(_in_threads(self._load, np.atleast_1d(rows).tolist())))

    def _load(self, row: int) -> np.ndarray:
        try:
            return self.form.of(load(self.clips[row]))
        except Exception as error:
            name = _name(self.clips[row], row)
            raise ZaohuaError(f"{name}: can't be read any more ({_reason(error)})") from error


def load(clip: Clip) -> Sound:
    """A sound, or the part of a file that a clip is, of which nothing else is read.

    Raises:
        Unusable: it ends early, or has samples that are no numbers.
    """
    source = clip.source
    if isinstance(source, Sound):
        stop = None if clip.stop is None else round(clip.stop * source.rate)
        sound = Sound(source.samples[round(clip.start * source.rate) : stop], source.rate)
    else:
        import soundfile

        with soundfile.SoundFile(source) as file:
            start = round(clip.start * file.samplerate)
            stop = file.frames if clip.stop is None else min(round(clip.stop * file.samplerate), file.frames)
            file.seek(start)
            samples = file.read(stop - start, dtype="float32")
            if len(samples) < stop - start:
                raise Unusable(f"cut off: {len(samples)} of {stop - start} samples are there")
            sound = Sound(samples, file.samplerate)
    if not np.isfinite(sound.samples).all():
        raise Unusable("samples that are NaN or infinite")
    return sound


def _header(clip: Clip) -> Header | str:
    """What a file says of its sound, or why it is left out."""
    source = clip.source
    if isinstance(source, Sound):
        return Header(source.rate, len(source), source.channels, deep=False) if len(source) else "no samples"
    import soundfile

    try:
        if source.stat().st_size == 0:
            return "empty"
        info = soundfile.info(source)
    except Exception as error:  # a damaged file can make the decoder raise anything
        return _reason(error)
    if not info.frames or not info.samplerate:
        return "no samples"
    return Header(info.samplerate, info.frames, info.channels, info.subtype in DEEP)


def _sounding(clip: Clip) -> Clip | str:
    """The part of a sound from where it begins to where it dies away, or why it is left out."""
    try:
        sound = load(clip)
    except Exception as error:
        return _reason(error)
    block = max(1, sound.rate // 100)
    loud = np.abs(sound.samples.reshape(len(sound), -1)).max(axis=1)
    blocks = np.maximum.reduceat(loud, np.arange(0, len(loud), block))
    above = np.flatnonzero(blocks > SILENCE * blocks.max(initial=0.0))
    if not len(above):
        return "silence"
    start, stop = above[0] * block, min((above[-1] + 1) * block, len(sound))
    return Clip(clip.source, clip.start + start / sound.rate, clip.start + stop / sound.rate)


def _reason(error: BaseException) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, Unusable):
        return text
    return f"not a sound that can be read: {text.rpartition(': ')[2][:80]}"


def _name(clip: Clip, at: int) -> str:
    name = f"sound {at}" if isinstance(clip.source, Sound) else str(clip.source)
    return name if clip.stop is None or isinstance(clip.source, Sound) else f"{name} from {clip.start:.1f} s"


def _in_threads(work: Any, items: Sequence[Any]) -> list[Any]:
    """work(item) for each, in order, by threads: decoders don't hold Python's lock."""
    with ThreadPoolExecutor(THREADS) as pool:
        return [result for at in range(0, len(items), 4096) for result in pool.map(work, items[at : at + 4096])]


