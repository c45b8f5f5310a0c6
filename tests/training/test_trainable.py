"""Going on with a run: what it may replace, and on which machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.trainings import PLAIN, Killed, Mean, at_step, digits, kill, make

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.storage.atomic import to_bytes, write_folder


def test_a_run_killed_before_its_first_checkpoint_starts_again_and_says_so(tmp_path: Path) -> None:
    data, events = digits(), list[Any]()
    with pytest.raises(Killed):
        Mean(max_steps=5, device="cpu").fit(*data, out=tmp_path / "a", callbacks=[at_step(3, kill)])
    model = Mean(max_steps=5, device="cpu").resume(tmp_path / "a", *data, callbacks=[events.append])
    again = Mean(**{**PLAIN, "max_steps": 5, "random_state": model.seed_}).fit(*data)
    assert torch.equal(model.nets_["net"].w, again.nets_["net"].w)
    assert [event.message for event in events if event.kind == "warning"] == [
        f"{tmp_path / 'a'} was stopped before its first checkpoint: it begins anew"
    ]
    with pytest.raises(Killed):
        Mean(max_steps=5, device="cpu").fit(*data, out=tmp_path / "b", callbacks=[at_step(3, kill)])
    Mean(max_steps=5, device="cpu").fit(*data, out=tmp_path / "b")  # nothing was saved that this could replace


@pytest.mark.parametrize("gone", [["checkpoints"], ["checkpoints", "weights.safetensors"]])
def test_resuming_without_checkpoints_never_replaces_a_trained_model(gone: list[str], tmp_path: Path) -> None:
    images = digits()[0]
    make("VAE", 3).fit(images, out=tmp_path)
    for name in gone:
        path = tmp_path / name
        path.unlink() if path.is_file() else shutil.rmtree(path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ZaohuaError, match=r"has no checkpoint to go on from.*finetune.*overwrite=True\)` begins anew"):
        make("VAE", 5).resume(tmp_path, images)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    make("VAE", 5).fit(images, out=tmp_path, overwrite=True)
    assert zh.load(tmp_path).n_steps_ == 5


def test_a_model_trained_on_a_device_that_is_not_here_is_loaded_and_goes_on(tmp_path: Path) -> None:
    images, elsewhere = digits()[0], {"device": "cuda:7", "workers": 3, "tensorboard": True}
    make("VAE", 2, workers=0).fit(images, out=tmp_path)
    model = json.loads((tmp_path / "model.json").read_bytes())
    assert not set(elsewhere) & set(model["parameters"])
    model["parameters"] |= elsewhere  # as runs of before hold them
    write_folder(tmp_path, {"model.json": to_bytes(model)})
    loaded = zh.load(tmp_path)
    assert (loaded.device, loaded.workers, loaded.tensorboard) == ("auto", None, False)
    assert loaded.sample(2, random_state=0).shape == (2, 8, 8)
    with pytest.raises(ZaohuaError, match="device 'cuda:7' can't be used here"):
        zh.load(tmp_path, device="cuda:7")
    here = zh.load(tmp_path, device="cpu").set_params(max_steps=4)
    assert here.resume(tmp_path, images).n_steps_ == 4 and here.device_.type == "cpu"
    assert not set(elsewhere) & set(json.loads((tmp_path / "model.json").read_bytes())["parameters"])
    zh.GMM(n_components=1, random_state=0).fit(images, out=tmp_path / "gmm")
    assert zh.load(tmp_path / "gmm", device="cpu").sample().shape == (1, 8, 8)
    with pytest.raises(ZaohuaError, match="GMM, which computes on the CPU only"):
        zh.load(tmp_path / "gmm", device="cuda")
