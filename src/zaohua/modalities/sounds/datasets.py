"""Sound data sets that are known by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaohua.modalities.data_set import DataSet, twice
from zaohua.modalities.files.download import File

if TYPE_CHECKING:
    from zaohua.modalities.sounds.sound import Sound

DIGIT_SOUNDS = "c508ca40e62214f8ea81451ff705df6e9a68265da606e26d5455a6a8d1e5bf81"
"""SHA-256 of the names and samples of all spoken digits, which doesn't depend on the archive format."""


def _digit_sounds(entry: DataSet, split: str) -> tuple[list[Sound], list[int]]:
    """Load spoken digits, `{digit}_{speaker}_{index}.wav`; indices 0 to 4 are the test split, of the same speakers."""
    from zaohua.modalities.sounds.sound import read_archive

    sounds = read_archive(entry.paths(split)[0], DIGIT_SOUNDS)
    names = [name for name in sorted(sounds) if (int(name.split("_")[2]) < 5) == (split == "test")]
    return [sounds[name] for name in names], [int(name.split("_")[0]) for name in names]


def _tones(entry: DataSet, split: str) -> tuple[list[Sound], list[str]]:
    from zaohua.modalities.sounds import tones

    return tones.make(split)


DATASETS: tuple[DataSet, ...] = (
    DataSet(
        "fsdd",
        "sounds",
        "3,000 spoken digits of six speakers, 8 kHz",
        _digit_sounds,
        files=twice(
            File(
                "recordings.tar.gz",
                "",
                15558071,
                "",
                "get github.com/Jakobovski/free-spoken-digit-dataset, pack its folder recordings with tar",
            )
        ),
    ),
    DataSet(
        "tones",
        "sounds",
        "1,080 tones, chirps, drums, bells and sirens, built in (below half a second, 8 kHz)",
        _tones,
    ),
)
