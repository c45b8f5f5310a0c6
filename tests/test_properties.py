"""What holds for every model whatever is asked of it: an item doesn't depend on how many others there are, nor on
their labels."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zaohua as zh
from tests.test_contract import MODELS, data_of, fit, make
from zaohua.core import registry
from zaohua.core.params import fields_of

LABELS = st.sampled_from([f"d{digit}" for digit in range(10)])
SEEDS = st.integers(0, 2**62)
FEW = settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""Each example makes and scores items of a model; the same examples every time."""
SCORED = [case for case in MODELS if "log_prob" in registry.find(case[0]).primitives]
COMPLETING = [
    entry.name for entry in registry.entries() if "complete" in entry.primitives and "tables" in entry.modalities
]


@functools.cache
def odd(name: str, kind: str) -> Any:
    """A model of labels as the contract fits it, but with an odd number of latents and as many samples of them in a
    score as usual."""
    fields = fields_of(getattr(zh, name))
    changes = {"latent_dim": 3} if "latent_dim" in fields else {}
    if "score_importance_samples" in fields:
        changes["score_importance_samples"] = fields["score_importance_samples"].default
    return make(name, **changes).fit(*data_of(name, kind)) if changes else fit(name, kind)


def assert_same(a: Any, b: Any) -> None:
    """Raise unless two lots of items are equal up to the rounding of batched arithmetic."""
    assert len(a) == len(b) and type(a) is type(b)
    if isinstance(a, pd.DataFrame):
        for column in a:
            if a[column].dtype.kind == "f":
                np.testing.assert_allclose(a[column], b[column], rtol=1e-4, atol=1e-4)
            else:
                assert a[column].tolist() == b[column].tolist()
    elif isinstance(a, list):
        for one, other in zip(a, b, strict=True):
            assert np.allclose(one, other, atol=1e-2) if isinstance(one, zh.Sound) else one == other
    elif a.dtype.kind == "f":
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    else:
        assert np.abs(a.astype(int) - b.astype(int)).max() <= 1


@pytest.mark.parametrize(("name", "kind"), MODELS)
@FEW
@given(first=st.lists(LABELS, min_size=1, max_size=3), more=st.lists(LABELS, min_size=1, max_size=4), seed=SEEDS)
def test_first_samples_depend_neither_on_the_number_nor_on_other_labels(
    name: str, kind: str, first: list[str], more: list[str], seed: int
) -> None:
    model, k = odd(name, kind), len(first)
    few = model.sample(y=first, random_state=seed)
    assert_same(model.sample(y=[*first, *more], random_state=seed)[:k], few)
    assert_same(model.sample(k + len(more), random_state=seed)[:k], model.sample(k, random_state=seed))


@pytest.mark.parametrize(("name", "kind"), SCORED)
@FEW
@given(data=st.data())
def test_an_item_alone_scores_as_in_a_batch(name: str, kind: str, data: st.DataObject) -> None:
    model, (x, _) = odd(name, kind), data_of(name, kind)
    if not hasattr(model, "score_samples"):
        return  # what the data are forbids it
    size = data.draw(st.integers(21, 64) if hasattr(model, "score_importance_samples") else st.integers(2, 5))
    begin, at = data.draw(st.integers(0, len(x) - size)), data.draw(st.integers(0, size - 1))
    y = data.draw(st.lists(LABELS, min_size=size, max_size=size))
    together, alone = x[begin : begin + size], x[begin + at : begin + at + 1]
    np.testing.assert_allclose(
        model.score_samples(alone, [y[at]])[0], model.score_samples(together, y)[at], rtol=1e-4, atol=1e-2
    )
    if size <= 5:
        np.testing.assert_allclose(
            model.score_samples(alone)[0], model.score_samples(together)[at], rtol=1e-4, atol=1e-2
        )


@pytest.mark.parametrize("name", COMPLETING)
@FEW
@given(
    first=st.lists(st.sampled_from(["odd", "even"]), min_size=1, max_size=3),
    more=st.lists(st.sampled_from(["odd", "even"]), min_size=1, max_size=5),
    seed=SEEDS,
)
def test_first_completed_rows_depend_on_nothing_behind_them(
    name: str, first: list[str], more: list[str], seed: int
) -> None:
    model, (table, _) = odd(name, "tables"), data_of(name, "tables")
    few = model.sample(y={"parity": first}, random_state=seed)
    assert few["parity"].tolist() == first
    assert_same(model.sample(y={"parity": [*first, *more]}, random_state=seed)[: len(first)], few)
    holes = table.iloc[: len(first) + len(more)].reset_index(drop=True)
    holes.loc[:, "length"] = np.nan
    assert_same(
        model.impute(holes, random_state=seed)[: len(first)], model.impute(holes[: len(first)], random_state=seed)
    )
