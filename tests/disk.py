"""For the tests of saving: disks and machines that fail, and saved models whose state can be told."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from zaohua.core.errors import CheckpointError
from zaohua.storage.atomic import MANIFEST, manifest_bytes, sha256, to_bytes, write_folder
from zaohua.storage.runs import load_model
from zaohua.storage.tensors import tensor_bytes


def tensors(value: float) -> dict[str, torch.Tensor]:
    return {"a": torch.full((40, 5), value), "b": torch.tensor(value)}


def state_of(folder: Path) -> float | None:
    """The one number that both files of a saved model were made from; None when nothing is saved."""
    try:
        model, weights = load_model(folder)
    except CheckpointError as error:
        assert f"no {MANIFEST}" in str(error) or "no such folder" in str(error)
        return None
    assert weights is not None and set(weights["a"].flatten().tolist()) == {model["value"]} == {float(weights["b"])}
    return float(model["value"])


def save(folder: Path, value: float) -> None:
    weights = tensor_bytes(tensors(value))
    write_folder(folder, {"model.json": to_bytes({"value": value}), "weights.safetensors": weights})


class Crash(BaseException):
    """The machine is off."""


class Machine:
    """Stands in front of all that changes files, and goes wrong at the k-th change."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, error: BaseException, for_good: bool = True) -> None:
        self.count, self.at, self.error, self.for_good = 0, at, error, for_good
        for owner, name in ((os, "replace"), (os, "fsync"), (Path, "unlink"), (Path, "mkdir"), (shutil, "rmtree")):
            monkeypatch.setattr(owner, name, self.guarded(name, getattr(owner, name)))

    def guarded(self, name: str, change: Callable[..., Any]) -> Callable[..., Any]:
        def guard(target: Any, *arguments: Any, **options: Any) -> Any:
            self.count += 1
            if self.count == self.at or (self.count > self.at and self.for_good):
                if self.count == self.at:
                    half_done(name, target)
                raise self.error
            return change(target, *arguments, **options)

        return guard


def half_done(name: str, target: Any) -> None:
    """What a change may leave when it is cut off: half a file, or a folder with a file less."""
    if name == "fsync":
        try:
            os.ftruncate(target, os.fstat(target).st_size // 2)
        except OSError:  # a folder
            return
    elif name == "rmtree" and Path(target).is_dir():
        os.remove(min(Path(target).iterdir()))


def crash_everywhere(change: Callable[[], None], prepare: Callable[[], None]) -> Iterator[None]:
    """Run a change again and again, each time with the machine off one operation later, until it gets through."""
    for at in range(1, 1000):
        prepare()
        with pytest.MonkeyPatch.context() as patch:
            machine = Machine(patch, at, Crash())
            with contextlib.suppress(Crash):
                change()
        yield
        if machine.count < at:
            assert at > 5
            return
    raise AssertionError("it never ends")


def damage(path: Path, position: int, bits: int = 1) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= bits
    path.write_bytes(data)


def positions(path: Path) -> list[int]:
    size = path.stat().st_size
    return [*range(size)] if path.name == MANIFEST else [p for p in (0, 7, size // 3, size // 2, size - 1) if p < size]


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def made_up(folder: Path, files: dict[str, bytes]) -> Path:
    """A folder whose manifest vouches for anything."""
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / MANIFEST).write_bytes(manifest_bytes({name: sha256(data) for name, data in files.items()}))
    return folder
