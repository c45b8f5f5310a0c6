"""Models of tables: what is exact is exact, what is given is kept, and waiting ends."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import zaohua as zh
from zaohua.core.errors import ZaohuaError


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Columns that depend on each other: a category with holes, a whole number, a truth value."""
    rng = np.random.default_rng(0)
    kind = rng.choice(["a", "b", "c"], 600, p=[0.5, 0.3, 0.2])
    count = rng.poisson(np.select([kind == "a", kind == "b"], [1, 4], 9))
    seen = np.where(rng.random(600) < 0.2, None, kind)
    return pd.DataFrame({"kind": seen, "count": np.minimum(count, 14), "many": count > rng.integers(0, 9, 600)})


def all_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Every row that there can be."""
    rows = itertools.product([*table["kind"].dropna().unique(), None], range(15), [False, True])
    return pd.DataFrame(rows, columns=table.columns).astype(table.dtypes)


@pytest.fixture(scope="module", params=["ProductMixture", "Independent"])
def model(request: pytest.FixtureRequest, table: pd.DataFrame) -> zh.ProductMixture:
    options = {"n_components": 8, "max_iter": 50} if request.param == "ProductMixture" else {}
    return getattr(zh, request.param)(random_state=0, **options).fit(table)


def test_chances_of_all_rows_sum_to_one(model: zh.ProductMixture, table: pd.DataFrame) -> None:
    assert np.exp(model.score_samples(all_rows(table))).sum() == pytest.approx(1, abs=2e-3)


def test_a_density_integrates_to_one() -> None:
    x = np.random.default_rng(0).exponential(size=(400, 1))
    model = zh.ProductMixture(n_components=4, random_state=0).fit(x)
    knots = model.codec_.views_[0].numbers.x
    edges = np.unique(np.concatenate([np.linspace(a, b, 50) for a, b in itertools.pairwise(knots)]))
    middles = (edges[:-1] + edges[1:]) / 2
    chances = np.exp(model.score_samples(middles[:, None])) * np.diff(edges)
    assert chances.sum() == pytest.approx(1, abs=1e-2)  # densities bend within a piece, most at its ends


def test_conditioning_is_bayes_rule(model: zh.ProductMixture, table: pd.DataFrame) -> None:
    rows = all_rows(table)
    chances = np.exp(model.score_samples(rows))
    given = (rows["count"] == 4) & rows["many"]
    wanted = chances[given] / chances[given].sum()
    made = model.sample(4000, y={"count": 4, "many": True}, random_state=1)
    assert (made["count"] == 4).all() and made["many"].all()
    found = [(made["kind"].isna() if pd.isna(kind) else made["kind"] == kind).mean() for kind in rows["kind"][given]]
    assert np.allclose(found, wanted, atol=4 * np.sqrt(wanted * (1 - wanted) / 4000).max() + 1e-3)


def test_samples_have_the_chances_that_are_scored(model: zh.ProductMixture, table: pd.DataFrame) -> None:
    rows = all_rows(table)
    chances = np.exp(model.score_samples(rows))
    made = model.sample(5000, random_state=3)
    keys = [tuple(map(str, row)) for row in made.itertuples(index=False)]
    seen = pd.Series(keys).value_counts()
    counts = np.array([seen.get(tuple(map(str, row)), 0) for row in rows.itertuples(index=False)])
    assert counts.sum() == 5000
    often = chances * 5000 > 5
    found = np.append(counts[often], counts[~often].sum())
    wanted = np.append(chances[often], chances[~often].sum())
    assert stats.chisquare(found, 5000 * wanted / wanted.sum()).pvalue > 1e-3


def test_holes_are_filled_and_nothing_else_is_changed(table: pd.DataFrame) -> None:
    model = zh.ProductMixture(n_components=8, random_state=0).fit(table)
    holed = table.copy()
    holed.loc[:200, "count"] = holed.loc[:200, "count"].where(holed.index[:201] % 3 > 0)
    holed["many"] = holed["many"].astype("boolean")
    holed.loc[5, "many"] = pd.NA
    filled = model.impute(holed, random_state=0)
    assert filled.notna().all(axis=None) and filled.dtypes.equals(table.dtypes)
    known = holed.notna()
    assert (filled.astype(object)[known] == holed.astype(object))[known].fillna(True).all(axis=None)
    assert model.impute(holed[:50], random_state=0).equals(filled[:50])


@pytest.mark.parametrize("text", [True, False])
def test_given_identifiers_are_kept(text: bool) -> None:
    rng = np.random.default_rng(0)
    codes = [f"A{i:03d}" if text else 500 + i for i in range(60)]
    frame = pd.DataFrame({"code": codes, "x": rng.normal(size=60), "kind": rng.choice(["a", "b"], 60)})
    model = zh.ProductMixture(n_components=2, random_state=0).fit(frame)
    made = list(model.sample(2, random_state=0)["code"])
    holed = frame[:6].astype({"code": object})
    holed.loc[0, "code"] = made[0]  # would be generated for the first missing one
    holed.loc[[2, 4], "code"] = None
    holed.loc[3, "kind"] = None
    filled = model.impute(holed, random_state=0)
    assert list(filled["code"][[0, 1, 3, 5]]) == [made[0], codes[1], codes[3], codes[5]]
    assert filled["code"].is_unique and filled["code"].notna().all() and filled["code"].dtype == frame["code"].dtype
    assert filled["x"].equals(frame["x"][:6]) and filled["kind"].notna().all()


def test_rows_are_waited_for_and_not_for_ever() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=300), "y": rng.choice(["often", "seldom"], 300, p=[0.9, 0.1])})
    model = zh.GaussianCopula(random_state=0).fit(frame)
    made = model.sample(200, y={"y": "seldom"}, random_state=0)
    assert (made["y"] == "seldom").all() and 0.05 < model.acceptance_rate_ < 0.2
    assert model.sample(20, y={"y": "seldom"}, random_state=0).equals(made[:20])
    with pytest.raises(
        ZaohuaError,
        match=r"of 1,002 rows drawn 0 had the given values \(0.000%\), but 3 are needed: .*max_tries=500",
    ):
        model.sample(3, y={"x": 0.123456}, max_tries=50)
    assert not hasattr(model, "impute")


def test_given_columns_are_checked(model: zh.ProductMixture) -> None:
    with pytest.raises(ZaohuaError, match="unknown column 'kinds'; did you mean 'kind'"):
        model.sample(2, y={"kinds": "a"})
    with pytest.raises(ZaohuaError, match="unknown value in row 0 of column 'kind': 'd'"):
        model.sample(2, y={"kind": "d"})
    with pytest.raises(ZaohuaError, match="column 'count' goes from 0 to 14 in training, so it can't be 15"):
        model.sample(2, y={"count": 15})
    with pytest.raises(ZaohuaError, match="values of 2 and 3 rows are given"):
        model.sample(y={"kind": ["a", "b"], "count": [1, 2, 3]})
    each = model.sample(y=pd.DataFrame({"kind": ["a", "b", None]}), random_state=0)
    assert each["kind"].isna().tolist() == [False, False, True] and each["kind"][:2].tolist() == ["a", "b"]


def test_a_copula_keeps_the_columns_own_distributions() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 2)) @ [[1, 0.8], [0, 0.6]]
    frame = pd.DataFrame({"a": np.exp(x[:, 0]), "b": x[:, 1] ** 3})
    model = zh.GaussianCopula(random_state=0).fit(frame)
    made = model.sample(4000, random_state=0)
    for name in frame:
        assert stats.ks_2samp(made[name], frame[name]).pvalue > 1e-3
    assert stats.spearmanr(made).statistic == pytest.approx(stats.spearmanr(frame).statistic, abs=0.05)
    normal = stats.multivariate_normal(cov=[[1, 0.8], [0.8, 1]])
    truth = normal.logpdf(x) - x[:, 0] - np.log(3 * np.cbrt(frame["b"]) ** 2)
    assert model.score(frame) == pytest.approx(truth.mean(), abs=0.15)


def test_saved_models_hold_no_rows(table: pd.DataFrame, tmp_path) -> None:
    secret = table.assign(code=[f"secret-{i:05d}-{i * 7919 % 1000:03d}" for i in range(600)])
    zh.Independent(random_state=0).fit(secret).save(tmp_path / "run")
    assert b"secret-00017" not in b"".join(p.read_bytes() for p in (tmp_path / "run").iterdir() if p.is_file())
