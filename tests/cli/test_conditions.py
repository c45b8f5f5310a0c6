"""`zaohua sample --y` and `--each` for every kind of condition."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image
from tests.sounds import RATE, tone

import zaohua as zh
from zaohua.cli.conditions import Conditions, read_conditions

TINY = {"channels": 8, "max_steps": 2, "steps": 2, "batch_size": 4, "random_state": 0, "device": "cpu"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs whose conditions are pictures, grey and in colour, and sounds; and files for them."""
    home = tmp_path_factory.mktemp("conditions")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8, 8, 8), np.uint8)
    small = np.ascontiguousarray(images[:, ::2, ::2])
    zh.EDM(**TINY).fit(images, small).save(home / "large")
    (home / "small").mkdir()
    for i, picture in enumerate(small):
        Image.fromarray(picture).save(home / "small" / f"{i}.png")
    np.save(home / "small.npy", small)
    (home / "wavs").mkdir()
    for i in range(8):
        soundfile.write(home / "wavs" / f"{i}.wav", tone(50 + 20 * i), RATE)
    zh.EDM(**TINY).fit(images, sorted((home / "wavs").glob("*.wav"))).save(home / "heard")
    return home


@pytest.fixture
def small(home: Path) -> np.ndarray:
    return np.load(home / "small.npy")


def made(said, name: str = "made.npz") -> np.ndarray:
    assert said.code == 0, said.err
    return np.load(name)["images"]


def test_pictures_as_conditions(zaohua, home: Path, small: np.ndarray):
    run, model = home / "large", zh.load(home / "large")
    usual = ["--seed", "4", "--out", "made.npz", "--overwrite"]
    found = made(zaohua("sample", run, "--y", home / "small" / "3.png", "-n", "2", *usual))
    np.testing.assert_array_equal(found, model.sample(y=small[[3, 3]], random_state=4))
    files = [home / "small" / "3.png", home / "small" / "5.png"]
    found = made(zaohua("sample", run, "--y", files[0], "--y", files[1], "-n", "3", *usual))
    np.testing.assert_array_equal(found, model.sample(y=small[[3, 5, 3]], random_state=4))
    assert not np.array_equal(found, model.sample(y=small[[5, 3, 5]], random_state=4))  # conditions matter
    found = made(zaohua("sample", run, "--y", home / "small", "--each", "2", *usual))
    np.testing.assert_array_equal(found, model.sample(y=np.repeat(small, 2, axis=0), random_state=4))
    found = made(zaohua("sample", run, "--y", home / "small.npy", "-n", "8", *usual))
    np.testing.assert_array_equal(found, model.sample(y=small, random_state=4))


def test_files_are_named_by_their_conditions(zaohua, home: Path):
    said = zaohua("sample", home / "large", "--y", home / "small" / "3.png", "--each", "2", "--out", "new", "--json")
    assert json.loads(said.out)["y"] == [str(home / "small" / "3.png")] * 2
    assert sorted(path.name for path in Path("new").glob("[!.]*")) == ["00000-3.png", "00001-3.png"]
    assert zaohua("sample", home / "large", "-n", "2", "--out", "any").code == 0  # pictures drawn without a condition
    assert sorted(path.name for path in Path("any").glob("[!.]*")) == ["00000.png", "00001.png"]


def test_sounds_as_conditions(zaohua, home: Path):
    run, model = home / "heard", zh.load(home / "heard")
    paths = [home / "wavs" / f"{i}.wav" for i in (2, 6)]
    found = made(
        zaohua(
            "sample",
            run,
            "--y",
            paths[0],
            "--y",
            paths[1],
            "-n",
            "2",
            "--seed",
            "1",
            "--out",
            "made.npz",
            "--overwrite",
        )
    )
    np.testing.assert_array_equal(found, model.sample(y=zh.read(paths)[0], random_state=1))
    assert (
        len(made(zaohua("sample", run, "--y", home / "wavs", "--each", "1", "--out", "made.npz", "--overwrite"))) == 8
    )


def test_a_damaged_condition_is_named_and_left_out(zaohua, home: Path, tmp_path: Path):
    shutil.copytree(home / "small", tmp_path / "some")
    for i in range(8, 12):
        shutil.copy(home / "small" / "0.png", tmp_path / "some" / f"{i}.png")
    (tmp_path / "some" / "1.png").write_bytes(b"no picture")
    said = zaohua("sample", home / "large", "--y", "some", "--each", "1", "--out", "made.npz", "--overwrite")
    assert len(made(said)) == 11 and "1 of 12 images (some/1.png" in said.err.replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["large", "--each", "2"], "this run's conditions can't be listed: name those to make --each of with --y"),
        (["large", "--y", "cat"], "--y cat: is no file or folder"),
        (["large", "--y", "nowhere.png"], "--y nowhere.png: is no file or folder"),
        (["large", "--y", "WAV"], "3.wav: can't be read as data: give images"),
        (["large", "--y", "PNG", "--y", "NPY"], "--y takes files or arrays, not both at once"),
        (["large", "--y", "PNG", "--y", "WAV"], "3.wav: can't be read as data: give images"),
        (["heard", "--y", "PNG"], "3.png: can't be read as data: give sounds"),
        (["large", "--y", "wide.png"], "wide.png"),
        (["large", "--y"], "--y needs a value; one that begins with a dash is written --y=-x"),
        (["large", "--y=-x"], "--y -x: is no file or folder"),
    ],
)
def test_a_mistake_is_one_line(zaohua, home: Path, arguments: list[str], message: str):
    Image.fromarray(np.zeros((4, 9), np.uint8)).save("wide.png")
    named = {"PNG": home / "small" / "3.png", "WAV": home / "wavs" / "3.wav", "NPY": home / "small.npy"}
    run, *rest = [str(named.get(argument, argument)) for argument in arguments]
    said = zaohua("sample", home / run, *rest)
    assert said.code == 2 and said.out == "", said
    assert said.err.startswith("zaohua: error: ") and said.err.count("\n") == 1 and message in said.err


def test_labels_of_any_name(zaohua):
    labels = ["-x", "a,b", "c", "d=e"]
    images = np.random.default_rng(0).integers(0, 9, (40, 4, 4), np.uint8)
    zh.Gaussian(random_state=0).fit(images, labels * 10).save("run")
    for given, found in [
        (["--y=-x"], ["-x"]),
        (["--y", "a,b"], ["a,b"]),
        (["--y", "c,-x"], ["c", "-x"]),
        (["--y", "d=e"], ["d=e"]),
    ]:
        said = zaohua("sample", "run", *given, "-n", "2", "--json")
        assert json.loads(said.out)["y"] == (found * 2)[:2]
    assert json.loads(zaohua("sample", "run", "--each", "2", "--json").out)["y"] == [
        name for name in labels for _ in "ab"
    ]
    assert json.loads(zaohua("sample", "run", "--each", "1", "--y", "c", "--json").out)["y"] == ["c"]


def test_a_table_takes_labels_or_columns(zaohua):
    frame = pd.DataFrame({"age": np.arange(60) % 7, "kind": ["a=1", "b=2"] * 30})
    zh.ProductMixture(random_state=0).fit(frame, "kind").save("labelled")
    said = zaohua(
        "sample", "labelled", "--y", "b=2", "-n", "3", "--json"
    )  # a label by name, though it looks like a column
    assert json.loads(said.out)["y"] == ["b=2"] * 3
    assert zaohua("sample", "labelled", "--y", "age=3", "-n", "3", "--out", "made.csv").code == 0
    assert (pd.read_csv("made.csv")["age"] == 3).all()
    said = zaohua("sample", "labelled", "--y", "age=3", "--each", "3")
    assert said.code == 2 and "--each and --y-file are for conditions" in said.err


def test_texts_as_conditions_are_given_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Also where a file has that name, or a comma is in it."""
    monkeypatch.chdir(tmp_path)
    Path("a cat").write_text("something else")
    model = SimpleNamespace(codec_=zh.ImageCodec(), y_codec_=zh.TextCodec().fit(["a cat", "a dog, too"]))
    with pytest.warns(zh.core.notes.DataNote, match="--y a cat is taken for a text"):
        found = read_conditions(model, ["a cat", "a dog, too"], n=3, each=None)
    assert found.y == found.names == ["a cat", "a dog, too", "a cat"]
    assert read_conditions(model, ["a dog, too"], n=None, each=2).y == ["a dog, too"] * 2
    with pytest.warns(zh.core.notes.DataNote, match="without a condition"):
        assert read_conditions(model, [], n=3, each=None) == Conditions(None, 3)
    with pytest.raises(zh.ZaohuaError, match="can't be listed"):
        read_conditions(model, [], n=None, each=2)
