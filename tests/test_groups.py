"""Tests that share what was trained run in one process."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.conftest import group_of

ROOT = Path(__file__).parents[1]


def a_test(path: str, **params: Any) -> Any:
    """As much of a test as its group depends on."""
    item = SimpleNamespace(path=ROOT / path, config=SimpleNamespace(rootpath=ROOT))
    if params:
        item.callspec = SimpleNamespace(params=params)
    return item


def test_a_file_is_a_group_and_of_the_contract_each_model() -> None:
    evaluation = a_test("tests/tasks/test_evaluation.py")
    assert group_of(evaluation) == group_of(a_test("tests/tasks/test_evaluation.py", number=3))
    assert group_of(evaluation) != group_of(a_test("tests/cli/test_evaluation.py"))
    vae, sounds = (a_test("tests/test_contract.py", case=("VAE", kind)) for kind in ("images", "sounds"))
    assert group_of(vae) == group_of(a_test("tests/test_contract.py", case=("VAE", "images")))
    assert len({group_of(vae), group_of(sounds), group_of(a_test("tests/test_contract.py"))}) == 3
