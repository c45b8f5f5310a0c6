"""`zaohua fit-distribution`: the table, the picture, and mistakes in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"price": rng.gamma(2.0, 1.5, 400), "visits": rng.poisson(3, 400), "city": "Paris"})
    frame["gap"] = frame["price"].where(frame.index > 1)
    frame.to_csv(tmp_path / "data.csv", index=False)
    return tmp_path / "data.csv"


def test_it_ranks_and_tells_why_not(zaohua: Callable[..., Any], file: Path) -> None:
    said = zaohua("fit-distribution", file, "--column", "price", "--replicates", 20)
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].split() == ["distribution", "parameters", "AIC", "BIC", "p", "test"]
    assert lines[1].startswith("Gamma") and "Kolmogorov-Smirnov" in lines[1]
    assert "Poisson takes whole numbers from 0 on" in said.out


def test_it_draws_the_best(zaohua: Callable[..., Any], file: Path, tmp_path: Path) -> None:
    said = zaohua("fit-distribution", file, "--column", "price", "--out", "x.png", "--path", "--replicates", 0)
    assert said.code == 0 and (tmp_path / "x.png").stat().st_size > 10_000


def test_one_distribution_as_json(zaohua: Callable[..., Any], file: Path) -> None:
    said = zaohua("fit-distribution", file, "--column", "visits", "--distribution", "poisson", "--json")
    found = json.loads(said.out)
    assert found["column"] == "visits" and [fit["name"] for fit in found["fits"]] == ["Poisson"]
    fit = found["fits"][0]
    assert fit["parameters"]["mu"] == pytest.approx(3, abs=0.3) and fit["goodness"]["p"] > 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--column", "prise"], "did you mean 'price'"),
        ([], "has 4 columns (price, visits, city, gap): name one with --column"),
        (["--column", "price", "--distribution", "gama"], "did you mean 'gamma'"),
        (["--column", "price", "--distribution", "poisson"], "column 'price': Poisson takes whole numbers"),
        (["--column", "city"], "column 'city': holds 'Paris' in row 0"),
        (["--column", "price", "--by", "aix"], "did you mean 'aic'"),
        (["--column", "price", "--path"], "give --out picture.png, too"),
        (["--column", "price", "--replicates", "-1"], "must be at least 0"),
        (
            ["--column", "visits", "--distribution", "poisson", "--path", "--out", "x.png", "--replicates", "0"],
            "fitted by a formula",
        ),
        (["--column", "price", "--replicates", "0", "--out", "x.docx"], "written as .png"),
    ],
)
def test_mistakes_are_one_line(zaohua: Callable[..., Any], file: Path, options: list[str], message: str) -> None:
    said = zaohua("fit-distribution", file, *options)
    assert said.code == 2 and message in said.err and said.err.count("\n") == 1


def test_what_is_no_table(zaohua: Callable[..., Any], tmp_path: Path) -> None:
    assert "is neither a file or folder" in zaohua("fit-distribution", "nowhere.csv").err
    (tmp_path / "a.txt").write_text("text")
    assert "is no table" in zaohua("fit-distribution", "a.txt").err
    assert "the file comes first" in zaohua("fit-distribution").err
