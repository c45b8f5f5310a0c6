"""From a folder of WAV files to new ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from tests.sounds import RATE, folder, tone

import zaohua as zh
from zaohua.tasks.evaluation.protocols import splits_of

TINY = (
    "--max-steps",
    "4",
    "--channels",
    "8",
    "--latent-dim",
    "4",
    "--batch-size",
    "8",
    "--seed",
    "0",
    "--device",
    "cpu",
    "--checkpoint-every",
    "2",
)


def test_a_folder_with_a_broken_file_to_samples(zaohua, tmp_path: Path):
    folder(tmp_path / "wavs")
    (tmp_path / "wavs" / "a" / "03.wav").write_bytes(b"")
    said = zaohua("train", "vae", "wavs", *TINY, "--preview-every", "4", "--seconds", "0.08", "--rounds", "4")
    assert said.code == 0 and "; 1 of 16 sounds (wavs/a/03.wav (empty)) left out" in said.err.splitlines()[0]
    run = Path("runs/vae-wavs")
    assert sorted(path.name for path in (run / "previews").iterdir()) == ["0000004.png", "0000004.wav"]
    model = zh.load(run)
    assert model.codec_.form_ == (RATE, 80, 1, False) and model.y_codec_.classes_ == ["a", "b"]

    assert zaohua("sample", run, "-n", "3").err.endswith("runs/vae-wavs/samples.wav\n")
    samples, rate = soundfile.read(run / "samples.wav")
    assert (len(samples), rate) == (3 * 80 + 2 * 100, RATE)
    assert zaohua("sample", run, "-n", "3", "--y", "b", "--out", "new").code == 0
    assert sorted(path.name for path in Path("new").glob("*.wav")) == [f"0000{i}-b.wav" for i in range(3)]
    assert len(soundfile.read("new/00000-b.wav")[0]) == 80
    assert zaohua("sample", run, "-n", "4", "--out", "new.png").code == 0 and Image.open("new.png").mode == "L"
    assert "a .wav or .flac" in zaohua("sample", run, "--out", "a.txt").err


def test_a_vocoder_needs_no_labels_and_is_not_sampled_from(zaohua, tmp_path: Path):
    folder(tmp_path / "wavs")
    said = zaohua("train", "vocoder", "wavs", "--max-steps", "2", "--width", "8", "--layers", "1", "--device", "cpu")
    assert said.code == 0 and zh.load("runs/vocoder-wavs").y_codec_ is None
    assert "trained: runs/vocoder-wavs" in said.out + said.err and "next:" not in said.out + said.err
    assert "Vocoder can't sample" in zaohua("sample", "runs/vocoder-wavs").err


def test_labels_by_file_names_through_training_resuming_and_held_out_items(zaohua, tmp_path: Path):
    (tmp_path / "said").mkdir()
    for i in range(12):
        soundfile.write(tmp_path / "said" / f"{'yes' if i % 2 else 'no'}_ann_{i}.wav", tone(100 + 20 * i), RATE)
    soundfile.write(tmp_path / "said" / "noise.wav", tone(50), RATE)
    source = "said/{label}_{speaker}_{i}.wav"
    said = zaohua("train", "vae", source, *TINY, "--validation-fraction", "0.2")
    assert said.code == 0 and "fits 12 of 13 sounds: the others are left out (noise.wav)" in said.err
    assert zh.load("runs/vae-said").source_ == {"X": source, "y": True, "at": str(tmp_path / source)}
    assert zaohua("train", "vae", "--resume", "--out", "runs/vae-said", "--max-steps", "6").code == 0
    model = zh.load("runs/vae-said")
    assert model.n_steps_ == 6 and model.y_codec_.classes_ == ["no", "yes"]
    assert json.loads(zaohua("info", "runs/vae-said", "--json").out)["source"] == str(tmp_path / source)
    assert zaohua("train", "vae", "said/{name}.wav").err.count("a pattern of file names must contain {label}") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size", "8"], "--size is an option of images, but the data are sounds"),
        (["--image-channels", "rgb"], "--image-channels is an option of images, but the data are sounds"),
        (["--rate", "1"], "--rate must be between 100 and 768000, not 1"),
        (["--sound-channels", "stereo"], "--sound-channels must be 'mono' or 'keep', not 'stereo'"),
        (["--seconds", "0"], "--seconds must be above 0"),
        (["--n-fft", "33"], "--n-fft must be even"),
        (["--secnods", "1"], "did you mean '--seconds'"),
    ],
)
def test_options_that_cannot_be(zaohua, tmp_path: Path, arguments: list[str], message: str):
    folder(tmp_path / "wavs", "a", each=2)
    said = zaohua("train", "vae", "wavs", *TINY, *arguments)
    assert said.code == 2 and said.err.count("\n") == 1 and message in said.err


def test_options_of_sounds_are_refused_of_pictures_and_shared_ones_are_one(zaohua, tmp_path: Path):
    said = zaohua("train", "vae", "digits", *TINY, "--seconds", "1")
    assert "--seconds is an option of sounds, but the data are images" in said.err
    assert zaohua("train", "vae", "digits", *TINY, "--memory", "0.5").code == 0
    codec = zh.load("runs/vae-digits").codec
    assert codec.memory == 0.5 and isinstance(codec, zh.ImageCodec)
    assert (
        "--memory can't differ"
        in zaohua("train", "vae", "digits", *TINY, "--base", "runs/vae-digits", "--memory", "0.4", "--out", "other").err
    )
    said = zaohua("train", "vae", "--resume", "--out", "runs/vae-digits", "--rounds", "3")
    assert "--rounds is an option of sounds, but the data are images" in said.err
    shown = zaohua("train", "vae", "--help").out
    assert shown.count("--memory") == 1 and "Of sounds: Sampling rate in Hz" in " ".join(shown.replace("│", "").split())
    assert "Of images" not in zaohua("train", "gmm", "--help").out


def test_missing_recordings_say_where_to_get_them(zaohua, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("ZAOHUA_DATA", str(tmp_path / "data"))
    said = zaohua("train", "vae", "fsdd", *TINY)
    assert said.code == 2 and said.err.count("\n") == 1
    assert (
        f"github.com/Jakobovski/free-spoken-digit-dataset, pack its folder recordings with tar, and put it at "
        f"{tmp_path}/data/fsdd/recordings.tar.gz" in said.err
    )
    (tmp_path / "data" / "fsdd").mkdir(parents=True)
    (tmp_path / "data" / "fsdd" / "recordings.tar.gz").write_bytes(b"no archive")
    assert "can't be read" in zaohua("train", "vae", "fsdd", *TINY).err


def test_other_kinds_have_patterns_too_and_are_evaluated_by_them(zaohua, tmp_path: Path):
    for split in ("train", "test"):
        (tmp_path / "photos" / split).mkdir(parents=True)
        for i in range(6):
            pixels = np.full((8, 8), 40 * i, np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / split / f"{i:02d}-{'ab'[i % 2]}.png")
    assert zaohua("train", "gaussian", "photos/{i}-{label}.png").code == 0
    model = zh.load("runs/gaussian-photos")
    assert model.sample(y=["a", "b"]).shape == (2, 8, 8)
    splits = splits_of(model)
    assert splits.split == "test" and splits.test.labels == splits.train.labels == list("ababab")
