"""The names of earlier formats are brought to today's; whole old runs are read by `tests/test_golden.py`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.golden.make import RUNS

import zaohua as zh
from zaohua.cli import runs as cli_runs
from zaohua.core import registry
from zaohua.core.errors import CheckpointError
from zaohua.core.params import fields_of
from zaohua.storage import legacy, runs
from zaohua.storage.card import card


def of_format_1(**changes: Any) -> dict[str, Any]:
    return {"format": 1, "model": "GPT", "parameters": {}, **changes}


def test_renamed_parameters_are_named_once() -> None:
    """An old name that a model of ours has again would be taken away from it, and a new one must be some model's."""
    fields = {name for entry in registry.entries() for name in fields_of(registry.stored_class(entry.name))}
    assert not fields & set(legacy.PARAMETERS)
    assert set(legacy.PARAMETERS.values()) <= fields


def test_an_old_model_gets_the_new_names() -> None:
    spec = {"axes": ["position"], "shape": None, "heads": [{"name": "token"}], "pad": -1}
    codec = {"codec": "TextCodec", "options": {}, "spec": spec, "state": {}}
    option = {**codec, "spec": None}
    old = of_format_1(parameters={"decay": "linear", "heads": 2}, codec=codec, codec_option=option, y_codec=None)
    new = legacy.current(old, Path("model.json"))
    assert new["parameters"] == {"lr_schedule": "linear", "heads": 2}, "the heads of attention are called so still"
    assert new["codec"]["spec"] == {"axes": ["position"], "shape": None, "features": [{"name": "token"}], "pad": -1}
    assert new["codec_option"] == option and new["y_codec"] is None
    assert old["parameters"] == {"decay": "linear", "heads": 2}, "what was given stays as it is"
    assert legacy.current({**old, "format": 2}, Path("model.json")) == {**old, "format": 2}


def test_a_field_of_ones_own_keeps_its_name(tmp_path: Path) -> None:
    class Styled(zh.GMM):
        """A mixture in a style."""

        style: str = "plain"
        """Which one."""

    Styled(style="bold").fit(np.random.default_rng(0).integers(0, 256, (40, 4, 4), dtype=np.uint8)).save(tmp_path)
    data, tensors = runs.load_model(tmp_path)
    for folder, name in (("whole", data["model"]), ("short", "Styled")):  # format 1 named the class alone
        runs.save_model(tmp_path / folder, {**data, "model": name, "format": 1}, tensors)
        stored = json.loads((tmp_path / folder / "model.json").read_bytes())
        assert stored["format"] == 1
        assert zh.load(tmp_path / folder).style == "bold"


def test_formats_that_are_not_known_are_refused_everywhere(tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(RUNS / "normal", run)
    data, tensors = runs.load_model(run)
    runs.save_model(run, {**data, "format": legacy.FORMAT + 1}, tensors)
    for read in (zh.load, cli_runs.read_model):
        with pytest.raises(CheckpointError, match=r"model\.json was saved by a newer version of zaohua: upgrade"):
            read(run)


@pytest.mark.parametrize("changes", [{"parameters": 5}, {"parameters": []}, {"codec": [1]}, {"codec": {"spec": [1]}}])
def test_an_old_model_that_makes_no_sense(changes: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match=r"model\.json is damaged"):
        legacy.current(of_format_1(**changes), Path("model.json"))


def test_an_old_run_without_a_card_gets_one() -> None:
    """Its data aren't described, which runs do by themselves since."""
    labelled, plain = (card(runs.load_model(RUNS / name, weights=False)[0], name) for name in ("dcgan", "gmm"))
    assert "- Data: arrays in memory\n- Conditions: yes\n" in labelled and "| lr_schedule | constant |" in labelled
    assert "- Data: arrays in memory\n- Conditions: none\n" in plain
