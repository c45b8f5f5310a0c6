"""Models on huggingface.co, which is a folder here: what is written there, fetched, and refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
import torch
from tests.interop.test_published import made

import zaohua as zh
from zaohua.cli import main
from zaohua.core.errors import CheckpointError, ZaohuaError
from zaohua.models.gpt import GPT
from zaohua.models.vae import VAE
from zaohua.storage import atomic, runs

HASH = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """What stands for the hub: a folder for each repository, with one revision."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def place(self, name: str) -> Path:
        return self.root / f"models--{name.replace('/', '--')}" / "snapshots" / HASH

    def create_repo(self, name: str, private: bool, exist_ok: bool) -> None:
        self.place(name).mkdir(parents=True, exist_ok=exist_ok)

    def list_repo_files(self, name: str) -> list[str]:
        return [path.relative_to(self.place(name)).as_posix() for path in self.place(name).rglob("*")]

    def hf_hub_download(self, name: str, file: str) -> str:
        return str(self.place(name) / file)

    def create_commit(self, name: str, operations: list[Any], commit_message: str) -> SimpleNamespace:
        for each in operations:
            shutil.copy(each.path_or_fileobj, self.place(name) / each.path_in_repo)
        return SimpleNamespace(oid=HASH)

    def snapshot_download(self, name: str, revision: str | None, **patterns: list[str]) -> str:
        if not self.place(name).is_dir() or revision not in (None, HASH):
            raise OSError("no network in tests")
        assert patterns["allow_patterns"] and patterns["ignore_patterns"] == ["*/*"]
        return str(self.place(name))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    found = Hub(tmp_path / "hub")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: found)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: "hf_x")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", found.snapshot_download)
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was fine-tuned from a published model, on data of a file."""
    folder = tmp_path_factory.mktemp("private")
    base = made(folder / "base")
    (base / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    (folder / "letters.txt").write_text("dear reader, hello again\n" * 40)
    few = "--max-steps 2 --batch-size 2 --context 16 --checkpoint-every 1 --lora 1".split()
    command = ["train", "gpt", str(folder / "letters.txt"), "--base", str(base), "--out", str(folder / "run"), *few]
    assert main(command) == 0
    return folder / "run"


def test_a_run_goes_to_the_hub_and_comes_back(hub: Hub, run: Path, tmp_path: Path) -> None:
    assert main(["push", str(run), "us/letters", "--dataset", "us/data", "--tag", "post"]) == 0
    place = hub.place("us/letters")
    assert {path.name for path in place.iterdir()} == {
        "manifest.json",
        "model.json",
        "weights.safetensors",
        "README.md",
    }
    assert str(run.parent) not in (place / "model.json").read_text() + (place / "README.md").read_text()
    card = (place / "README.md").read_text()
    front = 'license: "apache-2.0"\nlibrary_name: "zaohua"\ndatasets: ["us/data"]\ntags: ["zaohua", "GPT", "post"]'
    assert card.startswith(f"---\n{front}\n---\n") and 'zh.load("us/letters")' in card
    assert "Training: 2 steps" in card and "licence: apache-2.0" in card
    model = zh.load("us/letters")
    assert model.run_ == f"us/letters@{HASH}"
    for name, value in zh.load(run).tensors().items():
        assert torch.equal(value, model.tensors()[name])
    assert main(["pull", "us/letters"]) == 0
    assert json.loads((tmp_path / "runs/letters/model.json").read_text())["hub"] == f"us/letters@{HASH}"
    assert main(["pull", f"us/letters@{HASH}", "--out", "again"]) == 0
    assert zh.load("again").sample(random_state=0, max_tokens=4) == zh.load(run).sample(random_state=0, max_tokens=4)
    tuned = model.finetune(["dear friend"] * 9, max_steps=1, out="tuned")
    assert tuned.base_ is not None and tuned.base_["run"] == f"us/letters@{HASH}"
    assert zh.push_to_hub(tuned, "us/tuned") == f"us/tuned@{HASH}"
    assert 'base_model: "us/letters"' in (hub.place("us/tuned") / "README.md").read_text()
    assert tuned.push_to_hub("us/tuned", tags=["post"]) == f"us/tuned@{HASH}"  # again, over what we wrote
    assert torch.equal(GPT.from_pretrained("us/tuned").nets_["net"].head.weight, tuned.nets_["net"].head.weight)
    with pytest.raises(ZaohuaError, match="holds a GPT, not a VAE"):
        VAE.from_pretrained("us/tuned")


def test_a_published_model_is_pulled_with_its_revision(hub: Hub, tmp_path: Path) -> None:
    made(hub.place("them/tiny"))
    data = json.loads((zh.pull("them/tiny", tmp_path / "run") / "model.json").read_text())
    assert data["base"]["run"] == data["hub"] == f"them/tiny@{HASH}" and data["base"]["revision"] == HASH


def _error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(arguments) == 2
    said = capsys.readouterr().err.strip()
    assert "\n" not in said
    return said


def test_what_is_refused_to_be_written(
    hub: Hub, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "isn't a name" in _error(["push", str(run), "letters"], capsys)
    place = hub.place("us/theirs")
    place.mkdir(parents=True)
    (place / "pytorch_model.bin").write_bytes(b"x")
    assert "pytorch_model.bin" in _error(["push", str(run), "us/theirs"], capsys)
    assert main(["push", str(run), "us/theirs", "--overwrite"]) == 0
    (place / "pytorch_model.bin").unlink()
    (place / "README.md").write_text("Somebody's own words.")
    assert "README.md" in _error(["push", str(run), "us/theirs"], capsys)
    plain = zh.Gaussian().fit("digits")
    plain.save("plain")
    assert "Give --license" in _error(["push", "plain", "us/plain"], capsys)
    assert main(["push", "plain", "us/plain", "--license", "mit"]) == 0
    for licence, line in (("cc-by-nc-nd-4.0", "forbids"), ("llama3.2", "must have, too")):
        shutil.copytree(run, tmp_path / licence)
        data, tensors = runs.load_model(tmp_path / licence)
        data["base"]["published"]["licence"] = licence
        runs.save_model(tmp_path / licence, data, tensors)
        assert line in _error(["push", licence, "us/letters", "--license", "mit"], capsys)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    assert "nobody is logged in" in _error(["push", str(run), "us/letters"], capsys)


def test_hostile_snapshots_are_refused(hub: Hub, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "secret.json").write_text("{}")
    place = made(hub.place("them/linked"))
    (place / "config.json").unlink()
    (place / "config.json").symlink_to(tmp_path / "secret.json")
    assert "config.json is a link to somewhere outside" in _error(["sample", "them/linked"], capsys)
    assert main(["push", str(run), "them/named"]) == 0
    manifest = hub.place("them/named") / "manifest.json"
    listed = json.loads(manifest.read_text())["sha256"]
    manifest.write_bytes(atomic.manifest_bytes({**listed, "../x": "0" * 64}))
    with pytest.raises(CheckpointError, match="manifest.json is damaged"):
        zh.load("them/named")
    place = made(hub.place("them/pickled"))
    (place / "pytorch_model.bin").write_bytes(b"never opened")
    assert main(["sample", "them/pickled", "-n", "1", "--max-tokens", "2"]) == 0
    assert "can't be reached" in _error(["sample", "them/nothing"], capsys)
    (place / "model.safetensors").unlink()
    assert "pytorch_model.bin, which isn't opened" in _error(["sample", "them/pickled"], capsys)
    assert "org/name" in _error(["pull", str(tmp_path)], capsys)
    assert "holds files" in _error(["pull", "them/pickled", "--out", str(tmp_path)], capsys)
