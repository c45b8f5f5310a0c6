"""`zaohua audit`: what it prints, the page that it writes, and its exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import zaohua as zh
from zaohua.privacy.guarantee import ADD_OR_REMOVE, Guarantee


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A table, other rows of it, and copies of it as released rows, beside a run."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"a": rng.normal(size=300).round(3), "b": rng.integers(0, 50, 300), "c": rng.normal(size=300)})
    for name, part in (("train", rows[:100]), ("others", rows[100:]), ("released", rows[:100])):
        part.to_csv(tmp_path / f"{name}.csv", index=False)
    zh.ProductMixture(n_components=10, random_state=0).fit(str(tmp_path / "train.csv"), out=tmp_path / "run")
    return tmp_path


def test_an_audit_prints_what_it_found_and_writes_a_page(zaohua: Callable[..., Any], data: Path) -> None:
    quick = ("--shadows", 0, "--canaries", 0, "--against", data / "others.csv", "-n", 200)
    said = zaohua("audit", data / "run", *quick)
    assert said.code == 0, said.err
    assert "rows of the training data" in said.out.lower() and "nearest sample" in said.out
    assert "not tried: lower bound of epsilon (no canaries were asked for)" in said.out
    assert "written: " in said.err and "<!doctype html>" in (data / "run" / "audit.html").read_text()
    released = zaohua("audit", data / "run", *quick, "--samples", data / "released.csv", "--attack", "copies", "--json")
    found = json.loads(released.out)
    assert found["leaks"] and found["findings"][0]["membership"]["auc"]["value"] == 1 and len(found["findings"]) == 1
    assert zh.load(data / "run").sample(1) is not None  # the page is no part of the run that makes it damaged


def test_a_page_is_replaced_only_if_that_is_said(zaohua: Callable[..., Any], data: Path) -> None:
    (data / "mine.html").write_text("mine")
    said = zaohua("audit", data / "run", "--against", data / "others.csv", "--out", data / "mine.html")
    assert said.code == 2 and (data / "mine.html").read_text() == "mine"


def test_a_broken_promise_is_an_error_of_its_own(
    zaohua: Callable[..., Any], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zh.ProductMixture, "guarantee", Guarantee(0.1, 1e-6, "one row", ADD_OR_REMOVE, "said so"))
    said = zaohua("audit", data / "run", "--against", data / "others.csv", "--attack", "copies", "--canaries", 100)
    assert said.code == 1 and said.out.startswith("ALARM: the model promises epsilon 0.1")
    assert "ALARM" in (data / "run" / "audit.html").read_text()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["RUN"], "no test split"),
        (["RUN", "--against", "train.csv"], "what the model was trained on"),
        (["RUN", "--attack", "guess", "--against", "others.csv"], "unknown attack 'guess'"),
        (["RUN", "--canary", "x {1}", "--against", "others.csv"], "isn't a model of texts"),
    ],
)
def test_mistakes_are_told_in_a_line(
    zaohua: Callable[..., Any], data: Path, arguments: list[str], message: str
) -> None:
    said = zaohua(
        "audit",
        *[data / word if word.endswith(".csv") else word.replace("RUN", str(data / "run")) for word in arguments],
    )
    assert said.code == 2 and message in said.err and said.err.count("\n") <= 3
