"""What people do wrong comes out as one line, with exit code 2 and without a traceback."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zaohua import cli
from zaohua.core.errors import ZaohuaError

MISTAKES = [
    (["trian"], "unknown command 'trian'; did you mean 'train'"),
    (["--hlep"], "unknown option '--hlep'"),
    (["models", "--jsn"], "did you mean '--json'"),
    (["models", "extra"], "unknown argument 'extra'"),
    (["train", "vea", "digits"], "unknown model 'vea'; did you mean 'vae'"),
    (["train", "--out", "x", "vae", "digits"], "the model and the data come first"),
    (["train", "vae"], "which data?"),
    (["train", "gmm", "digist"], "did you mean 'digits'"),
    (["train", "gmm", "digits", "--n-componets", "3"], "did you mean '--n-components'"),
    (["train", "gmm", "digits", "--n-components", "three"], "--n-components must be a whole number, not 'three'"),
    (["train", "gmm", "digits", "--n-components", "0"], "--n-components must be at least 1, not 0"),
    (["train", "gmm", "digits", "--n-components"], "--n-components needs a value\n"),
    (["train", "gmm", "digits", "--covariance", "fll"], "must be 'full' or 'tied' or 'diag' or 'spherical', not 'fll'"),
    (["train", "gmm", "digits", "--split", "tets"], "did you mean 'test'"),
    (["train", "gmm", "digits", "--resume"], "no run at runs/gmm-digits"),
    (["train", "gmm", "empty"], "empty"),
    (["train", "gmm", "texts"], "texts"),
    (["train", "gmm", "sizes"], "size"),
    (["train", "gmm", "digits", "--splt", "test"], "unknown option '--splt'; did you mean '--split'?"),
    (["models", "--xqz"], "known: --json, --markdown"),  # two dashes make no likeness
    (["sample"], "the run comes first"),
    (["sample", "nowhere"], "no run at nowhere"),
    (["info", "nowhere"], "no run at nowhere"),
    (["info"], "which run?"),
    (["demo", "--minutes", "0"], "--minutes must be"),
]


@pytest.fixture
def folders(tmp_path: Path) -> None:
    """Folders that hold no data, or data that can't be used."""
    for name in ("empty", "texts", "sizes"):
        (tmp_path / name).mkdir()
    (tmp_path / "texts" / "a.txt").write_text("hello")
    for side in (8, 9):
        Image.fromarray(np.zeros((side, side), np.uint8)).save(tmp_path / "sizes" / f"{side}.png")


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(a) or "nothing" for a, _ in MISTAKES])
def test_a_mistake_is_one_line(zaohua, folders: None, arguments: list[str], message: str):
    said = zaohua(*arguments)
    assert said.code == 2
    assert said.err.startswith("zaohua: error: ") and said.err.count("\n") == 1
    assert message in said.err
    assert said.out == ""


def test_debug_shows_the_traceback(zaohua):
    with pytest.raises(ZaohuaError):
        zaohua("train", "vea", "digits", "--debug")


def test_a_bug_is_not_hidden(zaohua, monkeypatch: pytest.MonkeyPatch):
    def broken(arguments: list[str]) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("zaohua.cli.models.main", broken)
    with pytest.raises(ZeroDivisionError):
        zaohua("models")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PermissionError(13, "Permission denied", "runs/x"), "runs/x: Permission denied"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (MemoryError(), "out of memory: "),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to ..."), "out of memory: "),
    ],
)
def test_what_the_machine_lacks_is_one_line(error: Exception, line: str):
    assert (cli.told(error) or "").startswith(line)


def test_a_stopped_training_says_how_to_go_on(zaohua, monkeypatch: pytest.MonkeyPatch):
    class Stopped(KeyboardInterrupt):
        signum = 15

    def stop(arguments: list[str]) -> None:
        raise Stopped("saved; go on with --resume")

    monkeypatch.setattr("zaohua.cli.models.main", stop)
    said = zaohua("models")
    assert (said.code, said.err) == (143, "zaohua: saved; go on with --resume\n")


def test_what_is_stopped_before_it_has_anything_to_say_is_said_to_be(zaohua, monkeypatch: pytest.MonkeyPatch):
    def stop(arguments: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("zaohua.cli.models.main", stop)
    said = zaohua("models")
    assert (said.code, said.err) == (130, "zaohua: stopped\n")
