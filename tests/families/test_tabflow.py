"""Flow and masked diffusion of rows: what is simple is learnt, and rows don't depend on each other."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest

import zaohua as zh

SMALL: dict[str, Any] = {
    "random_state": 0,
    "hidden": 64,
    "blocks": 1,
    "batch_size": 128,
    "steps": 40,
    "device": "cpu",
    "learning_rate": 2e-3,
    "warmup_steps": 20,
}


def table(n: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Two correlated numbers, a category that says the first one's sign, and a number that is mostly 0."""
    rng = np.random.default_rng(seed)
    x, e = rng.normal(size=(2, n))
    extra = np.where(rng.random(n) < np.where(x > 0, 0.5, 0.1), rng.integers(10, 60, n), 0)
    return pd.DataFrame({"x": x, "y": np.exp(0.8 * x + 0.6 * e), "sign": np.where(x > 0, "up", "down"), "extra": extra})


@functools.cache
def fitted() -> zh.TabFlow:
    return zh.TabFlow(max_steps=800, **SMALL).fit(table())


def test_learns_what_is_simple() -> None:
    rows, real = fitted().sample(3000, random_state=0), table(20_000, 1)
    assert np.corrcoef(rows["x"], np.log(rows["y"]))[0, 1] == pytest.approx(0.8, abs=0.06)
    assert rows["x"].mean() == pytest.approx(0, abs=0.1) and rows["x"].std() == pytest.approx(1, abs=0.1)
    assert ((rows["x"] > 0) == (rows["sign"] == "up")).mean() > 0.93
    for sign in ("up", "down"):
        share = [(frame["extra"][frame["sign"] == sign] > 0).mean() for frame in (rows, real)]
        assert share[0] == pytest.approx(share[1], abs=0.06)
    assert rows["extra"].isin([0, *range(10, 60)]).mean() > 0.995  # what never occurred has a chance, a small one


@pytest.mark.parametrize("few", [1, 128])
def test_a_row_comes_out_the_same_alone(few: int) -> None:
    settings = {**SMALL, "max_integer_categories": few}
    model = fitted() if few == 128 else zh.TabFlow(**settings, max_steps=5).fit(table(100))
    pd.testing.assert_frame_equal(model.sample(2, random_state=5), model.sample(20, random_state=5).head(2), rtol=1e-4)


def test_many_steps_draw_from_the_same_chances_as_few() -> None:
    shares = [(fitted().sample(2000, random_state=0, steps=steps)["sign"] == "up").mean() for steps in (10, 80)]
    assert shares[0] == pytest.approx(shares[1], abs=0.05)


def test_labels_are_conditions_and_guidance_makes_them_plainer() -> None:
    rows = table()
    model = zh.TabFlow(max_steps=500, **SMALL).fit(rows[["x", "y"]], rows["sign"])
    up = [model.sample(500, y="up", random_state=0, guidance=guidance)["x"] for guidance in (0.0, 1.0, 3.0)]
    assert (up[1] > 0).mean() > 0.85 and up[0].mean() < up[1].mean() and (up[2] > 0).mean() >= (up[1] > 0).mean()


def test_given_columns_are_waited_for() -> None:
    rows = fitted().sample(20, y={"sign": "up", "extra": 0}, random_state=0)
    assert (rows["sign"] == "up").all() and (rows["extra"] == 0).all()
    assert 0.1 < fitted().acceptance_rate_ < 0.6
