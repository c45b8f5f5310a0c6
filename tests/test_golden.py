"""Runs that an earlier version saved are read, and do what they did then: `tests/golden/make.py` made them.

Fields and classes have been renamed since. So what is compared is what a model does, and the values of its settings
whatever their names are now.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zaohua as zh
from tests.golden.items import LABELS, first, plain_all
from tests.golden.make import CASES, RUNS, SAMPLED, SCORED, Case, data_of, trained_on
from zaohua.cli import main
from zaohua.storage import legacy

ALIKE = {"images": 0.5, "colours": 0.5, "sounds": 1e-3, "table": 1e-2, "numbers": 1e-5}
"""How far the numbers of an item may be from those stored, in the mean: processors round differently."""
SCORES = {"product-mixture": 0.02}
"""How far scores may be from those stored, if it is more than rounding: columns that constraints link have other codes
now, and the noise that spreads rounded numbers is seeded by the codes."""


def expected_of(name: str) -> dict[str, Any]:
    return json.loads((RUNS / f"{name}.json").read_text())


def agree(case: Case, found: list[Any], stored: list[Any]) -> bool:
    """Whether two samples are the same but for rounding.

    One item may differ altogether: where one draw of many is next to the boundary between two values, rounding decides
    between them, and all that follows in that item depends on it.
    """

    def same(a: Any, b: Any) -> bool:
        return (
            a[1] == b[1]
            and len(a[0]) == len(b[0])
            and (not a[0] or float(np.abs(np.subtract(a[0], b[0])).mean()) <= ALIKE[case.data])
        )

    return len(found) == len(stored) and sum(map(same, found, stored)) >= len(stored) - 1


def check(case: Case, model: Any, expected: dict[str, Any], tolerance: float = 1e-4) -> None:
    """Samples, scores and latents are those stored, and what was stored of settings is all there."""
    items, y = data_of(case)
    some, conditions = first(items, SCORED), None if y is None else first(y, SCORED)
    asked = {} if y is None else {"y": conditions}
    assert hasattr(model, "sample") == ("samples" in expected)
    if "samples" in expected:
        assert agree(case, plain_all(model.sample(SAMPLED, random_state=0, **asked)), expected["samples"])
    assert hasattr(model, "score_samples") == ("scores" in expected)
    if "scores" in expected:
        assert np.allclose(model.score_samples(some, conditions), expected["scores"], rtol=tolerance, atol=tolerance)
    assert hasattr(model, "transform") == ("latents" in expected)
    if "latents" in expected:
        latents = model.transform(some, conditions)
        assert np.allclose(latents[:, :8], expected["latents"], rtol=10 * tolerance, atol=10 * tolerance)
        assert agree(case, plain_all(model.inverse_transform(latents, conditions)), expected["decoded"])
    values = Counter(written(value) for name, value in model.get_params(deep=False).items() if name != "codec")
    renamed = {old: new for values_of in legacy.VALUES.values() for old, new in values_of.items()}
    missing = Counter(written(renamed.get(v, v) if isinstance(v, str) else v) for v in expected["settings"]) - values
    assert not missing, f"settings that aren't read any more: {missing}"


def written(value: Any) -> str:
    """A setting as `model.json` has it; 1, 1.0 and True are three."""
    return json.dumps(value, default=list)


@pytest.mark.parametrize("name", CASES)
def test_an_old_run_does_what_it_did(name: str) -> None:
    model = zh.load(RUNS / name, device="cpu")  # a machine's settings aren't a run's: they are said when it is loaded
    assert type(model) is getattr(zh, CASES[name].model)
    check(CASES[name], model, expected_of(name), SCORES.get(name, 1e-4))


@pytest.mark.parametrize("name", CASES)
def test_an_old_run_is_described(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    case, model = CASES[name], zh.load(RUNS / name)
    main(["info", str(RUNS / name), "--json"])
    about = json.loads(capsys.readouterr().out)
    assert about["model"].startswith(f"{case.model}: ")
    if case.labelled:
        assert all(label in about["labels"] for label in set(LABELS))
    if hasattr(model, "n_steps_"):
        steps = 8 if case.killed else case.fields.get("max_steps", type(model).tiny["max_steps"])
        assert about["steps"] == steps


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.kept])
def test_an_old_run_is_trained_on(name: str, tmp_path: Path) -> None:
    """All settings of training are others than usual, so one that is lost on the way changes what is learnt."""
    run = tmp_path / name
    shutil.copytree(RUNS / name, run)
    model = trained_on(CASES[name], run, 16)
    assert model.n_steps_ == 16
    check(CASES[name], model, expected_of(name)["resumed"], tolerance=1e-3)
    steps = [json.loads(line)["step"] for line in (run / "history.jsonl").read_text().splitlines()]
    assert steps == sorted(steps) and {4, 8, 16} <= set(steps)


def test_an_old_run_is_fine_tuned(capsys: pytest.CaptureFixture[str]) -> None:
    """A run that was fine-tuned with corrections of low rank says what it began from, and begins another."""
    main(["info", str(RUNS / "gpt-chat")])
    assert "runs/gpt-bytes" in capsys.readouterr().out
    model = zh.load(RUNS / "gpt-chat")
    items, _ = data_of(CASES["gpt-chat"])
    before = model.score_samples(items[:SCORED])
    after = model.finetune(items, max_steps=20, warmup_steps=0, lora=0).score_samples(items[:SCORED])
    assert after.mean() > before.mean() + 1
