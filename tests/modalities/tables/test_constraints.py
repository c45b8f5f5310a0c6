"""Constraints: random systems hold in samples, under conditions and in imputed rows, and given cells never change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.modalities.tables.systems import Constrained, holed, random_system, violations

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import DataNote

MODELS = ("ProductMixture", "GaussianCopula", "Independent")


def fitted(frame: pd.DataFrame, *constraints: str, model: str = "ProductMixture") -> zh.ProductMixture:
    options = {"n_components": 6, "max_iter": 20} if model == "ProductMixture" else {}
    return getattr(zh, model)(codec=zh.TableCodec(constraints=constraints), random_state=0, **options).fit(frame)


# ---- any system


def prove(seed: int) -> None:
    rng = np.random.default_rng(seed)
    system = random_system(rng, 80)
    assert not violations(system, system.frame)
    frame = holed(system.frame, rng)
    model = fitted(frame, *rng.permutation(list(system.checks)), model="Independent")
    assert not violations(system, model.sample(50, random_state=seed))
    check_conditions(model, system, frame, rng)
    check_imputation(model, system, frame, rng)
    check_contradictions(system, frame, rng)


def check_conditions(model: zh.Independent, system: Constrained, frame: pd.DataFrame, rng: np.random.Generator) -> None:
    for row in rng.choice(len(frame), 2, replace=False):
        present = frame.columns[frame.iloc[row].notna()]
        asked = {str(name): frame[name].iloc[row] for name in rng.permutation(present)[: rng.integers(1, 4)]}
        made = model.sample(6, y=asked, random_state=int(row))
        assert not violations(system, made)
        for name, value in asked.items():
            assert (made[name] == value).all(), (name, value, made[name].tolist())


def check_imputation(model: zh.Independent, system: Constrained, frame: pd.DataFrame, rng: np.random.Generator) -> None:
    rows = frame.mask(rng.random(frame.shape) < 0.3).set_axis(rng.permutation(len(frame)) + 1000)
    rows = rows[rng.permutation(rows.columns)]
    filled = model.impute(rows, random_state=1)
    assert not violations(system, filled)
    assert filled.index.equals(rows.index) and list(filled.columns) == list(rows.columns)
    assert filled.dtypes.equals(frame[rows.columns].dtypes)
    known = rows.notna()
    assert ((filled.astype(object) == rows.astype(object)) | ~known).all(axis=None)
    if not any(text.startswith("(") for text in system.checks):  # training may lack the combination that is needed
        assert filled.notna().all(axis=None)


def check_contradictions(system: Constrained, frame: pd.DataFrame, rng: np.random.Generator) -> None:
    """The opposite of a constraint is refused by name, as are given cells that contradict one."""
    text = next((text for text in system.checks if text.split()[1:2] == ["<"] and len(text.split()) == 3), None)
    if text is not None:
        a, _, b = text.split()
        with pytest.raises(ZaohuaError, match=f"'{a} < {b}' and '{b} <= {a}' contradict each other"):
            zh.TableCodec(constraints=(text, f"{b} <= {a}")).fit(frame)
        count = int((frame[a].astype(float) < frame[b].astype(float)).sum())
        with pytest.raises(ZaohuaError, match=f"constraint '{b} <= {a}' doesn't hold in {count} rows, the first"):
            zh.TableCodec(constraints=(f"{b} <= {a}",)).fit(frame)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
@example(13449768)  # a number at the bound of a sum without steps
@example(3863504)  # a row without a known combination
def test_random_systems_hold(seed: int) -> None:
    prove(seed)


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
def test_200_random_systems_hold(seed: int) -> None:
    prove(seed)


# ---- given cells


def invoices(n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    start = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 999, n), "D")
    net, city = rng.integers(1, 50, n), rng.choice(["Bern", "Lyon", "Nice"], n)
    frame = pd.DataFrame({"net": net, "tax": rng.integers(1, 20, n), "start": start, "city": city})
    return frame.assign(
        total=frame.net + frame.tax,
        end=start + pd.to_timedelta(rng.integers(1, 8, n), "D"),
        country=np.where(city == "Bern", "CH", "FR"),
    )


RULES = ("total = net + tax", "start < end", "(city, country)")


def test_imputation_solves_for_what_is_missing() -> None:
    frame = invoices()
    model = fitted(frame, *RULES)
    rows = frame.astype({"net": float}).astype({"city": object})[50:150]
    rows.loc[rows.index[:50], ["net", "city", "start"]] = None
    filled = model.impute(rows)
    assert filled.index.equals(rows.index) and filled.dtypes.equals(frame.dtypes)
    assert filled.net.equals(frame.net[50:150]), "it follows from the total and the tax"
    assert filled[["tax", "total", "end", "country"]].equals(frame.loc[50:149, ["tax", "total", "end", "country"]])
    assert (filled.start < filled.end).all() and set(filled.city[filled.country == "CH"]) == {"Bern"}
    delay = (filled.end - filled.start).dt.days
    assert delay.between(1, 7).all() and 3 < delay[:50].mean() < 5


def test_any_table_is_filled_in_and_keeps_its_index_order_and_cells() -> None:
    frame = pd.DataFrame({"a": np.random.default_rng(0).normal(size=60).round(1), "b": np.arange(60) % 3})
    model = zh.ProductMixture(n_components=2, random_state=0).fit(frame)
    rows = frame[frame.a > 0].sort_values("a")[["b", "a"]]
    rows["a"] = rows["a"].where(np.arange(len(rows)) % 3 > 0)
    rows.loc[rows.index[1], "a"] = 123.456  # outside the range, and of more decimals
    filled = model.impute(rows)
    assert filled.index.equals(rows.index) and list(filled.columns) == ["b", "a"]
    assert filled["a"][rows["a"].notna()].equals(rows["a"].dropna()) and filled["a"].notna().all()
    given_rows = rows[["b"]]
    assert model.sample(y=given_rows, random_state=0).index.equals(given_rows.index)


def test_cells_that_no_value_fits_stay_missing_in_whole_columns_too() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 100, 80)
    frame = pd.DataFrame({"a": a, "b": a + 2, "c": a + 4 + rng.integers(0, 3, 80)})
    model = fitted(frame, "a < b < c")
    rows = pd.DataFrame({"a": [10, 10], "b": [np.nan, np.nan], "c": [11, 12]})
    with pytest.warns(UserWarning, match="left 1 cell missing: no values fit the constraints"):
        filled = model.impute(rows, random_state=0)
    assert filled["b"].dtype == np.float64 and filled["b"].isna().tolist() == [True, False] and filled["b"][1] == 11
    with pytest.warns(UserWarning, match="left 1 cell missing"):
        assert model.impute(rows[:1], random_state=0).isna().to_numpy().tolist() == [[False, True, False]]


def test_imputation_takes_values_outside_the_ranges_of_training_into_account() -> None:
    frame = invoices()
    rows = frame[:2].astype({"total": float}).assign(net=[900, 1000], total=[None, 1003.0], tax=[7.0, None])
    filled = fitted(frame, *RULES).impute(rows)
    assert filled[["net", "tax", "total"]].to_numpy().tolist() == [[900, 7, 907], [1000, 3, 1003]]


@pytest.mark.parametrize(
    "asked", [{"start": "2020-05-05"}, {"end": "2020-05-05"}, {"start": "2020-05-05", "end": "2020-05-09"}]
)
def test_tied_columns_can_be_given(asked: dict[str, str]) -> None:
    model = fitted(invoices(), *RULES)
    made = model.sample(50, y={name: pd.Timestamp(day) for name, day in asked.items()}, random_state=0)
    for name, day in asked.items():
        assert (made[name] == pd.Timestamp(day)).all()
    assert (made.start < made.end).all() and (made.total == made.net + made.tax).all()
    assert set(model.sample(9, y={"country": "CH"}, random_state=0).city) == {"Bern"}
    assert (model.sample(9, y={"total": 30, "tax": 4}, random_state=0).net == 26).all()


@pytest.mark.parametrize(
    "asked, wrong",
    [
        ({"start": "2020-05-09", "end": "2020-05-05"}, "constraint 'start < end' doesn't hold in 2 rows"),
        (
            {"city": "Bern", "country": "FR"},
            r"constraint '\(city, country\)' doesn't hold in 2 rows.*isn't one of training",
        ),
        ({"net": 3, "tax": 4, "total": 8}, "constraint 'total = net \\+ tax' doesn't hold in 2 rows"),
    ],
)
def test_given_cells_that_contradict_a_constraint_are_refused(asked: dict[str, object], wrong: str) -> None:
    model = fitted(invoices(), *RULES)
    asked = {name: pd.Timestamp(str(day)) if name in ("start", "end") else day for name, day in asked.items()}
    with pytest.raises(ZaohuaError, match=wrong):
        model.sample(2, y=asked)
    with pytest.raises(ZaohuaError, match=wrong.replace("2 rows", "1 row")):
        model.impute(invoices()[:1].assign(**asked))


def test_combinations_that_overlap_are_put_together_or_refused() -> None:
    frame = pd.DataFrame({"a": [0, 1, 0, 1], "b": list("xyzz"), "c": [5, 6, 7, 8]}).loc[np.arange(200) % 4]
    model = fitted(frame.reset_index(drop=True), "(a, b)", "(b, c)", model="Independent")
    assert set(model.sample(20, y={"a": 0, "c": 8}, random_state=0).b) == {"z"}, "(0, z) and (z, 8) occur, apart"
    with pytest.raises(ZaohuaError, match=r"'\(a, b\)' and '\(b, c\)' don't hold in 2 rows"):
        model.sample(2, y={"a": 0, "c": 6})


def test_a_cell_with_one_possible_value_is_found_and_one_with_none_stays_missing() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 10, 100), rng.normal(0, 10, 100)
    top, a[7], b[7] = 7, a.max() + 1, b.max() + 1
    frame = pd.DataFrame({"a": a, "b": b, "c": a + b})
    rules = ("c = a + b", f"c - b <= {float(a[top])}", f"c - a <= {float(b[top])}")
    model = fitted(frame, *rules, model="Independent")
    filled = model.impute(frame[top : top + 1].assign(a=np.nan, b=np.nan))
    assert filled.to_numpy() == pytest.approx(frame[top : top + 1].to_numpy())
    whole = pd.DataFrame({"a": np.arange(50) % 7}).assign(b=lambda f: f.a + 1, c=lambda f: f.a + 2 + f.a % 2)
    rows = whole[:2].astype({"b": "Int64"}).assign(b=pd.NA, c=[2, 2])
    with pytest.warns(DataNote, match="left 1 cell missing"):
        assert fitted(whole, "a < b < c").impute(rows.astype({"b": "Int64"})).b.isna().tolist() == [False, True]


# ---- samples


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("rules", [("a < b", "b < c"), ("b < c", "a < b"), ("a < b < c", "a < c")])
def test_chains_hold_in_any_order_with_missing_cells(model: str, rules: tuple[str, ...]) -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 100, 400)
    frame = pd.DataFrame({"a": a, "b": a + rng.integers(1, 50, 400)}).assign(c=lambda f: f.b + rng.integers(1, 50, 400))
    frame = holed(frame, rng, 0.3)
    made = fitted(frame, *rules, model=model).sample(1500, random_state=0)
    assert not ((made.a >= made.b) | (made.b >= made.c) | (made.a >= made.c)).any()
    assert np.allclose(made.isna().mean(), frame.isna().mean(), atol=0.06)
    for x, y in (("a", "b"), ("b", "c"), ("a", "c")):
        assert (made[y] - made[x]).mean() == pytest.approx((frame[y] - frame[x]).mean(), rel=0.12)


def test_constraints_that_share_a_column_are_checked_on_the_data_as_they_are() -> None:
    made = fitted(invoices(), "total = net + tax", "net < total", "(city, country)", "tax <= total").sample(300)
    assert (made.total == made.net + made.tax).all() and (made.net < made.total).all()


@pytest.mark.parametrize("form", ["%m/%d/%Y", "%d.%m.%Y", "%Y-%m-%d"])
def test_dates_of_a_file_are_compared_as_dates(form: str, tmp_path: Path) -> None:
    frame = invoices()
    texts = frame.assign(start=frame.start.dt.strftime(form), end=frame.end.dt.strftime(form))
    texts.rename(columns={"start": "Order Date", "end": "Ship Date"}).to_csv(tmp_path / "sales.csv", index=False)
    rules = ("Order Date < Ship Date", "Ship Date <= Order Date + 7 days", "Order Date >= 2020-01-01")
    made = fitted(tmp_path / "sales.csv", *rules).sample(1000, random_state=0)
    start, end = (pd.to_datetime(made[name], format=form) for name in ("Order Date", "Ship Date"))
    delay = (end - start).dt.days
    assert delay.between(1, 7).all() and delay.mean() == pytest.approx(
        (frame.end - frame.start).dt.days.mean(), abs=0.3
    )


def test_numbers_of_any_spelling_are_compared() -> None:
    rng = np.random.default_rng(0)
    low = rng.integers(100, 5000, 200)
    frame = pd.DataFrame({"low": [f"${value:,}.00" for value in low], "high": low + rng.integers(1, 900, 200)})
    made = fitted(frame, "low < high").sample(500, random_state=0)
    assert (made.low.str.replace("[$,]", "", regex=True).astype(float) < made.high).all()


def test_numbers_keep_their_decimals_and_few_or_consecutive_ones_are_numbers() -> None:
    rng = np.random.default_rng(0)
    low = rng.normal(5, 2, 300).round(2)
    frame = pd.DataFrame({"low": low, "high": (low + rng.choice([0.1, 0.25, 0.5], 300)).round(2), "n": np.arange(300)})
    frame = frame.assign(m=frame.n + 3, few=rng.integers(0, 3, 300)).assign(more=lambda f: f.few + 1)
    made = fitted(frame, "low < high", "n < m", "few < more").sample(500, random_state=0)
    assert made.high.equals(made.high.round(2)) and (made.low < made.high).all()
    assert set((made.high - made.low).round(2)) == {0.1, 0.25, 0.5}
    assert (made.m == made.n + 3).all() and (made.more == made.few + 1).all() and made.dtypes.equals(frame.dtypes)


@pytest.mark.parametrize("dtype", ["float32", "Int64", "int8", "timedelta64[s]", "datetime64[ns, Europe/Berlin]"])
def test_any_dtype_of_numbers_and_times_can_be_compared(dtype: str) -> None:
    rng = np.random.default_rng(0)
    a = pd.Series(rng.integers(1, 60, 200))
    b = a + pd.Series(rng.integers(1, 60, 200))
    if "time" in dtype:
        make = pd.to_timedelta if dtype.startswith("time") else pd.to_datetime
        a, b = (pd.Series(make(x * 86400, unit="s")) for x in (a, b))
        a, b = (x.dt.tz_localize("Europe/Berlin") if "Berlin" in dtype else x for x in (a, b))
    frame = pd.DataFrame({"a": a, "b": b}).astype(dtype)
    made = fitted(frame, "a < b").sample(300, random_state=0)
    assert (made.a < made.b).all() and made.dtypes.equals(frame.dtypes)


def test_a_constant_holds_beyond_what_training_had() -> None:
    frame = pd.DataFrame({"age": np.arange(18, 78), "share": np.linspace(0.01, 1, 60)})
    made = fitted(frame, "age >= 18", "0 < share <= 1", model="Independent").sample(300, random_state=0)
    assert (made.age >= 18).all() and made.share.between(0, 1, inclusive="right").all()
    with pytest.raises(ZaohuaError, match="constraint 'age >= 21' doesn't hold in 3 rows, the first being row 0"):
        fitted(frame, "age >= 21")


# ---- what is refused


@pytest.mark.parametrize(
    "rules, wrong",
    [
        (("net < tax", "tax < net"), "constraints 'net < tax' and 'tax < net' contradict each other"),
        (("net < tax", "tax < total", "total < net"), "'net < tax' and 'tax < total' and 'total < net' contradict"),
        (("total = net + start",), "'total = net \\+ start' mixes times \\('start'\\) and numbers \\('total'\\)"),
        (("start < 30",), "'start < 30': '30' must be a time"),
        (("end - start < 30",), "'end - start < 30': '30' must be a duration, such as '30 days'"),
        (("net < city",), "column 'city' is neither numbers nor times, but categorical"),
        (("net < tx",), "unknown column in constraint 'net < tx': 'tx'; did you mean 'tax'"),
        (("(city, contry)",), "'contry'; did you mean 'country'"),
        (("net <",), "constraint 'net <' is none of"),
    ],
)
def test_systems_that_make_no_sense_are_refused_by_name(rules: tuple[str, ...], wrong: str) -> None:
    with pytest.raises(ZaohuaError, match=wrong):
        zh.TableCodec(constraints=rules).fit(invoices())


def test_rows_that_only_several_constraints_refuse_together_are_counted() -> None:
    frame = pd.DataFrame({"a": [1, 9, 3, 1], "b": [2, None, None, 2], "c": [3, 4, 2, 3]}).loc[np.arange(40) % 4]
    wrong = "constraints 'a < b' and 'b < c' don't hold in 20 rows, the first being row 1 "
    with pytest.raises(ZaohuaError, match=wrong):
        zh.TableCodec(constraints=("a < b", "b < c", "a >= 0")).fit(frame)


def test_what_was_found_to_hold_is_said_and_saved(tmp_path: Path) -> None:
    frame = holed(invoices(), np.random.default_rng(0))
    model = fitted(frame, *RULES)
    count = int(frame[["start", "end"]].notna().all(axis=1).sum())
    lines = model.codec_.about(300)
    assert f"constraint start < end: holds in all {count} rows that have its cells (of 300)" in lines
    model.save(tmp_path / "run")
    assert zh.load(tmp_path / "run").sample(50, random_state=0).equals(model.sample(50, random_state=0))
    assert np.array_equal(zh.load(tmp_path / "run").score_samples(frame), model.score_samples(frame))
