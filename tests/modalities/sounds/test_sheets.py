"""Sounds as files that are written: at any length, of any rate that the format has, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from tests.sounds import RATE, tone

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.modalities import SoundFiles
from zaohua.modalities.sounds import axes, sheets
from zaohua.modalities.sounds.sheets import write_sound


def test_an_encoder_never_gets_many_samples_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """libsndfile's encoder of OGG crashes at millions of them."""
    given: list[int] = []
    write = soundfile.SoundFile.write
    monkeypatch.setattr(soundfile.SoundFile, "write", lambda file, data: given.append(len(data)) or write(file, data))
    sound = zh.Sound(np.random.default_rng(0).normal(size=200_000) / 9, 8000)
    for ending, near in (("ogg", 0.3), ("flac", 2**-16)):
        samples, rate = soundfile.read(write_sound(sound, tmp_path / f"a.{ending}"))
        assert rate == 8000 and samples.shape == (200_000,)
        assert np.abs(samples - sound.samples).max() <= near
    assert sum(given) == 400_000 and max(given) <= 2**16


def test_ogg_has_no_rates_that_crash_its_encoder(tmp_path: Path) -> None:
    fastest = sheets.FASTEST_OGG
    assert soundfile.info(write_sound(zh.Sound(tone(100), fastest), tmp_path / "a.ogg")).samplerate == fastest
    for ending in ("ogg", "OGG"):
        with pytest.raises(
            ZaohuaError, match=r"OGG files have a rate of up to 200000 Hz, .* 200001 Hz.*: write a .wav or .flac"
        ):
            write_sound(zh.Sound(tone(100), fastest + 1), tmp_path / f"b.{ending}")
    assert [path.name for path in tmp_path.iterdir()] == ["a.ogg"]


def test_what_fails_leaves_the_old_file_whole_and_no_stump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = write_sound(zh.Sound(tone(100), RATE), tmp_path / "a.wav").read_bytes()

    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(soundfile.SoundFile, "write", fail)
    with pytest.raises(ZaohuaError, match="a.wav can't be written: no space left; what was there before is unchanged"):
        write_sound(zh.Sound(tone(200), RATE), tmp_path / "a.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"] and (tmp_path / "a.wav").read_bytes() == old


def test_capitals_in_an_ending_do_not_matter(tmp_path: Path) -> None:
    codec = zh.WaveCodec().fit([zh.Sound(tone(100), RATE)])
    sheet = codec.write_sheet([zh.Sound(tone(100), RATE)], tmp_path / "z.WAV")
    assert sheet.name == "z.WAV" and soundfile.info(sheet).frames == 100
    deep = write_sound(zh.Sound(tone(100), RATE), tmp_path / "deep.Wav", deep=True)
    assert soundfile.info(deep).subtype == "FLOAT"
    with pytest.raises(ZaohuaError, match="not to .TXT"):
        codec.sheet_writer(tmp_path / "z.TXT")


def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / b"t\xf6ne.wav".decode("utf-8", "surrogateescape")
    try:
        path.touch()
    except OSError:
        pytest.skip("this file system has names of text only")
    assert len(SoundFiles([write_sound(zh.Sound(tone(100), RATE), path)]).headers) == 1
    assert len(SoundFiles([path])[0]) == 100


def test_sheets_of_spectrograms_are_large_and_have_axes(tmp_path: Path) -> None:
    """A tone of 1 kHz is a bright line at the height of the tick of 1 kHz."""
    sounds = [zh.Sound(np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000), 8000) for _ in range(2)]
    path = zh.MelCodec().fit(sounds).write_sheet(sounds, tmp_path / "a.png", columns=1)
    sheet = np.asarray(Image.open(path))
    one = sheet[: len(sheet) // 2]
    assert one.shape[0] >= axes.TALL and one.shape[1] >= axes.WIDE
    ticks = np.flatnonzero((one[: -axes.BOTTOM, axes.LEFT - axes.TICK : axes.LEFT] == 0).all(1))
    brightest = (
        int(one[axes.TOP : -axes.BOTTOM, axes.LEFT : axes.LEFT + axes.WIDE].astype(int).sum(1).argmax()) + axes.TOP
    )
    assert len(ticks) == 4 and np.abs(ticks - brightest).min() <= 6
    assert np.argmin(np.abs(ticks - brightest)) == 1  # 2 kHz, 1 kHz, 500 Hz, 100 Hz
