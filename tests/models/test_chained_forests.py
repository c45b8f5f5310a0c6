"""Chained forests draw cells from the conditional distribution, which is known here, and are saved as tensors."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pandas as pd

import zaohua as zh
from zaohua.families import forests

GROWTH = forests.Growth(trees=10, least=3, share=1.0, most=1000)


def table(n: int, seed: int) -> pd.DataFrame:
    """A number, twice its square with noise of 0.5, and whether it is above 0, which one row in ten has wrong."""
    rng = np.random.default_rng(seed)
    a = rng.uniform(-2, 2, n)
    wrong = rng.random(n) < 0.1
    return pd.DataFrame(
        {"a": a, "b": 2 * a**2 + rng.normal(0, 0.5, n), "above": np.where((a > 0) ^ wrong, "yes", "no")}
    )


def holed(seed: int) -> pd.DataFrame:
    """The training table, of which one cell in six is missing."""
    full = table(1200, seed)
    return full.mask(np.random.default_rng(seed).random(full.shape) < 1 / 6)


@functools.cache
def fitted() -> zh.ChainedForests:
    return zh.ChainedForests(trees=20, min_leaf=10, chains=1, random_state=0).fit(holed(0))


def hidden(column: str, n: int = 150) -> tuple[pd.DataFrame, pd.DataFrame]:
    """New rows, and the same without a column."""
    full = table(n, 1)
    return full, full.assign(**{column: full[column].mask(np.ones(n, bool))})


def test_a_number_is_drawn_from_its_distribution_given_the_others() -> None:
    full, rows = hidden("b")
    draws = np.stack([drawn["b"] for drawn in fitted().impute(rows, n_draws=40, random_state=0)])
    error = draws.mean(0) - 2 * full["a"] ** 2
    assert np.sqrt((error**2).mean()) < 0.35  # b itself has a deviation of 2.5
    assert 0.35 < np.sqrt(np.median(draws.var(0))) < 0.65
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    assert 0.82 < ((low <= full["b"]) & (full["b"] <= high)).mean() < 0.98


def test_a_category_is_drawn_as_often_as_it_is_probable() -> None:
    full, rows = hidden("above")
    draws = np.stack([drawn["above"] == "yes" for drawn in fitted().impute(rows, n_draws=20, random_state=0)])
    chance = draws.mean(0)
    assert abs(chance[full["a"] > 0.3].mean() - 0.9) < 0.08
    assert abs(chance[full["a"] < -0.3].mean() - 0.1) < 0.08


def test_cells_that_are_missing_together_fit_each_other() -> None:
    rows = hidden("a")[1]
    rows["b"] = np.nan
    rows["above"] = "yes"
    drawn = pd.concat(fitted().impute(rows, n_draws=4, random_state=0))
    assert np.sqrt(((drawn["b"] - 2 * drawn["a"] ** 2) ** 2).mean()) < 1.2  # 3.4 if they were drawn apart
    assert abs((drawn["a"] > 0).mean() - 0.9) < 0.08


def test_new_rows_are_like_those_of_training() -> None:
    rows = fitted().sample(1000, random_state=0)
    whole = rows.dropna()
    assert np.sqrt(((whole["b"] - 2 * whole["a"] ** 2) ** 2).mean()) < 1.2
    assert ((whole["a"] > 0) == (whole["above"] == "yes")).mean() > 0.8
    assert (abs(rows.isna().mean() - 1 / 6) < 0.05).all()


def test_rows_with_given_cells_have_them() -> None:
    rows = fitted().sample(200, y={"above": "no"}, random_state=0)
    assert (rows["above"] == "no").all() and abs((rows["a"].dropna() < 0).mean() - 0.9) < 0.08
    assert (abs(rows[["a", "b"]].isna().mean() - 1 / 6) < 0.1).all()


def test_a_row_is_the_same_alone_and_whole_or_empty_rows_are_filled() -> None:
    rows = holed(2).iloc[:40]
    rows.iloc[0] = table(1, 3).iloc[0]
    rows.iloc[1] = np.nan
    first = fitted().impute(rows, n_draws=3, random_state=5)
    again = fitted().impute(rows, n_draws=2, random_state=5)
    assert again[0].equals(first[0]) and again[1].equals(first[1])
    assert first[0].iloc[:3].equals(fitted().impute(rows.iloc[:3], random_state=5))
    assert first[0].iloc[0].equals(rows.iloc[0]) and not first[0].equals(first[1])
    assert first[0].notna().all(axis=None) and first[0].where(rows.notna()).equals(rows)


def test_it_is_saved_bit_for_bit(tmp_path: Path) -> None:
    fitted().save(tmp_path / "run")
    again, rows = zh.load(tmp_path / "run"), holed(2).iloc[:100]
    assert again.impute(rows, random_state=1).equals(fitted().impute(rows, random_state=1))
    mine, its = fitted().tensors(), again.tensors()
    assert mine.keys() == its.keys() and all(mine[key].equal(its[key]) for key in mine)


def test_columns_of_one_value_or_none_and_a_table_of_one_column() -> None:
    rows = pd.DataFrame({"x": [1.5, 2.5, 4.0, np.nan] * 5, "same": "only", "none": np.nan})
    filled = zh.ChainedForests(trees=2, random_state=0).fit(rows).impute(rows)
    assert filled["x"].isin([1.5, 2.5, 4.0]).all() and (filled["same"] == "only").all() and filled["none"].isna().all()
    alone = zh.ChainedForests(trees=2, random_state=0).fit(rows[["x"]])
    assert alone.impute(rows[["x"]])["x"].isin([1.5, 2.5, 4.0]).all()


def test_a_branch_of_an_unknown_cell_is_taken_as_often_as_in_training() -> None:
    """Column 1 is 1 in a quarter of the rows, and column 0 says which; with nothing known a leaf is any row."""
    rows = np.zeros((400, 2), np.float32)
    rows[:100] = 1
    grown = forests.grow(rows, np.ones(rows.shape, bool), [None, None], GROWTH, np.random.default_rng(0))
    u, columns = np.random.default_rng(1).random((4000, 2)), np.ones(4000, int)
    found = forests.members(grown, columns, np.zeros((4000, 2)), np.zeros((4000, 2), bool), u)
    assert abs((found < 100).mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 4000)
    assert np.bincount(found, minlength=400).min() > 0
    told = forests.members(grown, columns, np.ones((4000, 2)), None, u)
    assert (told < 100).all()
