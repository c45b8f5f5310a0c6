"""What sounds lose when they are read is counted and told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.sounds import tone, wav

import zaohua as zh
from zaohua.core.notes import DataNote, gathered
from zaohua.modalities import MelCodec, MuLawCodec, WaveCodec, read

LOUD = tone(100, 0.1)


def told(sounds: list[zh.Sound], codec: Any = None) -> list[str]:
    items, _ = read(sounds)
    with gathered() as notes:
        codec = (codec or WaveCodec()).fit(items)
        assert len(codec.encode(items)) >= len(sounds)
    return list(notes)


def sound(samples: np.ndarray, rate: int = 1000) -> zh.Sound:
    return zh.Sound(samples, rate)


@pytest.mark.parametrize("codec", [WaveCodec, MelCodec, MuLawCodec])
@pytest.mark.parametrize(
    ("others", "notes"),
    [
        ([sound(np.stack([LOUD, LOUD / 2], 1))], ["1 of 4 sounds mixed to mono (channels='keep' keeps the channels)"]),
        (
            [sound(np.stack([LOUD, -LOUD], 1))],
            [
                "1 of 4 sounds mixed to mono (channels='keep' keeps the channels)",
                "1 of 4 sounds silent once mixed, as their channels cancel out (channels='keep' keeps them)",
            ],
        ),
        ([sound(tone(100, 0.1, 2000), 2000)], ["1 of 4 sounds resampled to 1,000 Hz (1 from 2,000 Hz)"]),
        ([sound(np.zeros(100))], ["nothing but silence in 1 of 4 sounds"]),
        (
            [sound(2 * LOUD)],
            [
                "1 of 4 sounds go beyond full scale, up to 1.433, and are clipped to [-1, 1]: divide all of them by "
                "that to avoid it"
            ],
        ),
    ],
)
def test_of_one_sound_in_four(codec: type, others: list[zh.Sound], notes: list[str]) -> None:
    assert told([*[sound(LOUD)] * 3, *others], codec()) == notes


def test_ends_that_are_left_out() -> None:
    sounds = [sound(np.tile(LOUD, 12)[:n]) for n in (100, 300, 310, 520, 560)]
    cut = "the ends of 4 of 5 sounds left out (1.19 of 1.79 s; long='windows' reads all)"
    assert told(sounds, WaveCodec(seconds=0.125, long="cut")) == [cut]
    assert told(sounds, WaveCodec(seconds=0.1, long="windows")) == [
        "the ends of 2 of 5 sounds left out (0.03 of 1.79 s; less than half a window)"
    ]
    assert told(sounds, WaveCodec(seconds=0.01, long="windows")) == []


def test_sounds_of_another_scale() -> None:
    quiet = ["all sounds are quiet: the loudest sample is 0.016 of full scale; divide all of them by that"]
    loudest = np.abs(LOUD).max()
    assert told([sound(LOUD / loudest * 0.016)] * 3) == quiet
    assert told([sound(LOUD / loudest * 0.016), sound(LOUD)]) == []
    assert told([zh.Sound((LOUD / loudest * 0.016 * 2**31).astype(np.int32), 1000)]) == quiet


def test_files_are_told_of_as_sounds_in_memory_are(tmp_path: Path) -> None:
    for name, channels in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.wav").write_bytes(wav(np.full(2000, 9000, "<i2").tobytes(), channels=channels))
    with pytest.warns(DataNote, match="1 of 2 sounds mixed to mono"):
        WaveCodec().fit(read(tmp_path)[0])
