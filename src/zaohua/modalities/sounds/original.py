"""Sound files that are changed and written again: rate, channels, level, bit depth and titles stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.base import Codec
from zaohua.modalities.original import Original
from zaohua.modalities.sounds.clips import Clip, UnusableSound, reason, system_name
from zaohua.modalities.sounds.sheets import FORMATS, write_samples
from zaohua.modalities.sounds.sound import Sound
from zaohua.report.sheets import save

TITLES = ("title", "copyright", "software", "artist", "comment", "date", "album", "license", "tracknumber", "genre")
"""Texts that a sound file may hold."""
WIDTH, HEIGHT = 1000, 100
"""Size in pixels of a picture of differences."""


@dataclass(frozen=True, eq=False)
class Recording(Original[Sound]):
    """Sound of a file.

    Attributes:
        path: the file.
        item: the sound.
        kind: sample format as libsndfile calls it, such as PCM_24.
        titles: texts of the file by their names.
    """

    path: Path
    item: Sound
    kind: str = "PCM_16"
    titles: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a sound of any length."""
        import soundfile

        header = Clip(path).header()
        if isinstance(header, str):
            raise ZaohuaError(f"{path}: can't be read: {header}")
        try:
            sound = Clip(path).load()
            with soundfile.SoundFile(system_name(path)) as file:
                kind, titles = file.subtype, {name: getattr(file, name) for name in TITLES}
        except (UnusableSound, soundfile.SoundFileError, OSError) as error:
            raise ZaohuaError(f"{path}: can't be read: {reason(error)}") from error
        return cls(path, sound, kind, {name: text for name, text in titles.items() if text})

    @classmethod
    def ending(cls, ending: str) -> str | None:
        """Return the ending itself if such files are written, and .wav for those that are only read."""
        from zaohua.modalities.sounds import SUFFIXES

        ending = ending.casefold()
        return ending if ending in FORMATS else ".wav" if ending in SUFFIXES else None

    @classmethod
    def is_exact(cls, ending: str) -> bool:
        """Return True for formats without losses."""
        return FORMATS[ending.casefold()] not in ("OGG", "MP3")

    @property
    def size(self) -> float:
        """Length in seconds."""
        return self.item.seconds

    @staticmethod
    def speed(per_second: float) -> str:
        """Write seconds of sound per second."""
        return f"{per_second:.2g} x real time"

    @property
    def shape(self) -> tuple[int, ...]:
        """(samples,)."""
        return (len(self.item),)

    def seen(self, codec: Codec, grey: bool = False) -> Sound:
        """Return the sound, whatever its rate and channels."""
        return self.item

    def with_item(self, item: Sound, codec: Codec, grey: bool = False) -> Self:
        """Return this recording with another sound."""
        return replace(self, item=item)

    def write(self, path: Path) -> None:
        """Write the sound, with its own bit depth if the format has it."""
        write_samples(self.item, path, self.kind, self.titles)

    def extended(self, before: tuple[int, ...], after: tuple[int, ...]) -> Self:
        """Return a longer sound, with silence at its ends."""
        width = [(before[0], after[0]), (0, 0)][: self.item.samples.ndim]
        return replace(self, item=Sound(np.pad(self.item.samples, width), self.item.rate))

    def write_differences(self, deviation: np.ndarray, path: Path) -> float:
        """Draw the deviation over time, the mean of the channels; return the one at the upper edge."""
        flat = deviation.mean(axis=1) if deviation.ndim == 2 else deviation
        edges = np.linspace(0, len(flat), min(WIDTH, len(flat)) + 1).astype(int)
        columns = np.array([flat[a:b].max() for a, b in zip(edges[:-1], edges[1:], strict=True)])
        top = float(columns.max(initial=0))
        heights = columns / (top or 1) * HEIGHT
        picture = (np.arange(HEIGHT)[::-1, None] < heights).astype(np.uint8) * 255
        save(picture, path)
        return top


def gaps(sound: Sound, found: list[tuple[float, float]]) -> np.ndarray:
    """Return a mask of gaps, float32 (samples,): 1 in a gap.

    Args:
        sound: the sound.
        found: start and end of each gap in seconds.

    Raises:
        ZaohuaError: a gap is empty, or outside the sound.
    """
    mask = np.zeros(len(sound), np.float32)
    for start, end in found:
        words = f"the gap from {start:g} to {end:g} s"
        first, last = (round(max(at, 0.0) * sound.rate) for at in (start, end))
        if not end > start or last <= first:
            raise ZaohuaError(f"{words} is empty: give its start and its end in seconds")
        if first >= len(sound):
            raise ZaohuaError(f"{words} lies outside the sound, which has {sound.seconds:.6g} s")
        mask[first:last] = 1
    return mask
