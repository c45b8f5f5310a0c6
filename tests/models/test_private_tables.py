"""Private mixtures of tables: exact in all they say, and silent on single rows."""

from __future__ import annotations

import functools
import itertools
import json
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import zaohua as zh
from zaohua.cli import main
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import DataNote
from zaohua.families import mixture_fit, private_marginals
from zaohua.families.private_release import Release
from zaohua.models import product_mixture

SCHEMA: dict[str, Any] = {
    "age": {"low": 18, "high": 40, "integer": True, "missing": True},
    "rate": {"low": 0, "high": 1.5, "decimals": 1},
    "kind": {"categories": ["a", "b", "c", "never"]},
    "ok": {"categories": [False, True]},
}


def shorten(patch: pytest.MonkeyPatch) -> None:
    """Few steps, and noise that is the same in each run of a test, which needs no luck then."""
    for name, steps in {"FIRST": 60, "EACH": 20, "LAST": 150}.items():
        patch.setattr(private_marginals, name, steps)
    patch.setattr(product_mixture, "Release", functools.partial(Release, rng=random.Random(0)))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch)


def people(n: int = 3000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    ok = rng.random(n) < 0.4
    age = np.where(rng.random(n) < 0.3, 30, rng.integers(18, 41, n))
    return pd.DataFrame(
        {
            "age": pd.array(age, "Int64").astype("Int64"),
            "rate": np.round(np.clip(rng.normal(0.5 + 0.4 * ok, 0.2), 0, 1.5), 1),
            "kind": np.where(ok & (rng.random(n) < 0.8), "a", rng.choice(["b", "c"], n)),
            "ok": ok,
        }
    ).mask(np.column_stack([rng.random(n) < 0.1, *[np.zeros(n, bool)] * 3]))


def model(**options: Any) -> zh.ProductMixture:
    return zh.ProductMixture(**{"epsilon": 4.0, "n_components": 6, "random_state": 0, "schema": SCHEMA, **options})


@pytest.fixture(scope="module")
def fitted() -> zh.ProductMixture:
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        return model().fit(people())


def every_row() -> pd.DataFrame:
    """Every row that the schema allows."""
    ages = [None, *range(18, 41)]
    rates = [round(k / 10, 1) for k in range(16)]
    rows = itertools.product(ages, rates, SCHEMA["kind"]["categories"], [False, True])
    frame = pd.DataFrame(rows, columns=list(SCHEMA))
    return frame.assign(age=frame["age"].astype("Int64"), ok=frame["ok"].astype(bool))


def test_probabilities_of_all_rows_sum_to_one_and_conditionals_are_bayes(fitted: zh.ProductMixture) -> None:
    """Rates have a density, so a rate of one decimal has that times the step."""
    rows = every_row()
    p = np.exp(fitted.score_samples(rows)) * 0.1
    marginal = pd.Series(p).groupby(rows["kind"]).sum()
    assert p.sum() == pytest.approx(1, abs=0.02)
    drawn = fitted.sample(4000, y={"ok": True, "kind": "a"}, random_state=1)
    assert (drawn["kind"] == "a").all() and drawn["ok"].all()
    given = (rows["kind"] == "a") & rows["ok"]
    exact = (pd.Series(p)[given] / p[given].sum()).groupby(rows["age"][given], dropna=False).sum()
    found = drawn["age"].value_counts(normalize=True, dropna=False)
    assert exact.sub(found, fill_value=0).abs().sum() < 0.12
    assert marginal["never"] < 0.03


def test_what_it_says_is_near_the_data(fitted: zh.ProductMixture) -> None:
    data, made = people(), fitted.sample(6000, random_state=2)
    assert abs(made["ok"].mean() - data["ok"].mean()) < 0.04
    assert abs((made["age"] == 30).mean() - (data["age"] == 30).mean()) < 0.04  # a frequent number
    assert abs(made["age"].isna().mean() - 0.1) < 0.03
    links = [(t["ok"] & (t["kind"] == "a")).mean() for t in (data, made)]
    assert abs(links[0] - links[1]) < 0.05
    assert set(made["rate"].round(1)) == set(made["rate"]) and made["rate"].between(0, 1.5).all()
    assert str(made["age"].dtype) == "Int64"


def test_cells_are_filled_in_and_unknown_ones_left_out_of_account(fitted: zh.ProductMixture) -> None:
    holes = people(200, 1).assign(age=pd.array([None] * 200, "Int64"))
    filled = fitted.impute(holes, random_state=0)
    assert filled["age"].notna().all() and filled["age"].between(18, 40).all()
    assert (filled[["rate", "kind", "ok"]] == holes[["rate", "kind", "ok"]]).all(axis=None)
    with pytest.warns(DataNote, match="unlike training's"):
        assert np.isfinite(fitted.score_samples(people(20, 1).assign(kind="new"))).all()


def test_a_run_promises_what_was_spent_and_holds_nothing_else(fitted: zh.ProductMixture, tmp_path: Path) -> None:
    promise = fitted.guarantee
    assert promise is not None and (promise.epsilon, promise.delta) == (4.0, 1e-5)
    assert sum(promise.paid.values()) == pytest.approx(1)
    assert len(promise.declared) == 4 and not any("texts" in what for what in promise.outside)
    fitted.save(tmp_path / "run")
    again = zh.load(tmp_path / "run")
    assert again.guarantee == promise
    np.testing.assert_array_equal(again.score_samples(people(30, 3)), fitted.score_samples(people(30, 3)))
    stored = json.loads((tmp_path / "run" / "model.json").read_text())
    assert stored["state"]["seen"] == [] and stored["source"] is None
    assert stored["state"]["items"] != 3000 and abs(stored["state"]["items"] - 3000) < 100


CANARIES = {"age": 8_237_461, "rate": 0.7391846, "kind": "canary-of-one-row"}


@pytest.mark.parametrize("declared", [True, False])
def test_no_cell_of_a_single_row_is_in_the_run(declared: bool, tmp_path: Path) -> None:
    """A row's own numbers and texts, the path of the data and the number of rows are nowhere in the run's files."""
    frame = pd.concat([people(), pd.DataFrame([{**CANARIES, "ok": True}])], ignore_index=True)
    path = tmp_path / "path-of-data.csv"
    frame.to_csv(path, index=False)
    options = {} if declared else {"schema": None}
    with pytest.warns(DataNote):  # of cells unlike the schema, or of what was found
        run = model(**options).fit(str(path), out=tmp_path / "run")
    texts = "".join(file.read_bytes().decode("latin-1") for file in (tmp_path / "run").iterdir())
    hidden = [*map(str, CANARIES.values()), "path-of-data", "0.73918", "8,237,461"]
    assert [secret for secret in hidden if secret in texts] == []
    assert re.findall(r"(?<![\d.])3,?001(?![\d.])", (tmp_path / "run" / "model.json").read_text()) == []
    assert run.guarantee is not None and any("texts" in what for what in run.guarantee.outside) != declared


def test_the_seed_of_a_run_says_nothing_of_the_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed twice: other noise, so whoever knows the seed can't subtract it."""
    monkeypatch.setattr(product_mixture, "Release", Release)
    first, second = (zh.Independent(epsilon=1.0, random_state=0, schema=SCHEMA).fit(people()) for _ in range(2))
    assert first.seed_ == second.seed_
    assert not np.array_equal(first.tensors()["0.chances"][0, :4], second.tensors()["0.chances"][0, :4])


def test_the_domain_is_paid_for_where_it_is_not_declared() -> None:
    with pytest.warns(DataNote, match=r"10% of the privacy budget went for the values of rate, kind"):
        run = zh.Independent(epsilon=2.0, random_state=0, schema={"age": SCHEMA["age"]}).fit(people())
    assert run.guarantee.paid["bounds and categories"] == pytest.approx(0.1, abs=0.01)
    _, rate, kind, ok = run.codec_.columns_
    assert rate.low <= 0.25 and rate.high in (1.0, 2.0)  # powers of two
    assert (kind.categories, ok.categories) == (["a", "b", "c"], [False, True])
    with pytest.raises(ZaohuaError, match="column 'name' has no value that is frequent enough .*schema="):
        run.fit(people().assign(name=[f"n{i}" for i in range(3000)]))
    with pytest.raises(ZaohuaError, match="column 'day' holds times"):
        run.fit(people().assign(day=pd.Timestamp("2026-01-01")))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"epsilon": 0.0}, "epsilon must be above 0"),
        ({"epsilon": None, "delta": 1e-6}, "delta means nothing without epsilon"),
        ({"delta": 0.1}, "delta must be above 0 and below one item's share"),
        ({"constraints": ("age >= 18",)}, "constraints can't be given with epsilon"),
        ({"kinds": {"age": "integer"}}, "kinds can't be given with epsilon"),
        ({"numbers": "modes"}, "can't be given with epsilon"),
    ],
)
def test_what_does_not_go_with_privacy_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ZaohuaError, match=message):
        model(**options).fit(people())


def test_labels_are_refused_with_what_to_do() -> None:
    with pytest.raises(ZaohuaError, match="leave them a column of the table"):
        model().fit(people(), y=["x"] * 3000)


def test_few_rows_are_told() -> None:
    with pytest.warns(DataNote, match="rows are few for epsilon 0.5"):
        model(epsilon=0.5).fit(people(200))


def test_held_out_rows_choose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of components, of rounds and all else that is chosen without noise depends on declared columns."""
    monkeypatch.setattr(mixture_fit, "choose_count", lambda *args: pytest.fail("looked at the data"))
    monkeypatch.setattr(product_mixture, "COMPONENTS", 4)
    assert len(model(n_components=None).fit(people(500)).tensors()["0.weights"]) == 4


def test_the_command_line_trains_privately(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people().to_csv(tmp_path / "people.csv", index=False)
    (tmp_path / "people.schema.json").write_text(json.dumps(SCHEMA))
    data, schema, run = (str(tmp_path / name) for name in ("people.csv", "people.schema.json", "run"))
    main(["train", "independent", data, "--epsilon", "1", "--schema", schema, "--out", run])
    main(["info", run])
    said = capsys.readouterr().out
    assert "epsilon 1, delta 1e-05, for one row" in said
    assert "values of age" in said
