from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from zaohua import cli


@dataclasses.dataclass
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


@pytest.fixture
def zaohua(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Said]:
    """Calls the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Said:
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:  # --help
            code = int(stop.code or 0)
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def gmm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a model that is fitted in no time, with labels."""
    folder = tmp_path_factory.mktemp("runs") / "gmm"
    assert cli.main(["train", "gmm", "digits", "--out", str(folder), "--n-components", "1"]) == 0
    return folder


@pytest.fixture(scope="session")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a model with networks, of a few steps."""
    folder = tmp_path_factory.mktemp("runs") / "vae"
    tiny = [
        "--max-steps",
        "6",
        "--channels",
        "8",
        "--latent-dim",
        "4",
        "--batch-size",
        "16",
        "--seed",
        "0",
        "--log-every",
        "2",
        "--checkpoint-every",
        "3",
    ]
    assert cli.main(["train", "vae", "digits", "--out", str(folder), *tiny]) == 0
    return folder
