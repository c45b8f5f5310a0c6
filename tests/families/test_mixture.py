"""Mixtures of products: their memory, their number of components, and rare classes."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch

import zaohua as zh
from zaohua.families import mixture_fit
from zaohua.nn.bins import Bins
from zaohua.nn.rows import RowLayout


def components(model: zh.ProductMixture) -> int:
    return model.tensors()["0.weights"].numel()


def structured(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    k = rng.integers(0, 3, n)
    return pd.DataFrame(
        {
            "x": rng.normal(size=n) + 3 * k,
            "y": rng.normal(size=n) - 3 * (k == 1),
            "c": np.array(list("abc"))[k],
        }
    )


@pytest.mark.parametrize("n", [100, 600])
def test_components_are_chosen_by_held_out_rows(n: int) -> None:
    frame, rng = structured(n, 0), np.random.default_rng(1)
    apart = pd.DataFrame({name: rng.permutation(frame[name]) for name in frame})
    assert components(zh.ProductMixture(random_state=0).fit(apart)) == 1
    model = zh.ProductMixture(random_state=0).fit(frame)
    assert 3 <= components(model) <= 25
    new = structured(200, 2)
    inside = new[new["x"].between(*frame["x"].agg(["min", "max"])) & new["y"].between(*frame["y"].agg(["min", "max"]))]
    assert model.score(inside) > zh.Independent(random_state=0).fit(frame).score(inside) + 0.5


def test_the_number_of_components_is_bounded() -> None:
    assert [mixture_fit.most_components(n) for n in (3, 60, 1000, 6000, 10**6)] == [1, 15, 25, 100, 500]


def wide_table(n: int, categories: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    code = np.concatenate([np.arange(categories), rng.integers(0, categories, n - categories)])
    return pd.DataFrame({"city": np.char.add("c", code.astype(str)), "x": code % 7 + rng.normal(size=n)})


def test_categories_are_not_dense(monkeypatch: pytest.MonkeyPatch) -> None:
    """No array of rows times categories, which would have 3,000 x 1,500 numbers (18 MB) here."""
    largest = 0
    original = torch.zeros

    def watched(*shape: object, **options: object) -> torch.Tensor:
        nonlocal largest
        out = original(*shape, **options)
        largest = max(largest, out.numel())
        return out

    monkeypatch.setattr(torch, "zeros", watched)
    frame = wide_table(3000, 1500)
    codec = zh.TableCodec(max_categories=2000, kinds={"city": "categorical"})
    model = zh.ProductMixture(n_components=4, max_iter=2, random_state=0, codec=codec).fit(frame)
    assert largest < 3000 * 100
    tracemalloc.start()
    model.score_samples(frame[:2000])
    model.sample(2000, random_state=0, y={"x": 3.0})
    model.impute(frame[:2000].assign(x=np.nan), random_state=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2000 * 1500 * 4 / 2 + 16e6  # categories are drawn for blocks of 8 MB


def test_wide_and_narrow_features_are_fitted_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = structured(200, 0)
    fits = []
    for wide in (64, 2):
        monkeypatch.setattr(mixture_fit, "WIDE", wide)
        fits.append(zh.ProductMixture(n_components=3, random_state=0).fit(frame).tensors())
    for name, value in fits[0].items():
        torch.testing.assert_close(fits[1][name], value, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", ["ProductMixture", "GaussianCopula"])
def test_rare_classes_do_not_leak(name: str, whole: bool) -> None:
    rng = np.random.default_rng(0)
    rare = rng.random(1500) < 0.03
    x = np.where(rare, rng.normal(50, 1.5, 1500), rng.normal(3, 1, 1500))
    frame = pd.DataFrame({"x": np.round(3 * x) if whole else x, "label": np.where(rare, "rare", "often")})
    made = getattr(zh, name)(random_state=0).fit(frame).sample(500, y={"label": "rare"}, random_state=1)
    assert (made["x"] < (75 if whole else 25)).mean() < 0.006


def test_integers_on_both_sides_of_a_gap_have_all_the_mass() -> None:
    """Bins of a network cut integers that lie in several ranges; their masses sum to one nevertheless."""
    rng = np.random.default_rng(0)
    x = np.where(rng.random(600) < 0.1, rng.integers(500, 520, 600), rng.integers(0, 40, 600))
    frame = pd.DataFrame({"x": x})
    for model in (zh.TabAR(**zh.TabAR.tiny, random_state=0), zh.ProductMixture(n_components=3, random_state=0)):
        model = model.fit(frame)
        assert model.codec_.views_[0].ranges == 2
        every = pd.DataFrame({"x": np.arange(x.min(), x.max() + 1)})
        assert np.exp(model.score_samples(every)).sum() == pytest.approx(1, abs=1e-3)


def test_bins_of_ranges_have_no_common_edges() -> None:
    frame = pd.DataFrame({"x": np.r_[np.arange(40), np.arange(500, 520)].repeat(3)})
    model = zh.ProductMixture(n_components=2, random_state=0).fit(frame)
    assert RowLayout(model.spec_).reals and all(feature.edges is None for feature in model.spec_.features)
    assert Bins(model.spec_, 16).sizes[-1] == 16
