"""Tables on the command line: shown, given columns, filled in."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def people(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    age = rng.integers(18, 80, 300)
    frame = pd.DataFrame({"age": age, "works": np.where(age < 65, "yes", "no"), "zip": [f"0{i % 7}" for i in age]})
    frame["works"] = frame["works"].where(rng.random(300) < 0.9)
    frame.to_csv(tmp_path / "people.csv", index=False)
    return tmp_path / "people.csv"


def test_a_table_from_training_to_filling_in(zaohua, people: Path, tmp_path: Path) -> None:
    said = zaohua("train", "product-mixture", people, "--out", "run", "--kinds", "age", "integer")
    assert "age    integer, 18 to 79\n" in said.err and "11.3% missing\n" in said.err
    assert "300 rows, 3 columns to learn: " in said.err
    said = zaohua("sample", "run", "-n", "50", "--y", "works=no", "--y", "zip=03", "--out", "made.csv", "--seed", "1")
    assert "50 items" in said.err
    made = pd.read_csv("made.csv", dtype=str)
    assert (made["works"] == "no").all() and (made["zip"] == "03").all() and list(made) == ["age", "works", "zip"]
    found = json.loads(zaohua("impute", "run", people, "--out", "filled.parquet", "--json").out)
    assert found["left"] == 0 and found["filled"] == 34
    assert pd.read_parquet("filled.parquet")["works"].notna().all()


def test_only_models_that_can_impute_do_so(zaohua, people: Path) -> None:
    zaohua("train", "gaussian-copula", people, "--out", "run")
    said = zaohua("impute", "run", people, "--out", "filled.csv")
    assert said.code == 2 and len(said.err.splitlines()) == 1
    assert said.err.startswith("zaohua: error: GaussianCopula can't") and "ProductMixture" in said.err


def test_a_file_that_is_no_text_is_refused_in_plain_words(zaohua, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\n\x8d,\xff\n")
    said = zaohua("train", "independent", tmp_path / "a.csv")
    assert said.code == 2 and "a.csv: can't be read as a table (it isn't text in UTF-8 or Windows-1252)" in said.err
    assert "charmap" not in said.err and len(said.err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments, wrong",
    [
        (("sample", "run", "--y", "work=no"), "unknown column 'work'; did you mean 'works'"),
        (("sample", "run", "--y", "age=old"), "column 'age' is integer, but row 0 holds 'old'"),
        (("sample", "run", "--y", "age=99"), "column 'age' goes from 18 to 79 in training, so it can't be 99"),
        (("impute", "run", "people.csv", "--out", "x.png"), "written to a folder, or to a .csv or .parquet file"),
        (("impute", "run", "people.csv", "--out", "people.csv"), "is the table itself"),
    ],
)
def test_mistakes_are_one_line(zaohua, people: Path, arguments, wrong: str, monkeypatch) -> None:
    monkeypatch.chdir(people.parent)
    zaohua("train", "independent", "people.csv", "--out", "run", "--kinds", "age", "integer", "zip", "categorical")
    said = zaohua(*arguments)
    assert said.code == 2 and wrong in said.err and len(said.err.splitlines()) == 1
