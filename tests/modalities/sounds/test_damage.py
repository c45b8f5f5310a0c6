"""Sounds that can be read and aren't what they should be: out of range, damaged, of other channels."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.sounds import RATE, tone

import zaohua as zh
from zaohua.core.errors import ZaohuaError, ZaohuaWarning
from zaohua.modalities import Sound, SoundFiles, read
from zaohua.modalities.files.items import in_threads
from zaohua.modalities.sounds.clips import Clip, SoundHeader, UnusableSound
from zaohua.modalities.sounds.formats import mpeg, ogg

GOOD = [Sound(tone(100 + i), RATE) for i in range(20)]


@pytest.mark.parametrize("codec", [zh.WaveCodec(), zh.MelCodec(), zh.MuLawCodec()], ids=lambda codec: codec.modality)
@pytest.mark.parametrize(
    ("scale", "what"),
    [
        (20_000, r"peaks at 19[0-9.]+, where full scale is 1: divide by 32768"),
        (2**22, "peaks at .*: divide by 8388608"),
        (12, "peaks at 1.*, where full scale is 1: scale it to"),
    ],
)
def test_samples_on_another_scale_are_left_out_and_named(tmp_path: Path, codec: Any, scale: float, what: str) -> None:
    wave = scale * np.sin(np.arange(100) / 5)
    soundfile.write(tmp_path / "a.wav", wave, RATE, subtype="FLOAT")
    for source, name in ((tmp_path / "a.wav", "a.wav"), (Sound(wave, RATE), "sound 20")):
        with pytest.warns(ZaohuaWarning, match=rf"1 of 21 sounds \(.*{name} \({what}"):
            assert len(codec.fit(files := SoundFiles([*GOOD, source])).encode(files)) == 20


@pytest.mark.parametrize("memory", [None, 0])
def test_what_is_a_little_beyond_full_scale_is_clipped_with_a_warning(tmp_path: Path, memory: float | None) -> None:
    for i, scale in enumerate((2.0, 0.5, 3.5)):
        soundfile.write(tmp_path / f"{i}.wav", scale * np.sin(np.arange(100) / 5), RATE, subtype="FLOAT")
    files = read(tmp_path)[0]
    with pytest.warns(ZaohuaWarning, match=r"2 of 3 sounds go beyond full scale, up to 3.\d+, and are") as found:
        codec = zh.WaveCodec(memory=memory, mu=0).fit(files)
        codes = codec.encode(files)
    x = codec.prepare(codes[np.arange(3)], None)
    assert len(found) == 1 and codec.form_.deep and x.abs().amax((1, 2)).tolist() == [1, pytest.approx(0.5, 0.01), 1]
    inside = 2 * np.sin(np.arange(100) / 5)
    np.testing.assert_allclose(x[0, 0, :100], inside.clip(-1, 1), atol=1e-6)


def ogg_file(path: Path, channels: int = 1) -> bytes:
    soundfile.write(path, np.random.default_rng(0).normal(size=(40_000, channels)) / 9, 16_000)
    return path.read_bytes()


@pytest.mark.parametrize("channels", [1, 2])
def test_damage_anywhere_in_an_ogg_file_is_named(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "a.ogg"
    whole = ogg_file(path, channels)
    for tag in (b"", b"TAG" + bytes(125)):  # what other programs leave behind
        path.write_bytes(whole + tag)
        assert SoundFiles([path]).headers[0].frames == 40_000
    for at in range(5000, len(whole) - 400, 3000):
        path.write_bytes(whole[:at] + bytes(400) + whole[at + 400 :])
        with pytest.raises(ZaohuaError, match="a.ogg: can't be read: (damaged near|cut off, or damaged from byte)"):
            _ = SoundFiles([path]).headers


def test_an_ogg_file_whose_pages_are_missing_or_cut_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    whole = ogg_file(path)
    found = [page for page in ogg.pages(whole) if isinstance(page, ogg.Page)]
    assert len(found) > 4 and b"".join(page.data for page in found) == whole
    path.write_bytes(b"".join(page.data for page in found if page is not found[3]))
    with pytest.raises(ZaohuaError, match=rf"pieces are missing near byte {found[3].at} of"):
        _ = SoundFiles([path]).headers
    for cut in (10, len(found[-1].data) - 10):
        path.write_bytes(whole[:-cut])
        with pytest.raises(ZaohuaError, match=rf"cut off, or damaged from byte {found[-1].at} of"):
            _ = SoundFiles([path]).headers
    path.write_bytes(whole * 2)  # a chain of streams
    assert len(SoundFiles([path]).headers) == 1


def test_the_decoder_of_mp3_is_quiet_and_others_are_not(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.mp3"
    soundfile.write(path, np.random.default_rng(0).normal(size=200_000) / 9, 44_100)
    whole, half = path.read_bytes(), path.stat().st_size // 2
    path.write_bytes(whole[:half] + bytes(400) + whole[half + 400 :])
    soundfile.read(path)
    assert "Illegal Audio-MPEG-Header" in capfd.readouterr().err  # else there is nothing to keep quiet

    def work(at: int) -> None:
        with contextlib.suppress(UnusableSound):
            Clip(path, at / 10).load()
        os.write(2, b"others\n")

    for result in in_threads(Clip.header, [Clip(path)] * 8):
        assert isinstance(result, SoundHeader)
    in_threads(work, range(16))
    with mpeg.silenced:
        os.write(2, b"others\nNote: of the decoder\n")
    os.write(2, b"behind\n")
    assert capfd.readouterr().err == "others\n" * 17 + "behind\n"


def test_others_are_heard_at_once_while_the_decoder_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    """A line, half a line and a progress bar don't wait until the last file is read."""
    with mpeg.silenced:
        for text, heard in (("a line\n", "a line\n"), ("Note: x\nhalf", "half"), (" of a line\rNot", " of a line\r")):
            os.write(2, text.encode())
            said = ""
            for _ in range(200):
                said += capfd.readouterr().err
                if said == heard:
                    break
                time.sleep(0.01)
            assert said == heard
        os.write(2, b"e it\nWarning: y")
    assert capfd.readouterr().err == "Note it\n"


def test_what_is_no_mp3_is_not_said_to_be_missing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.mp3").write_bytes(b"These are words, " * 400)
    with pytest.raises(ZaohuaError, match="a.mp3: can't be read: not a sound that can be read: Format not recognised"):
        _ = SoundFiles([tmp_path / "a.mp3"]).headers
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("rate", [100, 8000])
def test_silence_beside_an_offset_is_trimmed(rate: int) -> None:
    wave = np.concatenate([np.zeros(rate), tone(rate / 8, 1, rate), np.zeros(2 * rate)]) + 0.02
    clip = Clip(Sound(wave, rate)).trimmed()
    assert isinstance(clip, Clip) and clip.stop is not None
    assert 0.8 <= clip.start <= 1 and 1.9 <= clip.stop <= 2.2
    assert Clip(Sound(np.full(rate, 0.02), rate)).trimmed() == "silence"
