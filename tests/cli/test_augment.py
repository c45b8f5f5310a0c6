"""`zaohua augment`: from a run to the verdict and the augmented table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("augment"), np.random.default_rng(0)
    x = rng.normal(size=120)
    labels = np.where(x + rng.normal(size=120) > 0.8, "ill", "well")
    pd.DataFrame({"x": x, "z": rng.normal(size=120), "outcome": labels}).to_csv(folder / "rows.csv", index=False)
    return folder


QUICK = ("--seeds", "3", "--folds", "2", "--samples", "40", "--classifier", "linear")


def test_a_table_is_augmented(zaohua: Any, home: Path):
    run = home / "run"
    zaohua("train", "product-mixture", home / "rows.csv", "--out", run)
    said = zaohua("augment", run, "--label", "outcome", "-n", "60", *QUICK)
    assert "no difference shown" in said.out or "helps" in said.out or "harms" in said.out
    assert f"written to {run / 'augmented'}" in said.out and "seed 3 of 3" in said.err
    table = pd.read_csv(run / "augmented" / "augmented.csv")
    assert table.source.value_counts().to_dict() == {"real": 60, "synthetic": 40}
    assert set(table.outcome) == {"ill", "well"}
    again = json.loads(zaohua("augment", run, "--label", "outcome", "-n", "60", *QUICK, "--json").out)
    assert again["out"] == str(run / "augmented-2") and again["settings"]["test"] == 30
    assert again["sentence"] in said.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "say which column holds them (--label)"),
        (["--label", "outcom"], "did you mean 'outcome'"),
        (["--label", "outcome", "--seeds", "1"], "seeds"),
        (["--label", "outcome", "--classifier", "network"], "network is the classifier of pictures and sounds"),
    ],
)
def test_what_cannot_be_augmented_is_told(zaohua: Any, home: Path, options: list[str], message: str):
    run = home / "run"
    if not run.exists():
        zaohua("train", "product-mixture", home / "rows.csv", "--out", run)
    said = zaohua("augment", run, *options)
    assert said.code == 2 and message in said.err
