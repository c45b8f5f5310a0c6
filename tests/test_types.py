"""Type checkers, and so editors, know the public names and the fields of all models."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import zaohua as zh
from zaohua.core import registry
from zaohua.core.params import fields_of

ROOT = Path(__file__).parents[1]


pytestmark = pytest.mark.xdist_group("types")  # mypy's cache is for one process at a time


def checked(code: str, folder: Path) -> list[str]:
    """What mypy says of a user's file: the lines with their numbers, without the file's name and the sum."""
    path = folder / "user.py"
    path.write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(path)],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": "src"},
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    # mypy may tell again what it said of the same text at another path, so only the name of the file counts
    return [line.split("user.py:", 1)[1] for line in done.stdout.splitlines() if "user.py:" in line]


USER = """
from typing import Self

import numpy as np
import torch
from torch import Tensor

import zaohua as zh
from zaohua.estimator.base import GenerativeModel
from zaohua.models.vae import VAE

class Mine(zh.VAE):
    learning_rate = 1e-4
    note: str = "none"

class Faster:
    learning_rate = 0.1

class Fast(Faster, zh.GPT):
    pass

zh.VAE(learning_rate=1e-3, random_state=0, codec=zh.ImageCodec())
Mine(learning_rate=1e-3, note="x", latent_dim=4)
Fast(learning_rate=1e-3, width=8)
model: VAE = zh.VAE().fit("digits")
text: str = zh.__version__
zh.load("run").sample(1)

def items(model: GenerativeModel) -> int | None:
    return model.n_items_

items(zh.GPT()), items(zh.VAE())

class Numbers(zh.GridCodec[np.ndarray]):
    def fit(self, items: np.ndarray) -> Self:
        return self

    def encode(self, items: np.ndarray) -> Tensor:
        return torch.from_numpy(items)

    def decode(self, x: Tensor) -> np.ndarray:
        return x.numpy()

    def as_items(self, y: object, n: int | None) -> np.ndarray:
        return np.asarray(y)

class AnyNumbers(zh.GridCodec):
    def fit(self, items):  # type: ignore[no-untyped-def]
        return self

zh.VAE(codec=Numbers()), zh.ImageCodec().fit(np.zeros((2, 3, 3))).state()
zh.metrics, zh.datasets, zh.tasks, zh.registry.find("vae").paper
"""


def test_what_is_right_passes_a_type_checker(tmp_path: Path) -> None:
    assert checked(USER, tmp_path) == []


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What mypy says of each of WRONG."""
    lines = ["import zaohua as zh", "class Mine(zh.VAE):", "    note: str = ''", *WRONG]
    said: dict[str, str] = {}
    for line in checked("\n".join(lines) + "\n", tmp_path_factory.mktemp("user")):
        number, _, text = line.partition(":")
        said.setdefault(lines[int(number) - 1], text)
    return said


WRONG = {
    "zh.VAE(lerning_rate=1)": 'Unexpected keyword argument "lerning_rate" for "VAE"; did you mean "learning_rate"?',
    "zh.GPT(widht=8)": 'Unexpected keyword argument "widht" for "GPT"; did you mean "width"?',
    "zh.VAE(learning_rate='fast')": 'Argument "learning_rate" to "VAE" has incompatible type "str"; expected "float"',
    "zh.VAE(0.1)": "Too many positional arguments",
    "Mine(nota='x')": 'Unexpected keyword argument "nota" for "Mine"',
    "zh.GenerativeClassifier(modell=zh.GMM())": 'Unexpected keyword argument "modell" for "GenerativeClassifier"',
    "zh.TableCodec(colums={})": 'Unexpected keyword argument "colums" for "TableCodec"',
    "zh.VEA()": 'Module has no attribute "VEA"',
    "zh.VAE().smaple(1)": '"VAE" has no attribute "smaple"',
    "reveal_type(zh.VAE)": 'Revealed type is "def (*, codec: zaohua.modalities.base.Codec',
    "reveal_type(zh.VAE().fit('digits'))": 'Revealed type is "zaohua.models.vae.VAE"',
    "reveal_type(zh.GPT().codec_)": 'Revealed type is "zaohua.modalities.texts.codec.TextCodec"',
    "reveal_type(zh.TVAE().codec_)": 'Revealed type is "zaohua.modalities.tables.codec.TableCodec"',
    "reveal_type(zh.read)": 'Revealed type is "def (',
    "zh.ImageCodec().fit('a folder')": 'Argument 1 to "fit" of "ImageCodec" has incompatible type "str"',
    "zh.MusicCodec().encode([1])": 'List item 0 has incompatible type "int"; expected "Piece"',
    "zh.TextCodec().fit([3])": 'List item 0 has incompatible type "int"; expected "str | tuple[str, str] | ',
    "reveal_type(zh.MelCodec().as_items([], 1))": 'Revealed type is "zaohua.modalities.sounds.files.SoundFiles"',
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_is_told(line: str, told: dict[str, str]) -> None:
    assert WRONG[line] in told[line]


def test_each_field_of_each_model_is_known_with_its_default(tmp_path: Path) -> None:
    """Neither more nor less than what the class takes: by name, and one of no model is refused by all of them."""
    calls = ["import zaohua as zh"]
    for entry in registry.entries():
        fields = fields_of(getattr(zh, entry.name))
        calls.append(f"zh.{entry.name}({', '.join(f'{name}={field.default!r}' for name, field in fields.items())})")
        calls.append(f"zh.{entry.name}(no_field=1)")
    said = checked("\n".join(calls) + "\n", tmp_path)
    wrong = [int(line.split(":")[0]) for line in said if 'Unexpected keyword argument "no_field"' in line]
    assert wrong == list(range(3, len(calls) + 1, 2))
    assert [line for line in said if ": error:" in line and "no_field" not in line] == []
