"""Models of a user's own: wherever their class is defined, they are fitted, saved and loaded as what they are."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zaohua as zh
from zaohua.cli import main
from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.core.params import fields_of
from zaohua.storage.card import card

SOURCE = Path(zh.__file__).parents[1]
X = np.random.default_rng(0).integers(0, 256, (40, 4, 4), dtype=np.uint8)
MINE = '''
from typing import Annotated
import numpy as np
import zaohua as zh
from zaohua.core.params import Between

class Mine(zh.GMM):
    """A mixture of my own."""

    n_components = 2
    sharpness: Annotated[float, Between(0, 1)] = 0.5
    """How sharp."""
'''
FIT = """
X = np.random.default_rng(0).integers(0, 256, (40, 4, 4), dtype=np.uint8)
Mine(sharpness=0.25, random_state=0).fit(X).save("run")
"""
LOAD = """
model = zh.load("run")
assert type(model) is Mine and model.sharpness == 0.25 and model.n_components == 2
print(model.sample(3).shape)
"""


def stored(run: Path) -> str:
    return json.loads((run / "model.json").read_text())["model"]


def rename(run: Path, name: str) -> None:
    """Let a run say that its model is of another class, as if it had been saved so."""
    from zaohua.storage import runs

    data, tensors = runs.load_model(run)
    runs.save_model(run, {**data, "model": name}, tensors)


def python(code: str, folder: Path) -> str:
    """What a program that comes in on stdin prints, or the last line of its error."""
    done = subprocess.run(
        [sys.executable, "-"],
        input=code,
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(SOURCE), "PATH": ""},
    )
    return done.stdout if done.returncode == 0 else done.stderr.splitlines()[-1]


def test_a_class_of_a_prompt_is_fitted_saved_and_loaded(tmp_path: Path) -> None:
    assert python(MINE + FIT + LOAD, tmp_path) == "(3, 4, 4)\n"
    assert stored(tmp_path / "run") == "__main__:Mine"
    assert python(MINE + LOAD, tmp_path) == "(3, 4, 4)\n", "in another session that has run the same cell"
    assert python("import zaohua as zh; zh.load('run')", tmp_path) == (
        "zaohua.core.errors.ZaohuaError: run: the model is a Mine of the notebook, prompt or script that made it: "
        "define or import that class first"
    )


def test_a_trained_model_whose_class_is_executed(tmp_path: Path) -> None:
    scope: dict[str, Any] = {"zh": zh}
    exec("class Small(zh.VAE):\n    latent_dim = 2\n    note: str = 'none'\n    'A note.'\n", scope)
    small = scope["Small"]
    model = small(**{**zh.VAE.tiny, "latent_dim": 2, "max_steps": 3}, note="x", random_state=0).fit(X, out=tmp_path)
    loaded = zh.load(tmp_path)
    assert type(loaded) is small and (loaded.note, loaded.latent_dim) == ("x", 2)
    assert np.array_equal(loaded.sample(2), model.sample(2))
    assert fields_of(small)["note"].help == "" and fields_of(small)["latent_dim"].help != ""


def test_a_cell_that_is_run_again_defines_the_class_anew(tmp_path: Path) -> None:
    again = "\nfirst = Mine\n" + MINE + "\nassert Mine is not first"
    assert python(MINE + FIT + again + LOAD, tmp_path) == "(3, 4, 4)\n"


def test_a_users_class_of_the_same_name_takes_no_stock_run(tmp_path: Path) -> None:
    class GMM(zh.GMM):
        extra: int = 1

    zh.GMM(n_components=2, random_state=0).fit(X).save(tmp_path / "stock")
    GMM(n_components=2, random_state=0).fit(X).save(tmp_path / "own")
    assert stored(tmp_path / "stock") == "GMM"
    assert stored(tmp_path / "own") == f"{__name__}:{GMM.__qualname__}" != "GMM"
    assert type(zh.load(tmp_path / "stock")) is zh.GMM
    assert type(zh.load(tmp_path / "own")) is GMM


@pytest.mark.parametrize("entry", registry.entries(), ids=lambda entry: entry.command)
def test_models_of_ours_are_stored_by_their_names(entry: registry.Entry) -> None:
    cls = registry.model_class(entry.name)
    assert registry.stored_name(cls) == entry.name and registry.stored_class(entry.name) is cls


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a module `my_models` and a run of its class, made by another process."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "my_models.py").write_text(MINE)
    python("from my_models import *" + FIT, folder)
    assert stored(folder / "run") == "my_models:Mine"
    return folder


@pytest.fixture
def importable(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of a class in a module `my_models` that isn't imported."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_models", raising=False)
    return tmp_path / "run"


def test_a_class_of_a_module_is_imported(importable: Path) -> None:
    model = zh.load(importable)
    assert (type(model).__module__, type(model).__name__, model.sharpness) == ("my_models", "Mine", 0.25)


def test_commands_take_runs_of_a_class_of_a_module(importable: Path, capsys: Any) -> None:
    assert main(["info", str(importable)]) == 0
    told = capsys.readouterr().out
    assert "my_models:Mine" in told and "sharpness" in told and "n_components" not in told, told
    assert main(["sample", str(importable), "-n", "2", "--out", str(importable.parent / "x.png")]) == 0
    assert (importable.parent / "x.png").exists()
    assert main(["train", "gmm", "digits", "--out", str(importable), "--resume"]) == 2
    assert "a run of my_models:Mine, not of GMM" in capsys.readouterr().err


def test_info_tells_of_a_run_whose_class_is_elsewhere(tmp_path: Path, capsys: Any) -> None:
    python(MINE + FIT, tmp_path)
    assert main(["info", str(tmp_path / "run")]) == 0
    assert "sharpness" in capsys.readouterr().out
    assert main(["sample", str(tmp_path / "run")]) == 2
    assert "a Mine of the notebook, prompt or script" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("no_such_package.models:Mine", "the model is a Mine of the module no_such_package.models"),
        ("my_models:Other", "the model is a Other of the module my_models"),
        ("my_models:np", "the model is a np of the module my_models"),
        ("my_models:Mine.Inner", "the model is a Inner of the module my_models"),
        ("needs_more:Mine", "in needs_more, which can't be imported: No module named 'no_such_module'"),
        ("fails:Mine", "in fails, which can't be imported: ValueError: no"),
        ("Mine2", "unknown model 'Mine2'"),
    ],
)
def test_a_class_that_is_not_there_is_told(importable: Path, name: str, told: str) -> None:
    (importable.parent / "needs_more.py").write_text("import no_such_module")
    (importable.parent / "fails.py").write_text("raise ValueError('no')")
    rename(importable, name)
    with pytest.raises(ZaohuaError, match=told):
        zh.load(importable)


def test_a_run_imports_nothing_of_pythons_own(importable: Path) -> None:
    """Some modules do things when imported, and none of them holds a model."""
    rename(importable, "antigravity:Mine")
    with pytest.raises(ZaohuaError, match="a Mine of the module antigravity"):
        zh.load(importable)
    assert "antigravity" not in sys.modules


def test_runs_of_before_say_the_name_only(tmp_path: Path) -> None:
    class OfBefore(zh.GMM):
        pass

    OfBefore(n_components=2, random_state=0).fit(X).save(tmp_path)
    rename(tmp_path, "OfBefore")
    assert type(zh.load(tmp_path)) is OfBefore


def test_cards_name_the_class(tmp_path: Path) -> None:
    class Own(zh.GMM):
        pass

    model = Own(n_components=2, random_state=0).fit(X)
    assert "A **Own** made with" in card({"version": "1", **model.to_json()}, "run")
