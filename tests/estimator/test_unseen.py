"""Rows unlike training's: new categories, numbers outside the range, missing cells where there were none."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import DataNote

MODELS = [
    zh.ProductMixture(n_components=6, random_state=0),
    zh.Independent(random_state=0),
    zh.TabAR(**zh.TabAR.tiny, random_state=0),
    zh.TVAE(**zh.TVAE.tiny, random_state=0),
]


def table(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, n)
    return pd.DataFrame(
        {"x": rng.normal(size=n) + 2 * kind, "kind": np.array(list("abc"))[kind], "count": rng.poisson(20 + 5 * kind)}
    )


def unlike(frame: pd.DataFrame) -> pd.DataFrame:
    """Four rows with a cell each that training didn't have."""
    out = frame[:5].astype({"count": float}).reset_index(drop=True)
    out.loc[0, "kind"], out.loc[1, "x"], out.loc[2, "count"], out.loc[3, "kind"] = "z", np.nan, 1e6, None
    return out


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_such_cells_are_left_out_counted_and_said(model: Any) -> None:
    frame = table()
    model = model.fit(frame)
    rows = unlike(frame)
    with pytest.warns(DataNote, match=r"4 of 5 rows hold 4 cells unlike training's \(x, kind, count\): left out of"):
        scores = model.score_samples(rows)
    assert np.isfinite(scores).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataNote)
        assert scores[4] == pytest.approx(model.score_samples(frame[4:5])[0])
    with pytest.warns(DataNote, match="probability zero"):
        zero = model.score_samples(rows, unseen="zero")
    assert np.isneginf(zero[:4]).all() and zero[4] == scores[4]
    with pytest.raises(ZaohuaError, match=r"column 'x' has no value in row 1"):
        model.score_samples(rows, unseen="error")
    if hasattr(model, "transform"):
        with pytest.warns(DataNote, match="4 of 5 rows"):
            assert np.isfinite(model.transform(rows)).all()


@pytest.mark.parametrize("name", ["ProductMixture", "TabAR"])
def test_a_cell_left_out_is_summed_over(name: str) -> None:
    """In the order of the columns the last one is summed over exactly by every model."""
    frame = table()[["count", "x", "kind"]].astype({"count": "category"})
    model = getattr(zh, name)(**getattr(zh, name).tiny, random_state=0).fit(frame)
    row = frame[:1]
    every = pd.concat([row.assign(kind=kind) for kind in "abc"])
    with pytest.warns(DataNote):
        found = model.score_samples(row.assign(kind="z"))
    assert found[0] == pytest.approx(np.logaddexp.reduce(model.score_samples(every)), abs=1e-4)


def test_a_mixture_sums_over_integers() -> None:
    frame = table()
    model = zh.ProductMixture(n_components=6, random_state=0).fit(frame)
    counts = np.arange(frame["count"].min(), frame["count"].max() + 1)
    every = pd.DataFrame({"x": frame["x"][0], "kind": frame["kind"][0], "count": counts})
    with pytest.warns(DataNote):
        found = model.score_samples(every[:1].assign(count=1_000_000))
    assert found[0] == pytest.approx(np.logaddexp.reduce(model.score_samples(every)), abs=1e-4)


def test_a_copula_sums_over_a_continuous_column() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(500, 2)) @ [[1, 0.8], [0, 0.6]], columns=["a", "b"])
    model = zh.GaussianCopula(random_state=0).fit(frame)
    grid = np.linspace(frame["b"].min(), frame["b"].max(), 4001)
    every = np.exp(model.score_samples(pd.DataFrame({"a": frame["a"][0], "b": grid}))).sum() * (grid[1] - grid[0])
    with pytest.warns(DataNote, match=r"1 of 1 row holds 1 cell unlike training's \(b\)"):
        found = model.score_samples(pd.DataFrame({"a": [frame["a"][0]], "b": [np.nan]}))
    assert np.exp(found[0]) == pytest.approx(every, rel=0.05)


def test_labels_are_summed_over() -> None:
    frame = table()
    model = zh.ProductMixture(n_components=3, random_state=0).fit(frame[["x", "count"]], frame["kind"].tolist())
    rows = frame[["x", "count"]][:4]
    with pytest.warns(DataNote, match=r"2 of 4 rows hold 2 cells unlike training's \(labels\)"):
        found = model.score_samples(rows, ["a", None, "z", frame["kind"][3]])
    assert np.allclose(found[1:3], model.score_samples(rows)[1:3])
    assert found[3] == pytest.approx(model.score_samples(rows[3:], [frame["kind"][3]])[0])


def test_such_rows_are_classified() -> None:
    frame = table()
    classifier = zh.GenerativeClassifier(zh.ProductMixture(n_components=3, random_state=0))
    classifier.fit(frame.drop(columns="kind").assign(sex=["m", "f"] * 150), frame["kind"])
    rows = pd.DataFrame({"x": [8.0, np.nan, -2.0], "count": [33, 34, 1_000], "sex": ["m", None, "x"]})
    with pytest.warns(DataNote, match="3 of 3 rows hold 5 cells"):
        found = classifier.predict_proba(rows)
    assert np.allclose(found.sum(1), 1) and (found[:, 2] > 0.5).tolist() == [True, True, False]


def test_given_cells_stay_in_imputed_rows() -> None:
    frame = table()
    model = zh.ProductMixture(n_components=6, random_state=0).fit(frame)
    rows = unlike(frame)
    rows.loc[0, "x"] = np.nan
    with pytest.warns(DataNote, match="2 of 5 rows hold 2 cells unlike training's: kept as they are"):
        filled = model.impute(rows, random_state=0)
    assert filled.notna().all(axis=None)
    assert filled["kind"][0] == "z" and filled["count"][2] == 1e6 and filled["x"][2] == rows["x"][2]


class Whole(zh.ProductMixture):
    """A model that needs all cells."""

    marginalises = False


def test_a_model_that_needs_all_cells_names_others() -> None:
    frame = table()
    model = Whole(n_components=2, random_state=0).fit(frame)
    assert np.isfinite(model.score(frame[:5]))
    with pytest.raises(ZaohuaError, match=r"'z'.*; Whole needs rows like training's.*product-mixture"):
        model.score_samples(frame[:3].assign(kind="z"))


def test_tries_are_counted_over_all_rows() -> None:
    """Some of 200 rows need more than 1,000 draws each where 0.4 % have the value; all need 50,000 of 200,000."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=2000), "kind": np.where(np.arange(2000) < 8, "rare", "often")})
    model = zh.GaussianCopula(random_state=0).fit(frame)
    assert (model.sample(60, y={"kind": "rare"}, random_state=0, max_tries=500)["kind"] == "rare").all()
    assert (model.sample(1, y={"kind": "rare"}, random_state=0)["kind"] == "rare").all()


def test_large_whole_floats_are_numbers_and_not_integers() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=200) * 1e300, "y": rng.normal(size=200)})
    for model in MODELS[0], MODELS[3]:
        assert np.isfinite(model.fit(frame).score_samples(frame)).all()
        assert model.sample(20, random_state=0)["x"].abs().max() > 1e299


@pytest.mark.parametrize("name", ["ProductMixture", "TabAR"])
def test_such_cells_of_constrained_columns(name: str) -> None:
    rng = np.random.default_rng(0)
    low = rng.integers(0, 50, 300)
    frame = pd.DataFrame({"low": low, "high": low + rng.integers(1, 30, 300), "kind": rng.choice(["a", "b"], 300)})
    codec = zh.TableCodec(constraints=("low < high",))
    model = getattr(zh, name)(**getattr(zh, name).tiny, random_state=0, codec=codec).fit(frame)
    rows = frame[:4].astype({"low": float, "high": float})
    rows.loc[0, "low"], rows.loc[1, "high"], rows.loc[2, "kind"], rows.loc[3, "high"] = np.nan, 1e6, "z", np.nan
    with pytest.warns(DataNote, match="4 of 4 rows hold 4 cells"):
        assert np.isfinite(model.score_samples(rows)).all()
    with pytest.warns(DataNote, match="2 of 4 rows hold 2 cells unlike training's: kept"):
        filled = model.impute(rows, random_state=0)
    assert (filled["low"] < filled["high"]).all() and filled["high"][1] == 1e6 and filled["kind"][2] == "z"


def test_a_copula_of_constrained_columns() -> None:
    rng = np.random.default_rng(0)
    low = rng.integers(0, 50, 400)
    frame = pd.DataFrame({"low": low, "high": low + rng.integers(1, 30, 400)})
    model = zh.GaussianCopula(random_state=0, codec=zh.TableCodec(constraints=("low < high",))).fit(frame)
    made = model.sample(500, random_state=0)
    assert (made["low"] < made["high"]).all()
    assert made.corr().iloc[0, 1] == pytest.approx(frame.corr().iloc[0, 1], abs=0.06)
