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
