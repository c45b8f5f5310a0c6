"""Tables on the command line: shown, given columns, filled in."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from zaohua.modalities.files.piped import received


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
    several = json.loads(zaohua("impute", "run", people, "--draws", "2", "--out", "f.csv", "--json").out)
    assert several["out"] == ["f-1.csv", "f-2.csv"] and several["filled"] == 34
    assert not pd.read_csv("f-1.csv").equals(pd.read_csv("f-2.csv"))
    assert "f-1.csv is there already" in zaohua("impute", "run", people, "--draws", "3", "--out", "f.csv").err


def test_a_model_of_pictures_imputes_no_table(zaohua, people: Path) -> None:
    assert zaohua("train", "gaussian", "digits", "--out", "pictures").code == 0
    said = zaohua("impute", "pictures", people)
    assert said.code == 2 and said.err == "zaohua: error: impute is for models of tables, and pictures is a Gaussian\n"


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


def test_scores_of_rows_unlike_training(zaohua, people: Path, tmp_path: Path) -> None:
    zaohua("train", "independent", people, "--out", "run")
    rows = pd.read_csv(people, dtype=str)[:10].fillna("yes")
    rows.assign(works=["maybe", *rows["works"][1:]]).to_csv("new.csv", index=False)
    said = zaohua("score", "run", "new.csv", "--json")
    assert np.isfinite(json.loads(said.out)["nats_per_item"])
    assert said.err.count("1 of 10 rows hold 1 cell unlike training's (works): left out of account") == 1
    said = zaohua("score", "run", "new.csv", "--json", "--unseen", "zero")
    found = json.loads(said.out)
    assert found["nats_per_item"] == -np.inf and found["of_probability_zero"] == 1
    said = zaohua("score", "run", "new.csv", "--unseen", "error")
    assert said.code == 2 and "unknown value in row 0 of column 'works': 'maybe'" in said.err


def test_tries_are_in_the_help_and_in_the_message_as_they_are_typed(zaohua, people: Path) -> None:
    zaohua("train", "gaussian-copula", people, "--out", "run")
    assert "--max-tries" in zaohua("sample", "run", "--help").out
    said = zaohua("sample", "run", "-n", "5", "--y", "age=20", "--y", "works=no", "--max-tries", "2")
    assert said.code == 2 and "allow more tries (--max-tries 20)" in said.err
    said = zaohua("sample", "run", "-n", str(10**12))
    assert said.code == 2 and "1,000,000,000,000 items" in said.err


INVOICES = "id;amount;paid\n" + "".join(f"R-{i};{i},{i % 9}0 €;{i % 28 + 1:02d}.03.2024\n" for i in range(1, 60))


def test_samples_are_written_as_the_file_was(zaohua, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.csv").write_text(INVOICES)
    said = zaohua("train", "product-mixture", "in.csv", "--out", "run", "--leave-out", "id", "--random-state", "0")
    assert "amount  continuous, 1,10 € to 59,50 €" in said.err and "id      left out\n" in said.err
    zaohua("sample", "run", "-n", "40", "--seed", "1", "--out", "made.csv")
    made = pd.read_csv("made.csv", sep=";")
    assert list(made) == ["amount", "paid"] and made["amount"].str.fullmatch(r"\d\d?,\d0 €").all()
    assert made["paid"].str.fullmatch(r"\d\d\.03\.2024").all()
    assert zaohua("sample", "run", "--y", "paid=soon").err.endswith("but row 0 holds 'soon'\n")
    assert zaohua("sample", "run", "--y", "amount=20,10 €", "-n", "2", "--seed", "1", "--out", "b.csv").code == 0
    assert set(pd.read_csv("b.csv", sep=";")["amount"]) == {"20,10 €"}


def test_several_files_and_standard_input(zaohua, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        (tmp_path / "in" / f"{name}.csv").write_text(INVOICES)
    for source in ("in/*.csv", "in"):
        assert "2 files, 118 rows: a.csv, b.csv" in zaohua("train", "independent", source, "--leave-out", "id").err
    received.cache_clear()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(INVOICES.encode())))
    said = zaohua("train", "independent", "-", "--out", "run", "--header", "no")
    assert "column_1" in said.err and "60 rows" in said.err
    received.cache_clear()


def test_advice_is_typed_as_it_stands(zaohua, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"u{i % 40},v{i % 30},{i % 3}\n" for i in range(120))
    Path("in.csv").write_text(f"Order ID,b,c\n{rows}")
    said = zaohua("train", "independent", "in.csv", "--max-categories", "9")
    assert "'Order ID' have 40 different values, 'b' 30, more than --max-categories 9" in said.err
    assert "--leave-out 'Order ID' b" in said.err and "--kinds 'Order ID' identifier b identifier" in said.err
    assert zaohua("train", "independent", "in.csv", "--leave-out", "Order ID", "b").code == 0
    kinds = ("--kinds", "Order ID", "identifier", "b", "identifier")
    assert zaohua("train", "independent", "in.csv", "--max-categories", "9", *kinds).code == 0
