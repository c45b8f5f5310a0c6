"""Schemas say what cells can be, and columns of one look at no data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.modalities.tables.binned import places, to_places, view_of
from zaohua.modalities.tables.codec import TableCodec
from zaohua.modalities.tables.schema import declared, read_schema

AGE = {"low": 0, "high": 99, "integer": True}


@pytest.mark.parametrize(
    "entry, message",
    [
        ({"low": 3}, "the schema of column 'a' must say what its cells can be"),
        ({"low": 3, "high": 3}, "low must be a number below high"),
        ({"low": 0, "high": 1.5, "integer": True}, "whole numbers have whole bounds"),
        ({"low": 0, "high": 1, "decimals": 1.5}, "decimals must be a whole number"),
        ({"low": 0, "high": 1, "integer": 1}, "integer must be true or false"),
        ({"low": 0, "high": 1, "step": 2}, "key in the schema of column 'a'"),
        ({"categories": []}, "categories must be a list"),
        ({"categories": ["x", "x"]}, "names a category twice"),
        ({"categories": [["x"]]}, "categories are texts, numbers"),
    ],
)
def test_wrong_entries_are_named(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ZaohuaError, match=message):
        read_schema({"a": entry}, ["a"])


def test_files_and_columns_that_are_wrong_are_named(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    for text, message in (("[]", "an object with an entry for each column"), ("{", "isn't JSON")):
        path.write_text(text)
        with pytest.raises(ZaohuaError, match=message):
            read_schema(str(path), ["a"])
    with pytest.raises(ZaohuaError, match="the schema can't be read"):
        read_schema(str(tmp_path / "none.json"), ["a"])
    with pytest.raises(ZaohuaError, match="column in the schema.*agf.*age"):
        read_schema({"agf": AGE}, ["age"])


def test_any_model_of_tables_takes_what_columns_are_from_a_schema(tmp_path: Path) -> None:
    """So a table without some category still gives a model that knows it."""
    path = tmp_path / "s.json"
    schema = {"age": AGE, "kind": {"categories": ["x", "y", "z"], "missing": True}}
    path.write_text(json.dumps(schema))
    frame = pd.DataFrame({"age": [20, 30, 40, 50] * 5, "kind": ["x", "y"] * 10, "w": np.arange(20) / 7})
    for given in (schema, str(path)):
        model = zh.ProductMixture(n_components=2, random_state=0, schema=given).fit(frame)
        age, kind, w = model.codec_.columns_
        assert (age.low, age.high, age.step, kind.categories, w.low) == (0, 99, 1, ["x", "y", "z"], 0)
        assert np.isfinite(model.score_samples(frame[:2].assign(kind=["z", None]))).all()
    with pytest.raises(ZaohuaError, match="'q'"):
        zh.ProductMixture(schema=schema).fit(frame.assign(kind=["q", "x"] * 10))


def test_declared_columns_depend_on_no_cell() -> None:
    schema = {"a": AGE, "b": {"low": 0.0, "high": 1.0}, "c": {"categories": ["x", "y"]}, "d": {"categories": [0, 5]}}
    one = pd.DataFrame({"a": [1, 2], "b": [0.1, 0.2], "c": ["x", "y"], "d": [5, 0]})
    other = pd.DataFrame({"a": [7.0, np.nan], "b": [55, 3], "c": [None, "zz"], "d": [0, 77]})
    first, second = (TableCodec().fit_declared(frame, schema) for frame in (one, other))
    assert first.to_json() == second.to_json()
    codes = second.encode_within(other).numpy()
    assert codes[:, 1].tolist() == [1.0, 1.0]  # brought into the range
    assert np.isinf(codes[1, 0]) and codes[:, 2].tolist() == [-1, -1] and codes[1, 3] == -1


@pytest.mark.parametrize(
    "entry", [AGE, {"low": -1, "high": 1, "decimals": 2}, {"low": 0.5, "high": 3.5, "missing": True}]
)
def test_cells_of_histograms_are_states_from_which_the_same_numbers_come_back(entry: dict[str, Any]) -> None:
    column = declared("x", read_schema({"x": entry}, ["x"])["x"])
    rng, count = np.random.default_rng(0), places(column)
    edges = np.unique(np.r_[0, 1, rng.integers(0, count, 6), count])
    groups = np.minimum(np.arange(len(edges) - 1), 3)
    view = view_of(column, edges, rng.integers(0, 9, len(groups)).astype(float), groups)
    x = column.snap(rng.uniform(column.low, column.high, 300))
    state, z = view.to_tensor(x, np.column_stack([rng.random(300), rng.random(300)]))
    np.testing.assert_allclose(view.from_tensor(state, z), x, atol=1e-5)
    cells = np.searchsorted(edges, to_places(column, x), side="right") - 1
    assert (state == groups[cells]).all()
