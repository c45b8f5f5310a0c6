"""Going on with a run that remembers its model and data, and what is said when that can't be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cli.test_commands import files

import zaohua as zh
from zaohua.core.errors import ZaohuaError

TINY = ["--channels", "8", "--latent-dim", "4", "--batch-size", "4", "--device", "cpu"]


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(len(path.stem)).integers(0, 256, (8, 8), np.uint8)).save(path)


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    for name in ("ann", "bob"):
        for i in range(3):
            picture(tmp_path / "data" / name / f"{'x' * i}1.png")
    return tmp_path / "data"


def test_a_run_is_gone_on_with_from_anywhere(zaohua, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert zaohua("train", "vae", "data", "--out", "my run", *TINY, "--max-steps", "2", "--no-labels").code == 0
    monkeypatch.chdir(faces)  # the data were given as "data"
    said = zaohua("resume", "../my run", "--max-steps", "4", "--json")
    assert said.code == 0 and json.loads(said.out)["steps"] == 4
    shutil.move(faces, tmp_path / "moved")
    said = zaohua("resume", "../my run", "--max-steps", "5")
    assert said.code == 2 and f"data, are no longer at {faces}: say where they are, " in said.err
    assert "`zaohua resume '../my run' --data DATA`" in said.err
    assert zaohua("resume", "../my run", "--data", tmp_path / "moved", "--max-steps", "5").code == 0
    assert zh.load(tmp_path / "my run").source_["at"] == str(tmp_path / "moved")
    assert "--out" not in zaohua("resume", "../my run", "--help").out
    assert "unknown option '--base'" in zaohua("resume", "../my run", "--base", "x").err


def test_grown_data_have_an_answer(zaohua, faces: Path):
    assert zaohua("train", "vae", "data", "--out", "run", *TINY, "--max-steps", "2").code == 0
    before = files(Path("run"))
    picture(faces / "ann" / "one-more.png")
    said = zaohua("resume", "run", "--max-steps", "4")
    advice = "`zaohua train vae DATA --base run --out NEW`"
    assert said.code == 2 and f"7 items instead of 6; go on from its weights: {advice}\n" in said.err
    assert zaohua("train", "vae", "data", "--base", "run", "--out", "new", "--max-steps", "2").code == 0
    picture(faces / "cleo" / "1.png")
    said = zaohua("resume", "run", "--max-steps", "4")
    assert said.code == 2 and "it has new labels (cleo), which a trained model can't learn" in said.err
    said = zaohua("train", "vae", "data", "--base", "run", "--out", "other", "--max-steps", "2")
    assert said.code == 2 and "1 of 8 items have labels that the model to start from doesn't know (cleo)" in said.err
    assert "fine-tuning can't add labels: train a new model on all items" in said.err
    assert files(Path("run")) == before and not Path("other").exists()


def test_data_in_memory_are_asked_for_in_the_interface_in_use(zaohua, tmp_path: Path):
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8), np.uint8)
    model = zh.VAE(channels=8, latent_dim=4, batch_size=4, max_steps=2, device="cpu").fit(images, out="run")
    assert "give the same again, `zaohua resume run --data DATA`\n" in zaohua("resume", "run").err
    with pytest.raises(ZaohuaError, match=r"data in memory: give the same again, `resume\('run', X, y\)`"):
        model.resume("run")
    with pytest.raises(ZaohuaError, match=r"6 items instead|5 items .* `zaohua.load\('run'\).finetune\(X, out=...\)`"):
        model.resume("run", images[:5])


def test_a_model_that_is_fitted_at_once_has_nothing_to_resume(zaohua, gmm: Path):
    assert "GMM is fitted in one go, so there is nothing to resume" in zaohua("resume", gmm).err


def test_a_run_without_its_model_is_damaged_and_nothing_advises_to_go_on_with_it(zaohua, faces: Path):
    train = ["train", "vae", "data", "--out", "run", *TINY, "--max-steps", "2"]
    assert zaohua(*train).code == 0
    assert "`zaohua resume run` goes on with it" in zaohua(*train).err
    Path("run/model.json").unlink()
    assert "run is a damaged run: its model.json is missing\n" in zaohua("resume", "run").err
    assert "run holds a run already: --overwrite replaces it, or choose another --out\n" in zaohua(*train).err


def test_a_seed_that_is_given_to_go_on_with_is_told_to_change_nothing(zaohua, faces: Path):
    assert zaohua("train", "vae", "data", "--out", "run", *TINY, "--max-steps", "2", "--random-state", "1").code == 0
    said = zaohua("resume", "run", "--max-steps", "3", "--random-state", "1")
    assert said.code == 0 and "changes nothing" not in said.err
    said = zaohua("resume", "run", "--max-steps", "4", "--random-state", "2")
    assert said.code == 0 and "--random-state 2 changes nothing: run goes on with the seed that it began" in said.err
    assert zh.load("run").seed_ == 1
    said = zaohua("resume", "run", "--max-steps", "3")
    assert said.code == 0 and "100%" in said.err and "133%" not in said.err


def test_one_picture_in_the_place_of_another_is_noticed(zaohua, tmp_path: Path):
    """The number of items, and some of their values, stay the same; their hashes don't."""
    for i in range(30):
        picture(tmp_path / "data" / f"{'x' * i}1.png")
    assert zaohua("train", "vae", "data", "--out", "run", *TINY, "--max-steps", "2").code == 0
    before = files(Path("run"))
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "data" / "xx1.png")
    said = zaohua("resume", "run", "--max-steps", "4")
    assert said.code == 2 and "the data given isn't what run was trained on: 1 of its items is another; " in said.err
    assert files(Path("run")) == before
    picture(tmp_path / "data" / "xx1.png")
    assert zaohua("resume", "run", "--max-steps", "4").code == 0
