"""Restoration of sounds on the command line: rate, channels, level and bits stay, and so do samples outside of gaps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

import zaohua as zh

RATE = 4000
RNG = np.random.default_rng(0)
FAST = ("--steps", "2", "--seed", "0")


def tone(n: int, hertz: float = 200.0) -> np.ndarray:
    return 0.4 * np.sin(2 * np.pi * hertz * np.arange(n) / RATE)


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of sounds given noisy ones, that was trained for a moment."""
    folder = tmp_path_factory.mktemp("runs") / "pairs"
    clean = [zh.Sound(tone(400, hertz), RATE) for hertz in (150, 200, 250, 300)]
    noisy = [zh.Sound(one.samples + np.float32(0.05 * RNG.standard_normal(400)), RATE) for one in clean]
    codec = zh.SpectrumCodec(seconds=0.1)
    zh.EDM(codec=codec, y_codec=codec, channels=8, max_steps=1, batch_size=2, steps=2, random_state=0).fit(
        clean, noisy
    ).save(folder)
    return folder


@pytest.fixture
def take(tmp_path: Path) -> np.ndarray:
    """A recording of 0.35 s in stereo with 24 bits, take.flac, and its whole numbers."""
    samples = np.stack([tone(1400), 0.5 * tone(1400, 130)], axis=1)
    soundfile.write(tmp_path / "take.flac", samples, RATE, subtype="PCM_24")
    return soundfile.read(tmp_path / "take.flac", dtype="int32")[0]


@pytest.mark.parametrize(
    ("arguments", "name", "frames"),
    [
        (["denoise"], "denoised", 1400),
        (["declip", "--level", "0.3"], "declipped", 1400),
        (["declick"], "declicked", 1400),
        (["upscale"], "upscaled", 1400),
        (["inpaint", "--gap", "0.1", "0.11", "--gap", "0.2", "0.26"], "inpainted", 1400),
        (["extend", "--seconds", "0.05"], "extended", 1600),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_each_command_keeps_what_a_recording_is(
    zaohua, pairs: Path, take, arguments: list[str], name: str, frames: int
):
    command, *options = arguments
    said = zaohua(command, pairs, "take.flac", *options, *FAST, "--json")
    assert said.code == 0, said.err
    facts = json.loads(said.out)
    assert facts["out"] == f"take-{name}.flac" and facts["how"]
    info = soundfile.info(facts["out"])
    assert (info.samplerate, info.channels, info.frames, info.subtype) == (RATE, 2, frames, "PCM_24")
    found = soundfile.read(facts["out"], dtype="int32")[0]
    if command == "inpaint":
        outside = np.ones(1400, bool)
        outside[400:440] = outside[800:1040] = False
        assert np.array_equal(found[outside], take[outside]) and not np.array_equal(found[~outside], take[~outside])
    elif command == "extend":
        assert np.array_equal(found[:1400], take)
    elif command == "declick":
        assert np.array_equal(found, take) and "0 clicks found" in facts["notes"][0]


def test_clicks_are_removed_and_all_else_stays(zaohua, pairs: Path):
    wave = tone(2000) + 0.001 * RNG.standard_normal(2000)
    clicked = wave.copy()
    clicked[1000:1003] += 0.5
    soundfile.write("a.wav", clicked, RATE)
    given = soundfile.read("a.wav", dtype="int16")[0]
    said = zaohua("declick", pairs, "a.wav", "--out", "b.wav")
    assert said.code == 0 and said.err.startswith("note: a.wav: 1 clicks found")
    found = soundfile.read("b.wav", dtype="int16")[0]
    assert np.array_equal(found[:990], given[:990]) and np.array_equal(found[1010:], given[1010:])
    assert np.abs(found[1000:1003] / 32768 - wave[1000:1003]).max() < 0.02


def test_several_answers_of_a_sound(zaohua, pairs: Path, take):
    said = zaohua("denoise", pairs, "take.flac", "--samples", "2", *FAST, "--out", "x.wav", "--json")
    names = ["x-1.wav", "x-2.wav", "x-mean.wav", "x-differs.png"]
    assert json.loads(said.out)["written"] == names
    assert soundfile.info("x-mean.wav").subtype == "PCM_24" and Image.open("x-differs.png").size == (1000, 100)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inpaint"], "where is the gap? --gap START END, in seconds"),
        (["inpaint", "--gap", "1"], "--gap takes two numbers, START END, not '1'"),
        (["inpaint", "--gap", "2", "3"], "the gap from 2 to 3 s lies outside the sound, which has 0.35 s"),
        (["inpaint", "--gap", "0.2", "0.1"], "the gap from 0.2 to 0.1 s is empty"),
        (["inpaint", "--mask", "a.png"], "--mask is for pictures, and this run is of sounds: --gap START END"),
        (["colourise"], "colourise is for images, and"),
        (["upscale", "--factor", "2"], "--factor and --noise are for pictures"),
        (["extend", "--left", "2"], "sounds become longer by --seconds SECONDS: give it alone"),
        (["declip", "--level", "2"], "--level must be"),
        (["resynthesise"], "this EDM has no vocoder: `zaohua train vocoder FOLDER` trains one"),
        (["denoise", "--out", "a.png"], "a.png: sounds can't be written as .png"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line(zaohua, pairs: Path, take, arguments: list[str], message: str):
    said = zaohua(arguments[0], pairs, "take.flac", *arguments[1:])
    assert said.code == 2 and said.err.count("\n") == 1 and message in said.err, said.err
