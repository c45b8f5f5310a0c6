"""What private models promise, and where it is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zaohua as zh
from zaohua.cli import info
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.models.independent import Independent
from zaohua.privacy.guarantee import ADD_OR_REMOVE, Guarantee, check_budget

PROMISE = Guarantee(
    1.0, 3.1e-6, "one row", ADD_OR_REMOVE, "zCDP", ("bounds of age",), {"pairs": 0.9, "bins": 0.1}, ("number of rows",)
)


def test_a_promise_goes_through_json_and_into_sentences() -> None:
    assert Guarantee.from_json(PROMISE.to_json()) == PROMISE
    assert str(PROMISE) == "epsilon 1, delta 3.1e-06, for one row"
    assert PROMISE.lines()[-2:] == ["Budget: pairs 90%, bins 10%", "Outside the guarantee: number of rows"]


def test_a_promise_is_stored_with_the_run_and_told(tmp_path: Path) -> None:
    model = Independent(random_state=0).fit(np.random.default_rng(0).normal(size=(50, 2)))
    assert model.guarantee is None
    assert "no guarantee" in (model.save(tmp_path / "open") / "README.md").read_text()
    model.privacy_ = PROMISE.to_json()
    run = model.save(tmp_path / "run")
    assert zh.load(run).guarantee == PROMISE
    facts: Json = info.facts(run)
    assert facts["privacy"][0] == str(PROMISE)
    text = (run / "README.md").read_text()
    assert f"- Privacy: {PROMISE}\n  - Neighbouring data: {ADD_OR_REMOVE}" in text and "no guarantee" not in text


@pytest.mark.parametrize("epsilon", [0.0, -1.0, float("nan"), float("inf")])
def test_an_epsilon_that_promises_nothing_is_refused(epsilon: float) -> None:
    with pytest.raises(ZaohuaError, match="above 0"):
        check_budget(epsilon, None, 100)


def test_delta_stays_below_the_share_of_one_item() -> None:
    assert check_budget(1.0, None, 1000) == 1e-4
    with pytest.raises(ZaohuaError, match=r"below one item's share, 1 / 1,000"):
        check_budget(1.0, 1e-3, 1000)
