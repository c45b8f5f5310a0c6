"""A run of another's never costs more than its weights: in memory, in time, or in errors of other libraries."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import zaohua as zh
from zaohua.cli.info import last_record
from zaohua.storage.atomic import manifest_bytes, read_file, sha256
from zaohua.storage.locks import lock, release

GOLDEN = Path(__file__).parents[1] / "golden" / "runs"


def changed(folder: Path, run: str, path: tuple[Any, ...], value: object) -> Path:
    """A copy of a run, whose model.json has another value and an intact hash."""
    shutil.copytree(GOLDEN / run, folder)
    model: Any = json.loads((folder / "model.json").read_text())
    place = model
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    data = json.dumps(model).encode()
    (folder / "model.json").write_bytes(data)
    hashes = {"model.json": sha256(data), "weights.safetensors": sha256((folder / "weights.safetensors").read_bytes())}
    (folder / "manifest.json").write_bytes(manifest_bytes(hashes))
    return folder


@pytest.mark.parametrize(
    ("run", "path", "value"),
    [
        ("vae", ("codec", "spec", "shape", 0), -1),
        ("vae", ("codec", "spec", "shape", 0), 0),
        ("vae", ("codec", "state", "dtype"), "object"),
        ("vae", ("codec", "state", "grid", "levels"), 1),
        ("vae", ("parameters", "latent_dim"), 10**6),
        ("vae", ("parameters", "no_such_field"), 1),
        ("gpt", ("parameters", "layers"), 10**6),
        ("gpt", ("parameters", "width"), 10**6),
        ("vae", ("y_codec", "state", "counts", 0), "x"),
        ("vae", ("y_codec", "state", "classes"), []),
        ("vae", ("y_codec", "spec", "pad"), "x"),
        ("gmm", ("codec", "spec", "shape"), None),
    ],
)
def test_a_model_json_that_does_not_fit_is_refused(
    run: str, path: tuple[Any, ...], value: object, tmp_path: Path
) -> None:
    folder = changed(tmp_path / "run", run, path, value)
    with pytest.raises(zh.CheckpointError):
        zh.load(folder)


def test_networks_larger_than_their_weights_are_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    made: list[int] = []
    empty = torch.empty

    def counted(*shape: Any, **options: Any) -> Any:
        out = empty(*shape, **options)
        made.append(0 if out.is_meta else out.numel())
        return out

    monkeypatch.setattr(torch, "empty", counted)
    folder = changed(tmp_path / "run", "vae", ("parameters", "latent_dim"), 10**6)
    with pytest.raises(zh.CheckpointError, match="latent_dim|larger networks|shape"):
        zh.load(folder)
    assert sum(made) < 3 * 10**7


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
@pytest.mark.parametrize("name", ["weights.safetensors", "model.json", "manifest.json"])
@pytest.mark.parametrize("kind", ["device", "pipe"])
def test_devices_and_pipes_are_refused_at_once(name: str, kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(GOLDEN / "vae", folder)
    (folder / name).unlink()
    if kind == "pipe":
        os.mkfifo(folder / name)
    else:
        (folder / name).symlink_to("/dev/zero")
    with pytest.raises(OSError, match="no file"):
        read_file(folder / name)
    with pytest.raises(zh.CheckpointError, match=f"{name} can't be read: it is no file"):
        zh.load(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
@pytest.mark.parametrize("kind", ["device", "pipe"])
def test_the_history_is_a_file_too_and_a_lock_waits_for_nobody(kind: str, tmp_path: Path, monkeypatch: Any) -> None:
    folder = tmp_path / "run"
    shutil.copytree(GOLDEN / "vae", folder)
    for name in ("history.jsonl", ".lock"):
        (folder / name).unlink(missing_ok=True)
        if kind == "pipe":
            os.mkfifo(folder / name)
        else:
            (folder / name).symlink_to("/dev/zero")
    with pytest.raises(OSError, match="it is no file"):
        last_record(folder)
    release(lock(folder))
