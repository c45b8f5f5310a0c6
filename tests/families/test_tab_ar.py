"""Rows column by column: chances sum to one, conditions follow Bayes' rule, and what is simple is learnt."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import zaohua as zh
from zaohua.core.spec import DataSpec, Feature
from zaohua.nn.bins import Bins

SMALL: dict[str, Any] = {
    "random_state": 0,
    "hidden": 32,
    "blocks": 1,
    "batch_size": 128,
    "bins": 16,
    "device": "cpu",
    "learning_rate": 3e-3,
    "warmup_steps": 20,
    "dropout": 0.0,
}


def table(n: int = 600, seed: int = 0) -> pd.DataFrame:
    """Colours; whole numbers that depend on them, of which some are missing; and whether these are even."""
    rng = np.random.default_rng(seed)
    colour = rng.choice(["blue", "green", "red"], n, p=[0.2, 0.3, 0.5])
    count = rng.binomial(14, np.where(colour == "red", 0.7, 0.3))
    even = count % 2 == 0
    numbers = pd.array(count, dtype="Int64")
    numbers[rng.random(n) < 0.1] = pd.NA
    return pd.DataFrame({"colour": colour, "count": numbers, "even": even})


@functools.cache
def fitted() -> zh.TabAR:
    return zh.TabAR(max_steps=500, **SMALL).fit(table())


def all_rows() -> pd.DataFrame:
    cells = itertools.product(["blue", "green", "red"], [*range(15), pd.NA], [True, False])
    frame = pd.DataFrame(cells, columns=["colour", "count", "even"])
    return frame.astype(table().dtypes)


def test_chances_of_all_rows_sum_to_one() -> None:
    seen = table()["count"]
    assert seen.min() <= 1 and seen.max() == 14
    rows = all_rows()[lambda rows: rows["count"].isna() | rows["count"].between(seen.min(), seen.max())]
    assert np.exp(fitted().score_samples(rows)).sum() == pytest.approx(1, abs=1e-5)


def test_chances_of_many_whole_numbers_sum_to_one() -> None:
    n = np.random.default_rng(0).normal(0, 1500, 3000).round().astype(int)
    assert len(np.unique(n)) > 1000  # so that their distribution function is straight between quantiles
    model = zh.TabAR(max_steps=30, **SMALL).fit(pd.DataFrame({"n": n}))
    every = pd.DataFrame({"n": np.arange(n.min(), n.max() + 1)})
    assert np.exp(model.score_samples(every)).sum() == pytest.approx(1, abs=1e-5)


def test_a_density_integrates_to_one() -> None:
    rng = np.random.default_rng(0)
    sign = rng.choice([-1.0, 1.0], 400)
    train = pd.DataFrame({"sign": np.where(sign > 0, "up", "down"), "x": sign * rng.gamma(2, 1, 400) / 3})
    model = zh.TabAR(max_steps=100, **SMALL).fit(train)
    x, step = np.linspace(train["x"].min(), train["x"].max(), 20_001, retstep=True)
    total = sum(
        np.exp(model.score_samples(pd.DataFrame({"sign": sign, "x": (x[1:] + x[:-1]) / 2}))).sum() * step
        for sign in ("up", "down")
    )
    assert total == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("given", [{"colour": "red"}, {"even": True}, {"count": 7}])
def test_what_is_given_is_kept_and_what_is_not_is_drawn(given: dict[str, Any]) -> None:
    rows = fitted().sample(50, y=given, random_state=0)
    assert (rows[next(iter(given))] == next(iter(given.values()))).all() and len(rows.drop_duplicates()) > 2


def test_columns_given_first_are_conditioned_on_by_bayes_rule() -> None:
    rows = all_rows()[lambda rows: (rows["colour"] == "red") & rows["count"].ge(table()["count"].min()).fillna(True)]
    chances = np.exp(fitted().score_samples(rows))
    drawn = fitted().sample(4000, y={"colour": "red"}, random_state=0)
    names, found = (np.array([str([*row]) for row in frame.itertuples(index=False)]) for frame in (rows, drawn))
    share = (names[:, None] == found).mean(1)
    assert share.sum() == pytest.approx(1)
    assert np.abs(share - chances / chances.sum()).max() < 0.025


def test_learns_what_is_simple() -> None:
    rows = fitted().sample(3000, random_state=0)
    real = table(20_000, 1)
    for names in (["colour"], ["even"], ["colour", "even"]):
        share, truth = (frame.value_counts(names, normalize=True) for frame in (rows, real))
        assert abs(share.sub(truth, fill_value=0)).sum() / 2 < 0.06
    for colour in ("red", "blue"):
        means = [frame["count"][frame["colour"] == colour].mean() for frame in (rows, real)]
        assert means[0] == pytest.approx(means[1], abs=0.6)
    there = rows[rows["count"].notna()]
    assert ((there["count"] % 2 == 0) == there["even"]).mean() > 0.8
    assert rows["count"].isna().mean() == pytest.approx(0.1, abs=0.03)


def test_fills_in_every_cell_and_changes_no_other() -> None:
    rows = table(100, 2)
    filled = fitted().impute(rows, random_state=0)
    assert filled["count"].notna().all()
    assert filled[rows["count"].notna()].equals(rows[rows["count"].notna()])


def test_a_row_comes_out_the_same_alone() -> None:
    model, rows = fitted(), table(40, 3)
    assert model.sample(3, random_state=5).equals(model.sample(30, random_state=5).head(3))
    assert np.allclose(model.score_samples(rows)[7:9], model.score_samples(rows[7:9]), atol=1e-5)


def test_labels_are_conditions() -> None:
    rows = table(400)
    model = zh.TabAR(max_steps=400, **SMALL).fit(rows[["count", "even"]], rows["colour"])
    means = [model.sample(400, y=colour, random_state=0)["count"].mean() for colour in ("red", "blue")]
    assert means[0] > means[1] + 2
    few = rows.head(3)[["count", "even"]]
    assert model.score_samples(few).shape == (3,)


def test_bins_tear_no_whole_number_apart() -> None:
    edges = (0.0, 0.05, 0.35, 0.36, 0.4, 0.6, 0.9, 1.0)
    for most in (3, 5, 7, 20):
        bins = Bins(DataSpec(("column",), (1,), (Feature("n", "real", 1, edges=edges),)), most)
        cuts = bins.edges[0, : bins.sizes[0] + 1]
        assert bins.sizes[0] <= min(most, 7) and set(cuts.tolist()) <= set(edges)
    u = torch.tensor([1e-6, 0.5, 0.999])
    for code in range(bins.sizes[0]):
        z = bins.value_in_bin(0, torch.full((3,), code), u)
        assert bins.codes(z[:, None])[:, 0].tolist() == [code] * 3
    assert bins.codes(torch.tensor([[torch.nan]], dtype=torch.float64)).item() == -1
