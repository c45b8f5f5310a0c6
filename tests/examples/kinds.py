"""What the tests of the two kinds of data in examples/ share: each does all that a kind of data of ours does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.trainings import PLAIN

import zaohua as zh
from zaohua.cli import main

ROOT = Path(__file__).parents[2]
TINY: dict[str, Any] = {**PLAIN, "channels": 8, "max_steps": 3, "steps": 2, "sampler": "euler"}
FLAGS = ["--channels", "8", "--max-steps", "3", "--batch-size", "16", "--steps", "2", "--device", "cpu", "--seed", "0"]


def in_a_fresh_process(*arguments: str, cwd: Path, modalities: str = "") -> str:
    """Run Python there, as somebody would who has the root of the project in PYTHONPATH; return what it printed."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    given = {**os.environ, "PYTHONPATH": path, "ZAOHUA_MODALITIES": modalities, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, env=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def command(*arguments: str) -> None:
    assert main(list(arguments)) == 0


def folder_of(codec: zh.Codec, items: Any, labels: list[str], folder: Path) -> Path:
    """Items as files, in a subfolder for each label."""
    for label in sorted(set(labels)):
        rows = [i for i, other in enumerate(labels) if other == label]
        codec.write(items[rows], folder / label, [f"{i:03d}" for i in rows])
    return folder


def sorted_by_label(items: np.ndarray, labels: list[str]) -> tuple[np.ndarray, list[str]]:
    """The same in the order in which `folder_of` is read."""
    order = np.argsort(np.array(labels), kind="stable")
    return items[order], [labels[i] for i in order]


def check_the_command_line(
    data: str,
    label: str,
    ending: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Train, sample, info, evaluate and compare, for a folder of items of two splits."""
    monkeypatch.chdir(folder)
    capsys.readouterr()
    Path(data, "train", "about.doc").write_text("about the data")
    command("read", data, "--json")
    facts = json.loads(capsys.readouterr().out)
    apart, left_out = facts["notes"]
    assert label in facts["labels"] and apart.endswith("kept apart: --split test")
    assert left_out == "left out 1 .doc file (train/about.doc)"
    for run in ("one", "two"):
        command("train", "flow", data, "--out", run, "--channels", "8" if run == "one" else "16", *FLAGS[2:])
    command("sample", "one", "-n", "3", "--y", label, "--out", "made", "--seed", "0")
    made = [path.name for path in Path("made").glob("0*") if not path.name.endswith(".origin.json")]
    assert sorted(made) == [f"0000{i}-{label}{ending}" for i in range(3)]
    command("sample", "one", "-n", "4", "--out", "sheet.png")
    assert Path("sheet.png").read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    command("info", "one")
    assert label in capsys.readouterr().out
    command("evaluate", "one", "--samples", "40")
    assert "frechet" in Path("one", "evaluation", "figures.json").read_text()
    command("compare", "one", "two", "--samples", "40", "--out", "compare.html")
    assert "Protocol" in Path("compare.html").read_text() and "one" in capsys.readouterr().out


def check_saved_and_loaded(model: Any, label: str, folder: Path, equal: Callable[[Any, Any], Any]) -> None:
    """A run makes the same items in this process, and on the command line of one that hasn't heard of the kind yet."""
    made = model.sample(3, y=label, random_state=1)
    model.save(folder / "run")
    equal(zh.load(folder / "run").sample(3, y=label, random_state=1), made)
    arguments = ["sample", "run", "-n", "3", "--y", label, "--seed", "1", "--out", "made.npz"]
    in_a_fresh_process("-m", "zaohua", *arguments, cwd=folder)
    equal(np.load(folder / "made.npz")["x"], made)


def check_known_by_name(kind: str, data_set: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose environment names the module knows the data set, and the command line trains on it."""
    code = f"import sys, zaohua as zh; print(zh.datasets.names({kind!r}), 'torch' in sys.modules)"
    said = in_a_fresh_process("-c", code, cwd=folder, modalities=f" examples.{kind},")
    assert said == f"[{data_set!r}] False\n"
    monkeypatch.chdir(folder)
    command("train", "flow", data_set, "--split", "test", "--out", "run", *FLAGS)
    assert zh.load("run").codec_.modality == kind
