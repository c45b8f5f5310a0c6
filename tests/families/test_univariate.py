"""Distributions of one number against scipy, sums and integrals, standard errors, and every error that there is."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import integrate, stats
from sklearn.utils.estimator_checks import check_estimator

import zaohua as zh
from zaohua.core import registry
from zaohua.core.errors import ZaohuaError
from zaohua.modalities import NumberCodec

TRUTH: dict[str, dict[str, float]] = {
    "Normal": {"loc": 3.0, "scale": 2.0},
    "LogNormal": {"s": 0.7, "scale": 2.0},
    "Exponential": {"scale": 3.0},
    "Gamma": {"a": 2.5, "scale": 1.5},
    "Beta": {"a": 2.0, "b": 0.7},
    "Weibull": {"c": 1.7, "scale": 2.0},
    "StudentT": {"df": 4.0, "loc": 1.0, "scale": 2.0},
    "Uniform": {"loc": -1.0, "scale": 4.0},
    "Poisson": {"mu": 3.2},
    "NegativeBinomial": {"n": 2.5, "p": 0.3},
    "Geometric": {"p": 0.3},
    "Bernoulli": {"p": 0.3},
}
ASCENDING = ["Gamma", "Beta", "Weibull", "StudentT", "NegativeBinomial"]
FIXED = {"Gamma": {"floc": 0}, "Beta": {"floc": 0, "fscale": 1}, "Weibull": {"floc": 0}, "StudentT": {}}
"""What scipy's own fit is told of parameters that aren't fitted."""
DISTRIBUTIONS = [entry.name for entry in registry.entries() if entry.family == "univariate"]


def drawn(name: str, size: int | tuple[int, int] = 10_000, seed: int = 0) -> np.ndarray:
    """Numbers of the true distribution."""
    return getattr(zh, name).law.rvs(**TRUTH[name], size=size, random_state=seed).astype(float)


def column(values: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.array([float(value)]) for name, value in values.items()}


def information(model: Any, parameters: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """The Hessian of the mean negative log-likelihood, by differences of scipy's densities."""
    names, k = model.fitted, len(model.fitted)
    at = np.array([parameters[name][0] for name in names])
    steps = 1e-4 * np.maximum(np.abs(at), 1e-2)

    def loss(point: np.ndarray) -> float:
        return -model.log_densities({**parameters, **column(dict(zip(names, point, strict=True)))}, x).mean()

    out = np.empty((k, k))
    for i in range(k):
        for j in range(k):
            a, b = np.eye(k)[i] * steps, np.eye(k)[j] * steps
            out[i, j] = (loss(at + a + b) - loss(at + a - b) - loss(at - a + b) + loss(at - a - b)) / (
                4 * steps[i] * steps[j]
            )
    return out


@pytest.mark.parametrize("name", TRUTH)
class TestDistribution:
    def test_estimates_are_within_three_standard_errors_in_a_moment(self, name: str) -> None:
        x, model = drawn(name), getattr(zh, name)(random_state=0)
        getattr(zh, name)().fit(x[:50])  # imports are no part of it
        began = time.process_time()
        model.fit(x)
        assert time.process_time() - began < 0.3
        if name == "Uniform":
            assert model.params_["loc"] == x.min() and model.params_["scale"] == pytest.approx(np.ptp(x))
            return
        errors = np.sqrt(np.diag(np.linalg.inv(information(model, model.densities_[0], x[:, None]))) / len(x))
        for parameter, error in zip(model.fitted, errors, strict=True):
            assert abs(model.params_[parameter] - TRUTH[name][parameter]) < 3 * error

    def test_densities_agree_with_scipy_and_with_torch(self, name: str) -> None:
        x, model = drawn(name, 300), getattr(zh, name)()
        model.fit(x)
        law = model.law(**model.params_)
        expected = law.logpmf(x) if model.is_discrete else law.logpdf(x)
        assert np.allclose(model.score_samples(x), expected, rtol=1e-12, atol=1e-12)
        assert np.allclose(model.cdf(x), law.cdf(x), rtol=1e-12, atol=1e-14)
        q = np.linspace(0.001, 0.999, 50)
        assert np.allclose(model.quantile(q), law.ppf(q), rtol=1e-12)
        if name == "Weibull":  # torch's takes seconds to import what it is made of
            c, scale = model.params_["c"], model.params_["scale"]
            by_hand = np.log(c / scale) + (c - 1) * np.log(x / scale) - (x / scale) ** c
            assert np.allclose(by_hand, expected, rtol=1e-10, atol=1e-10)
            return
        torchs = {
            "Normal": lambda p: torch.distributions.Normal(p["loc"], p["scale"]),
            "LogNormal": lambda p: torch.distributions.LogNormal(p["scale"].log(), p["s"]),
            "Exponential": lambda p: torch.distributions.Exponential(1 / p["scale"]),
            "Gamma": lambda p: torch.distributions.Gamma(p["a"], 1 / p["scale"]),
            "Beta": lambda p: torch.distributions.Beta(p["a"], p["b"]),
            "StudentT": lambda p: torch.distributions.StudentT(p["df"], p["loc"], p["scale"]),
            "Uniform": lambda p: torch.distributions.Uniform(p["loc"], p["loc"] + p["scale"] * (1 + 1e-12)),
            "Poisson": lambda p: torch.distributions.Poisson(p["mu"]),
            "NegativeBinomial": lambda p: torch.distributions.NegativeBinomial(p["n"], 1 - p["p"]),
            "Geometric": lambda p: torch.distributions.Geometric(p["p"]),
            "Bernoulli": lambda p: torch.distributions.Bernoulli(p["p"]),
        }
        other = torchs[name]({key: torch.tensor(value, dtype=torch.float64) for key, value in model.params_.items()})
        shifted = torch.from_numpy(x - 1 if name == "Geometric" else x)
        assert np.allclose(other.log_prob(shifted).numpy(), expected, rtol=1e-10, atol=1e-10)

    def test_it_sums_to_one(self, name: str) -> None:
        model, parameters = getattr(zh, name)(), column(TRUTH[name])
        if model.is_discrete:
            total = np.exp(model.log_densities(parameters, np.arange(2000.0)[:, None])).sum()
            assert total == pytest.approx(1, abs=1e-9)
            return
        ends = model.law.support(**TRUTH[name])
        total, _ = integrate.quad(lambda v: np.exp(model.log_densities(parameters, np.array([[v]])))[0, 0], *ends)
        assert total == pytest.approx(1, abs=1e-7)

    def test_samples_come_from_it(self, name: str) -> None:
        model = getattr(zh, name)(random_state=0).fit(drawn(name, 500))
        x = model.sample(1000, random_state=1)
        assert x.shape == (1000,) and x.dtype == np.float64 and model.support.holds(x).all()
        law = model.law(**model.params_)
        if not model.is_discrete:
            assert stats.kstest(x, law.cdf).pvalue > 0.001 and len(np.unique(x)) == 1000
            return
        values = np.unique(x)
        assert np.abs([(x <= value).mean() for value in values] - law.cdf(values)).max() < 1.63 / 1000**0.5

    def test_columns_are_fitted_each_by_itself(self, name: str) -> None:
        x, model = drawn(name, (400, 3)), getattr(zh, name)()
        x = x * [1, 2, 4] if name in ("Normal", "LogNormal", "Gamma", "Weibull", "StudentT", "Exponential") else x
        together = model.fit(x).params_
        for j in range(3):
            alone = getattr(zh, name)().fit(x[:, j]).params_
            for parameter, value in alone.items():
                assert together[parameter][j] == pytest.approx(value, rel=1e-6, abs=1e-6)
        each = [getattr(zh, name)().fit(x[:, j]).score_samples(x[:5, j]) for j in range(3)]
        assert np.allclose(model.score_samples(x[:5]), np.sum(each, 0), rtol=1e-6)
        assert model.cdf(x[:5]).shape == (5, 3) and model.quantile([0.5]).shape == (1, 3)

    def test_criteria_are_their_definitions(self, name: str) -> None:
        x = drawn(name, 200)
        model = getattr(zh, name)().fit(x)
        assert model.n_parameters == len(TRUTH[name])
        total = model.score_samples(x).sum()
        assert model.aic(x) == pytest.approx(2 * len(TRUTH[name]) - 2 * total)
        assert model.bic(x) == pytest.approx(np.log(200) * len(TRUTH[name]) - 2 * total)

    def test_labels_have_a_density_each(self, name: str, tmp_path: Path) -> None:
        x, labels = drawn(name, 400), ["a", "b"] * 200
        model = getattr(zh, name)(random_state=0).fit(x, labels)
        assert list(model.params_) == ["a", "b"]
        alone = getattr(zh, name)().fit(x[1::2])
        assert model.params_["b"] == pytest.approx(alone.params_)
        assert np.allclose(model.cdf(x[:4], ["b"] * 4), alone.cdf(x[:4]))
        assert np.allclose(model.quantile([0.2, 0.5], y="b"), alone.quantile([0.2, 0.5]))
        assert model.n_parameters == 2 * len(TRUTH[name])
        with pytest.raises(ZaohuaError, match="give y too"):
            model.cdf(x)
        model.save(tmp_path / "run")
        assert zh.load(tmp_path / "run").params_ == model.params_


@pytest.mark.parametrize("name", ASCENDING)
class TestAscent:
    def test_it_finds_what_scipy_finds(self, name: str) -> None:
        x = drawn(name, 500)
        model = getattr(zh, name)().fit(x)
        found = model.log_density(model.densities_[0], x[:, None]).sum()
        if name == "NegativeBinomial":  # scipy has no fit of it: a fine grid of n with the mean as it is
            n = np.geomspace(2, 4, 2001)
            best = sum((x == value).sum() * stats.nbinom.logpmf(value, n, n / (n + x.mean())) for value in np.unique(x))
            assert found >= best.max() - 1e-9 and model.params_["n"] == pytest.approx(n[best.argmax()], rel=1e-3)
            return
        other = model.law.fit(x, **FIXED[name])
        assert found >= model.law.logpdf(x, *other).sum() - 1e-6

    def test_the_path_climbs_to_the_estimate(self, name: str) -> None:
        x = drawn(name, 500)
        model = getattr(zh, name)(keep_path=True).fit(x)
        assert {key: values[-1] for key, values in model.path_.items()} == pytest.approx(model.params_)
        steps = len(next(iter(model.path_.values())))
        heights = [
            model.log_density({key: np.array([values[step]]) for key, values in model.path_.items()}, x[:, None]).sum()
            for step in range(steps)
        ]
        assert steps >= 2 and (np.diff(heights) > 0).all()
        with pytest.raises(ZaohuaError, match=f"the path of this {name} was not kept: fit it with keep_path=True"):
            getattr(zh, name)().fit(x).path_  # noqa: B018 (a property)

    def test_many_columns_differ_as_standard_errors_say(self, name: str) -> None:
        model = getattr(zh, name)()
        x = drawn(name, (500, 200))
        found = model.estimate(x)
        truth = model.named(column(TRUTH[name])) if name != "NegativeBinomial" else column(TRUTH[name])
        wide = drawn(name, 100_000)[:, None]
        errors = np.sqrt(np.diag(np.linalg.inv(information(model, truth, wide))) / 500)
        for parameter, error in zip(model.fitted, errors, strict=True):
            assert 0.8 < np.median(np.abs(found[parameter] - TRUTH[name][parameter])) / (0.6745 * error) < 1.25


def test_counts_that_vary_less_than_poissons_get_poissons_distribution() -> None:
    x = np.array([3.0, 4, 4, 5, 4, 3, 5, 4, 4, 4])
    model = zh.NegativeBinomial().fit(x)
    assert model.params_["n"] > 1e5
    assert model.score(x) == pytest.approx(zh.Poisson().fit(x).score(x), abs=1e-4)


def test_normal_data_give_student_many_degrees_of_freedom() -> None:
    x = stats.norm.ppf((np.arange(1000) + 0.5) / 1000)
    model = zh.StudentT().fit(x)
    assert model.params_["df"] > 100
    assert model.score(x) == pytest.approx(zh.Normal().fit(x).score(x), abs=1e-3)


def test_loc_is_0_unless_it_is_given() -> None:
    x = drawn("Gamma", 300)
    assert zh.Gamma().fit(x).params_["loc"] == 0
    moved = zh.Gamma(loc=-5.0).fit(x - 5)
    assert moved.params_ == pytest.approx({**zh.Gamma().fit(x).params_, "loc": -5})
    assert moved.sample(50, random_state=0).min() > -5
    with pytest.raises(ZaohuaError, match="loc must be between"):
        zh.Gamma(loc=float("nan")).fit(x)


class TestKernelDensity:
    def test_agrees_with_scipy(self) -> None:
        x = drawn("Gamma", 200)
        model = zh.KernelDensity(bandwidth=0.3).fit(x)
        other = stats.gaussian_kde(x, bw_method=0.3 / x.std(ddof=1))
        at = np.linspace(-2, 12, 50)
        assert np.allclose(model.score_samples(at), other.logpdf(at), atol=1e-10)
        assert np.allclose(model.cdf(at), [other.integrate_box_1d(-np.inf, v) for v in at], atol=1e-12)
        q = np.linspace(0, 1, 41)
        assert np.allclose(model.cdf(model.quantile(q[1:-1])), q[1:-1], atol=1e-12)
        assert model.quantile([0.0, 1.0]).tolist() == [-np.inf, np.inf]

    def test_has_silvermans_bandwidth(self) -> None:
        x = drawn("Normal", 500)
        low, high = np.quantile(x, [0.25, 0.75])
        model = zh.KernelDensity().fit(x)
        assert model.params_["bandwidth"] == pytest.approx(0.9 * min(x.std(), (high - low) / 1.34) * 500**-0.2)
        assert zh.KernelDensity().fit([0.0] * 9 + [1.0]).params_["bandwidth"] == pytest.approx(0.9 * 0.3 * 10**-0.2)

    def test_samples_come_from_it(self) -> None:
        model = zh.KernelDensity(random_state=0).fit(np.r_[drawn("Normal", 100), drawn("Normal", 50) + 20])
        assert stats.kstest(model.sample(1000, random_state=1), model.cdf).pvalue > 0.001

    def test_has_no_number_of_parameters(self) -> None:
        model = zh.KernelDensity().fit([1.0, 2.0])
        assert not any(hasattr(model, name) for name in ("n_parameters", "aic", "bic"))
        assert all(hasattr(zh.Normal(), name) for name in ("aic", "bic"))
        with pytest.raises(ZaohuaError, match="KernelDensity can't aic: it has no fixed number of parameters"):
            model.aic([1.0])


class TestWhatGoesIn:
    def test_comes_out(self) -> None:
        frame = pd.DataFrame({"a": drawn("Poisson", 100).astype(int), "b": drawn("Poisson", 100).astype("float32")})
        out = zh.Poisson(random_state=0).fit(frame).sample(5)
        assert list(out.columns) == ["a", "b"] and list(out.dtypes) == list(frame.dtypes)
        series = zh.Poisson(random_state=0).fit(frame["a"]).sample(5)
        assert isinstance(series, pd.Series) and series.name == "a" and series.dtype == frame["a"].dtype
        assert zh.Bernoulli(random_state=0).fit([True, False, True]).sample(4).dtype == bool
        assert zh.Normal(random_state=0).fit([1, 2, 4]).sample(4).dtype == int

    def test_is_not_cut_to_what_was_seen(self) -> None:
        model = zh.Normal(random_state=0).fit([1.25, 2.5])
        assert model.sample(200).max() > 2.5 and model.score_samples([9.0])[0] < model.score_samples([2.0])[0]
        assert zh.Uniform().fit([1.0, 2.0]).score_samples([3.0])[0] == -np.inf

    def test_tails_are_drawn(self) -> None:
        model = zh.Normal(random_state=0).fit([-1.0, 1.0])
        assert np.isfinite(model.sample(2000)).all()
        assert len(np.unique(model.sample(2000))) == 2000


MISTAKES = [
    ("Normal", np.empty(0), "there is nothing to fit, 0 sample"),
    ("Normal", [], "no items: the list is empty"),
    ("Normal", [1.0, np.nan, np.nan, np.inf], "2 NaN and 1 inf among the 4 values, the first in row 1: leave them out"),
    ("Normal", [2.5, 2.5], r"all values are 2.5 \(n_samples = 2\), which leaves nothing to fit"),
    ("Exponential", [0.0, 0.0], "all values are 0"),
    ("Exponential", [1.0, -2.0], r"takes numbers from 0 on, but row 1 holds -2 \(1 of 2 values are outside\)"),
    ("Gamma", [1.0, 0.0], "takes numbers above 0, but row 1 holds 0 .*give a loc below the least value instead of 0"),
    ("LogNormal", [1.0, -1.0], "takes numbers above 0, but row 1 holds -1"),
    ("Weibull", [1.0, 0.0, 0.0], r"row 1 holds 0 \(2 of 3"),
    ("Beta", [0.5, 1.0], r"takes numbers from 0 to 1 without these ends, but row 1 holds 1 .*\(x - low\)"),
    ("Poisson", [1.0, 2.5], "takes whole numbers from 0 on, but row 1 holds 2.5 .*round them"),
    ("NegativeBinomial", [1, -1], "row 1 holds -1"),
    ("NegativeBinomial", [0, 0], "all values are 0"),
    ("Geometric", [0, 1], "takes whole numbers from 1 on, but row 0 holds 0 .*add 1 where failures"),
    ("Geometric", [1, 1], "all values are 1"),
    ("Bernoulli", [0, 2], "takes whole numbers from 0 to 1, but row 1 holds 2 .*encode yes as 1"),
    ("Bernoulli", [1, 1], "all values are 1"),
    ("StudentT", [1.0, 1.0, 1.0, 1.0, 2.0], "likelihood has no maximum that could be found"),
    ("Normal", pd.DataFrame({"a": [1.0, 2.0], "city": ["Paris", "Rome"]}), "column 'city' holds 'Paris' in row 0"),
    ("LogNormal", pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 0.0]}), "row 1 of column 'b' holds 0"),
    ("Normal", pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, None]}), "1 NaN among the 2 values of column 'b'"),
    ("Normal", np.array([[1.0, 2.0], [2.0, 2.0]]), "all values of column 1 are 2"),
]


@pytest.mark.parametrize(("name", "x", "message"), MISTAKES)
def test_mistakes_are_named_with_a_remedy(name: str, x: Any, message: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ZaohuaError, match=message) as caught:
            getattr(zh, name)().fit(x)
    assert "\n" not in str(caught.value)


def test_mistakes_after_fitting() -> None:
    model = zh.Normal().fit([1.0, 2.0])
    with pytest.raises(ZaohuaError, match="Normal: 1 NaN among the 2 values, the first in row 1"):
        model.score_samples([1.0, np.nan])
    for wrong in (2, [-0.1], [np.nan], [[0.5]]):
        with pytest.raises(ZaohuaError, match="q must be a list of probabilities between 0 and 1"):
            model.quantile(wrong)
    with pytest.raises(ZaohuaError, match="label 'b': Normal: all values are 3"):
        zh.Normal().fit([1.0, 2.0, 3.0, 3.0], ["a", "a", "b", "b"])


NOT_APPLYING = {
    "check_fit_non_negative": "negative numbers are moved to where the distribution has a density: see the test",
    "check_fit1d": "numbers in a list or a series are what most people have: one column of them",
    "check_dtype_object": "a cell that holds no number is a ZaohuaError that names column and row, no TypeError",
    "check_positive_only_tag_during_fit": "our error names the first negative value; and Student's t has no maximum on "
    "data most of which are equal, as irises' petals are",
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_is_a_scikit_learn_estimator(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """scikit-learn's own checks, whose numbers are moved to where the distribution has a density."""
    model, encode = getattr(zh, name)(random_state=0), NumberCodec.encode
    support = model.support

    def moved(codec: NumberCodec, items: Any) -> torch.Tensor:
        x = encode(codec, items)
        part = torch.remainder(x * 7.3, 1)
        if support.integer:
            return support.low + torch.remainder(torch.floor(64 * part), min(4, support.high - support.low + 1))
        if support.low == -np.inf:
            return x
        return 0.01 + 0.98 * part if x.isfinite().all() else x

    monkeypatch.setattr(NumberCodec, "encode", moved)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(model, expected_failed_checks=NOT_APPLYING, on_skip=None)
