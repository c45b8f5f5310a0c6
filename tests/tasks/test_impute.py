"""The imputer of tables is a transformer of scikit-learn; it and the classifier are saved and loaded."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

import zaohua as zh
from zaohua.tasks.impute import pool

RNG = np.random.default_rng(0)
A = RNG.normal(size=120)
FULL = pd.DataFrame({"a": A, "b": 3 * A + RNG.normal(size=120) / 10, "c": np.where(A > 0, "x", "y")})
FULL.index = pd.Index(np.arange(120)[::-1] * 3, name="row")
HOLES = FULL.copy()
HOLES.loc[HOLES.index[::3], "b"] = np.nan
HOLES.loc[HOLES.index[1::5], "c"] = None


def model() -> zh.ProductMixture:
    return zh.ProductMixture(n_components=6, max_iter=30, random_state=0)


def test_it_fills_holes_and_changes_nothing_else() -> None:
    filled = zh.TableImputer(model()).fit(HOLES).transform(HOLES)
    assert filled.index.equals(HOLES.index) and list(filled.columns) == ["a", "b", "c"]
    assert filled.notna().all().all()
    given = HOLES.notna()
    assert filled.where(given).equals(HOLES.where(given))
    drawn = filled[HOLES["b"].isna()]
    assert np.corrcoef(drawn["a"], drawn["b"])[0, 1] > 0.5  # drawn given the rest of the row
    assert (filled["c"] == FULL["c"]).mean() > 0.9


def test_it_draws_the_same_in_every_call() -> None:
    imputer = zh.TableImputer(model().set_params(random_state=None)).fit(HOLES)
    assert imputer.transform(HOLES).equals(imputer.transform(HOLES))


def test_it_works_in_a_pipeline_of_columns() -> None:
    columns = ColumnTransformer([("imputer", zh.TableImputer(model()), ["a", "b"])]).set_output(transform="pandas")
    out = columns.fit_transform(HOLES, FULL["c"])
    assert list(out.columns) == ["imputer__a", "imputer__b"] and out.index.equals(HOLES.index)
    assert cross_val_score(make_pipeline(columns, LogisticRegression()), HOLES, FULL["c"], cv=2).mean() > 0.9


def test_arrays_are_filled_and_named() -> None:
    array = HOLES[["a", "b"]].to_numpy()
    imputer = zh.TableImputer(model()).fit(array)
    filled = imputer.transform(array)
    assert isinstance(filled, np.ndarray) and np.isfinite(filled).all()
    assert imputer.get_feature_names_out().tolist() == ["x0", "x1"]
    assert imputer.get_feature_names_out(["p", "q"]).tolist() == ["p", "q"]
    with pytest.raises(zh.ZaohuaError, match="not of length 2"):
        imputer.get_feature_names_out(["p"])


@pytest.mark.parametrize(
    ("other", "line"),
    [(zh.TVAE(max_steps=1), "can't impute.*models that can: .*ProductMixture"), (zh.Normal(), "no model of tables")],
)
def test_a_model_that_cannot_impute_is_refused(other: Any, line: str) -> None:
    with pytest.raises(zh.ZaohuaError, match=line):
        zh.TableImputer(other).fit(FULL[["a"]])


def test_it_is_an_estimator() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(zh.TableImputer(zh.ProductMixture(n_components=2, max_iter=5, random_state=0)), on_skip=None)


def test_estimators_with_a_model_are_saved_and_loaded(tmp_path: Path) -> None:
    imputer = zh.TableImputer(model()).fit(HOLES)
    imputer.save(tmp_path / "imputer")
    again = zh.load(tmp_path / "imputer")
    assert isinstance(again, zh.TableImputer) and again.transform(HOLES).equals(imputer.transform(HOLES))
    assert repr(again) == repr(imputer) and list(again.feature_names_in_) == ["a", "b", "c"]

    x, y = FULL[["a", "b"]], FULL["c"].to_numpy()
    for classes in (y, (y == "x").astype(int), y == "x"):
        classifier = zh.GenerativeClassifier(model()).fit(x, classes)
        folder = classifier.save(tmp_path / f"classifier-{classes.dtype}")
        loaded = zh.load(folder)
        assert isinstance(loaded, zh.GenerativeClassifier) and loaded.classes_.dtype == classifier.classes_.dtype
        assert np.array_equal(loaded.predict_proba(x), classifier.predict_proba(x))
        assert loaded.predict(x).tolist() == classifier.predict(x).tolist()


def test_an_estimator_of_its_own_is_loaded_with_the_usual_model(tmp_path: Path) -> None:
    zh.TableImputer().fit(FULL[["a", "b"]]).save(tmp_path / "run")
    assert zh.load(tmp_path / "run").model is None


def test_tables_are_filled_in_several_times() -> None:
    fitted = model().fit(HOLES)
    tables = fitted.impute(HOLES, n_draws=4, random_state=5)
    assert [t.equals(u) for t, u in zip(fitted.impute(HOLES, n_draws=2, random_state=5), tables, strict=False)] == [
        True
    ] * 2
    assert tables[0].equals(fitted.impute(HOLES, random_state=5)) and not tables[0].equals(tables[1])
    for table in tables:
        assert table.where(HOLES.notna()).equals(HOLES.where(HOLES.notna())) and table.index.equals(HOLES.index)
    with pytest.raises(zh.ZaohuaError, match="n_draws"):
        fitted.impute(HOLES, n_draws=0)


def test_pooling_follows_rubins_rules() -> None:
    """A worked example: five estimates 10 ... 14 with variance 4: W = 4, B = 2.5, T = 4 + 1.2 x 2.5 = 7, r = 3 / 4."""
    pooled = pool([10, 11, 12, 13, 14], [4] * 5)
    assert (pooled.estimate, pooled.variance) == (12, 7)
    assert pooled.degrees_of_freedom == pytest.approx(4 * (1 + 4 / 3) ** 2)
    assert pooled.missing_information == pytest.approx((0.75 + 2 / (21.7777778 + 3)) / 1.75)
    several = pool(np.array([[10, 3], [11, 3], [12, 3], [13, 3], [14, 3]]), np.full((5, 2), 4))
    assert several.estimate.tolist() == [12, 3] and several.variance.tolist() == [7, 4]
    assert several.degrees_of_freedom[1] == np.inf and several.missing_information[1] == 0
    certain = pool([1, 2], [0, 0])
    assert certain.variance == 0.75 and certain.degrees_of_freedom == 1 and certain.missing_information == 1


@pytest.mark.parametrize(
    ("estimates", "variances"), [([1], [1]), ([1, 2], [1]), ([1, 2], [1, -1]), ([1, np.nan], [1, 1])]
)
def test_pooling_refuses_what_makes_no_sense(estimates: Any, variances: Any) -> None:
    with pytest.raises(zh.ZaohuaError, match="pool"):
        pool(estimates, variances)


def test_intervals_from_draws_cover_the_truth() -> None:
    """The mean of a column whose holes depend on another one lies in its interval about as often as that says."""
    inside = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        a = rng.normal(size=300)
        b = a + rng.normal(size=300)
        holed = pd.DataFrame({"a": a, "b": np.where(rng.random(300) < (a > 0) * 0.7, np.nan, b)})
        tables = zh.ProductMixture(n_components=4, max_iter=10, random_state=seed).fit(holed).impute(holed, n_draws=5)
        pooled = pool([t["b"].mean() for t in tables], [t["b"].var() / len(t) for t in tables])
        inside.append(abs(pooled.estimate) < 2.2 * np.sqrt(pooled.variance))
    assert np.mean(inside) >= 0.7
