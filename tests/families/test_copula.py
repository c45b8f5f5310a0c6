"""Gaussian copulas: correlations from ranks, in the columns' own order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import zaohua as zh
from zaohua.families import copula
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.marginals import Marginal

N = 2000


def made(frame: pd.DataFrame) -> pd.DataFrame:
    return zh.GaussianCopula(random_state=0).fit(frame).sample(4000, random_state=1)


def test_small_counts_keep_their_order() -> None:
    rng = np.random.default_rng(0)
    k = rng.poisson(0.7, N)
    found = made(pd.DataFrame({"k": k, "y": 3 * k + rng.normal(0, 0.3, N)}))
    assert found.corr().iloc[0, 1] == pytest.approx(0.99, abs=0.01)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.01])
def test_a_label_that_follows_from_a_number(share: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=N)
    border = np.quantile(x, 1 - share)
    found = made(pd.DataFrame({"x": x, "label": np.where(x > border, "hi", "lo"), "other": rng.normal(size=N)}))
    hi = found["label"] == "hi"
    assert hi.mean() == pytest.approx(share, abs=0.02)
    assert (found["x"][hi] > border).mean() > 0.99 and (found["x"][~hi] < border).mean() > 0.99


def test_numbers_keep_their_correlation() -> None:
    x = np.random.default_rng(0).normal(size=(N, 2)) @ [[1, 0.9], [0, 0.19**0.5]]
    assert made(pd.DataFrame(x, columns=["a", "b"])).corr().iloc[0, 1] == pytest.approx(0.9, abs=0.02)


def test_categories_are_ordered_by_what_hangs_on_them() -> None:
    rng = np.random.default_rng(0)
    kind, city = rng.integers(0, 4, N), rng.integers(0, 12, N)
    x = rng.normal(size=N) + 3 * np.array([2, 0, 3, 1])[kind]
    frame = pd.DataFrame({"x": x, "kind": np.array(list("dbca"))[kind]})
    means = made(frame).groupby("kind")["x"].mean()
    assert np.allclose(means, frame.groupby("kind")["x"].mean(), atol=0.3)
    frame = pd.DataFrame({"city": [f"c{7 * c % 12:02d}" for c in city], "country": [f"l{c // 4}" for c in city]})
    found = made(frame)
    assert (
        found["city"].map(dict(zip(frame["city"], frame["country"], strict=True))) == found["country"]
    ).mean() > 0.95


@pytest.mark.parametrize("cuts", [(0.0,), (1.3,), (-0.5, 0.2, 1.0)])
def test_ties_do_not_weaken_correlations(cuts: tuple[float, ...]) -> None:
    rng = np.random.default_rng(0)
    z = rng.multivariate_normal([0, 0, 0], [[1, 0.7, -0.4], [0.7, 1, -0.2], [-0.4, -0.2, 1]], 20_000)
    scores = [copula.scores_of(np.searchsorted(cuts, z[:, 0]) * 1.0), copula.scores_of(z[:, 1])]
    scores.append(copula.scores_of(np.searchsorted((0.3, 0.9), z[:, 2]) * 1.0))
    found = copula.correlations(scores)
    assert np.allclose(found, [[1, 0.7, -0.4], [0.7, 1, -0.2], [-0.4, -0.2, 1]], atol=0.04)


def test_the_nearest_correlation_matrix() -> None:
    """The example of Higham (2002), section 4."""
    found = copula.nearest_correlation(np.array([[1.0, 1, 0], [1, 1, 1], [0, 1, 1]]), 1e-8)
    assert np.allclose(found, [[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]], atol=1e-3)
    assert np.linalg.eigvalsh(found)[0] > 0


def test_missing_cells_and_frequent_values_keep_their_shares() -> None:
    rng = np.random.default_rng(0)
    x = np.where(rng.random(N) < 0.4, 0, rng.exponential(size=N))
    frame = pd.DataFrame({"x": x, "hole": np.where(x > 0.5, np.nan, rng.normal(size=N))})
    found = made(frame)
    assert (found["x"] == 0).mean() == pytest.approx((x == 0).mean(), abs=0.03)
    assert found["hole"].isna().mean() == pytest.approx(frame["hole"].isna().mean(), abs=0.03)
    assert found["hole"].isna()[found["x"] > 0.6].mean() > 0.95  # the latent of being missing is correlated, too
    assert not hasattr(zh.GaussianCopula(random_state=0).fit(frame[["x"]]), "score_samples")


def test_a_marginal_has_steps_and_gaps() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([np.zeros(500), rng.normal(3, 0.3, 450), rng.normal(50, 1, 50)])
    at = Marginal.fit(Column("x", "continuous", "float64", low=values.min(), high=values.max()), values)
    u = (np.arange(10_000) + 0.5) / 10_000
    x = at.quantile(u)
    assert (x == 0).mean() == pytest.approx(0.5, abs=1e-3) and (x > 40).mean() == pytest.approx(0.05, abs=1e-3)
    assert ((x > 6) & (x < 40)).mean() < 3e-4 and (np.diff(x) >= 0).all()
