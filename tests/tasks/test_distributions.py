"""Rankings of distributions, their p values and pictures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import zaohua as zh
from zaohua.cli import main
from zaohua.core.errors import ZaohuaError
from zaohua.families.univariate.rounded import Rounding, rounding_of
from zaohua.tasks import distribution_plots, distributions
from zaohua.tasks.goodness import LARGEST, goodness, kolmogorov_smirnov, rounded_kolmogorov_smirnov


def gamma(n: int = 400, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2.0, 1.5, n)


class TestRanking:
    @pytest.mark.parametrize(
        ("name", "x"),
        [
            ("Gamma", gamma(1000)),
            ("Normal", np.random.default_rng(1).normal(5, 2, 1000)),
            ("StudentT", np.random.default_rng(0).standard_t(3, 1000)),
            ("LogNormal", np.random.default_rng(0).lognormal(0, 1, 1000)),
            ("Beta", np.random.default_rng(0).beta(2, 0.7, 1000)),
            ("Weibull", np.random.default_rng(0).weibull(4, 1000)),
            ("Uniform", np.random.default_rng(0).uniform(2, 3, 1000)),
            ("Poisson", np.random.default_rng(0).poisson(4, 1000)),
            ("NegativeBinomial", np.random.default_rng(0).negative_binomial(3, 0.3, 1000)),
            ("Geometric", np.random.default_rng(0).geometric(0.3, 1000)),
            ("Bernoulli", np.random.default_rng(0).integers(0, 2, 1000)),
        ],
    )
    @pytest.mark.parametrize("by", ["aic", "bic"])
    def test_the_true_distribution_comes_first(self, name: str, x: np.ndarray, by: Any) -> None:
        found = distributions.rank(x, replicates=0, by=by)
        assert found.best.name == name
        criteria = [getattr(fit, by) for fit in found.fits]
        assert criteria == sorted(criteria) and found.n == 1000 and found.by == by

    def test_criteria_are_those_of_the_models(self) -> None:
        x = gamma()
        for fit in distributions.rank(x, replicates=0).fits:
            model = getattr(zh, fit.name)().fit(x)
            assert fit.aic == pytest.approx(model.aic(x)) and fit.bic == pytest.approx(model.bic(x))
            assert fit.numbers == pytest.approx(model.params_)

    def test_whole_numbers_stand_for_intervals_where_the_distribution_is_of_real_ones(self) -> None:
        x = np.random.default_rng(0).poisson(200, 500)
        fits = {fit.name: fit for fit in distributions.rank(x, replicates=0).fits}
        normal = stats.norm(**zh.Normal().fit(x).params_)
        chances = normal.cdf(x + 0.5) - normal.cdf(x - 0.5)
        assert fits["Normal"].log_likelihood == pytest.approx(np.log(chances).sum())
        assert fits["Poisson"].log_likelihood == pytest.approx(zh.Poisson().fit(x).score_samples(x).sum())
        far = distributions.fit(zh.Normal(), np.r_[np.zeros(999), 1, 10_000], replicates=0)
        assert np.isfinite(far.log_likelihood)

    def test_it_says_why_others_are_left_out(self) -> None:
        found = distributions.rank([0.5, -1.0, 2.0], replicates=0)
        assert {fit.name for fit in found.fits} == {"Normal", "StudentT", "Uniform"}
        assert found.left_out["Gamma"].startswith("Gamma takes numbers above 0, but row 1 holds -1")
        assert found.left_out["Poisson"].startswith("Poisson takes whole numbers from 0 on, but row 0 holds 0.5")
        assert "no fixed number of parameters" in found.left_out["KernelDensity"]
        assert not found.notes

    def test_it_notes_that_whole_numbers_are_compared_with_densities(self) -> None:
        assert "intervals of length 1" in distributions.rank([1, 2, 2, 4], replicates=0).notes[0]

    def test_models_may_be_chosen(self) -> None:
        found = distributions.rank(gamma(), models=["weibull", zh.Gamma(loc=-1.0), "kernel-density"], replicates=0)
        assert {fit.name for fit in found.fits} == {"Weibull", "Gamma", "KernelDensity"}
        assert found.fits[-1].name == "KernelDensity" and found.fits[-1].aic is None

    def test_it_is_json(self) -> None:
        found = distributions.rank(gamma(50), replicates=20)
        assert json.loads(json.dumps(found.to_json()))["fits"][0]["goodness"]["test"] == "Kolmogorov-Smirnov"

    @pytest.mark.parametrize(
        ("x", "message"),
        [
            ([1.0, np.nan], "1 NaN among the 2 values, the first in row 1"),
            (np.zeros((3, 2)), r"one column of numbers, not to data of shape \(3, 2\)"),
            (pd.Series(["a", "b"], name="city"), "column 'city' holds 'a' in row 0"),
            (np.empty(0), "nothing to fit"),
            ([2.0, 2.0], "all values are 2"),
        ],
    )
    def test_mistakes(self, x: Any, message: str) -> None:
        with pytest.raises(ZaohuaError, match=message):
            distributions.rank(x, models=["normal"], replicates=0)

    def test_unknown_names_get_the_nearest(self) -> None:
        with pytest.raises(ZaohuaError, match="unknown distribution 'gama'; did you mean 'gamma'"):
            distributions.rank(gamma(), models=["gama"])
        assert type(distributions.find("StudentT")) is type(distributions.find("student_t")) is zh.StudentT


class TestGoodness:
    def test_the_statistic_is_scipys(self) -> None:
        x = gamma(137)
        law = stats.gamma(2.0, scale=1.5)
        assert kolmogorov_smirnov(law.cdf(x)[:, None])[0] == pytest.approx(stats.kstest(x, law.cdf).statistic)

    @pytest.mark.parametrize(
        ("model", "draw"),
        [
            (zh.Normal(), lambda rng: rng.normal(3, 2, 40)),
            (zh.Gamma(), lambda rng: rng.gamma(2, 1, 40)),
            (zh.Poisson(), lambda rng: rng.poisson(3, 60)),
            (zh.NegativeBinomial(), lambda rng: rng.negative_binomial(2, 0.4, 60)),
        ],
    )
    def test_p_values_are_uniform_under_the_truth(self, model: Any, draw: Callable[[Any], np.ndarray]) -> None:
        p = []
        for seed in range(80):
            found = goodness(model, draw(np.random.default_rng(seed)).astype(float), 49, seed)
            assert found is not None
            p.append(found.p)
        assert stats.kstest(p, "uniform").pvalue > 0.001
        assert abs(np.mean(np.array(p) <= 0.1) - 0.1) < 4 * (0.09 / 80) ** 0.5

    def test_p_values_of_many_numbers_are_uniform_too(self) -> None:
        n = 4 * LARGEST
        p = [goodness(zh.Normal(), np.random.default_rng(seed).normal(size=n), 39, seed).p for seed in range(60)]
        assert stats.kstest(p, "uniform").pvalue > 0.001

    @pytest.mark.parametrize(
        ("model", "x"),
        [
            (zh.Normal(), np.random.default_rng(0).exponential(size=300)),
            (zh.Poisson(), np.random.default_rng(0).negative_binomial(2, 0.3, 300).astype(float)),
        ],
    )
    def test_what_is_wrong_is_refused(self, model: Any, x: np.ndarray) -> None:
        found = goodness(model, x, 99)
        assert found is not None and found.p == 0.01

    def test_there_is_none_where_none_is_possible(self) -> None:
        assert goodness(zh.Bernoulli(), np.array([0.0, 1, 1, 0] * 20)) is None  # two cells, one parameter
        assert goodness(zh.KernelDensity(), gamma(20)) is None
        assert goodness(zh.Normal(), gamma(20), 0) is None

    def test_the_seed_makes_it_the_same(self) -> None:
        assert goodness(zh.Normal(), gamma(50), 50, 3) == goodness(zh.Normal(), gamma(50), 50, 3)


class TestRoundedNumbers:
    """Rounded numbers stand for intervals: in estimates, criteria and tests."""

    @pytest.mark.parametrize(
        ("x", "step"),
        [
            ([0.5, -1.0, 2.0], None),  # nothing repeats
            ([3.0, 1.0, 8.0], 1.0),
            ([1.5, 1.5, 2.5, 4.0], 0.5),
            ([10, 20, 20, 50], 10),
            (np.array([3, 7, 7, 12]) * 0.0123456789, 0.0123456789),
            ([0.0, 0.0, *np.random.default_rng(0).normal(size=50)], None),  # a spike, not a grid
            ([2.5, 2.5], None),
        ],
    )
    def test_steps_are_found(self, x: Any, step: float | None) -> None:
        found = rounding_of(np.asarray(x, float))
        assert (None if found is None else found.step) == pytest.approx(step)
        if found is not None:
            assert np.allclose(found.round(np.asarray(x, float)), x)

    @pytest.mark.parametrize("step", [1.0, 0.1])
    @pytest.mark.parametrize(
        ("model", "draw"),
        [
            (zh.Normal(), lambda rng, n: rng.normal(4, 1, n)),
            (zh.Gamma(), lambda rng, n: rng.gamma(1.0, 1.0, n)),  # most mass near the end of the support
            (zh.Uniform(), lambda rng, n: rng.uniform(0, 3.5, n)),
        ],
    )
    def test_the_truth_is_rejected_as_often_as_said(self, model: Any, draw: Any, step: float) -> None:
        p = []
        for seed in range(60):
            x = step * np.round(draw(np.random.default_rng(seed), 400) / step)
            p.append(goodness(model, x, 39, seed, rounding_of(x)).p)
        assert np.mean(np.array(p) <= 0.1) < 0.1 + 4 * (0.09 / 60) ** 0.5
        assert stats.kstest(p, "uniform").pvalue > 1e-4

    def test_what_is_wrong_is_still_refused(self) -> None:
        x = np.round(np.random.default_rng(0).exponential(20, 500))
        assert goodness(zh.Normal(), x, 99, 0, rounding_of(x)).p == 0.01

    def test_the_statistic_compares_ends_of_intervals(self) -> None:
        x, law = np.array([[0.0], [0.0], [1.0], [3.0]]), stats.norm(1, 1)
        expected = max(
            abs(share - law.cdf(edge)) for edge, share in [(-0.5, 0), (0.5, 0.5), (1.5, 0.75), (2.5, 0.75), (3.5, 1.0)]
        )
        assert rounded_kolmogorov_smirnov(x, law.cdf(x - 0.5), law.cdf(x + 0.5))[0] == pytest.approx(expected)

    @pytest.mark.parametrize("name", ["normal", "gamma", "weibull", "log-normal", "exponential", "student-t"])
    def test_the_probability_of_the_intervals_is_highest(self, name: str) -> None:
        x = np.round(np.random.default_rng(1).gamma(3, 1.2, 500)) + (name == "log-normal")
        fit = distributions.fit(distributions.find(name), x, replicates=0)
        grid = Rounding(1.0)
        for parameter in fit.model.fitted:
            for factor in (0.97, 1.03):
                other = {**fit.parameters, parameter: fit.parameters[parameter] * factor}
                worse = grid.log_probabilities(fit.model, other, x[:, None]).sum()
                assert worse <= fit.log_likelihood + 1e-6

    def test_a_die_is_uniform_between_half_and_six_and_a_half(self) -> None:
        fit = distributions.fit(zh.Uniform(), np.tile(np.arange(1, 7), 50), replicates=0)
        assert fit.numbers == pytest.approx({"loc": 0.5, "scale": 6.0})
        assert fit.log_likelihood == pytest.approx(300 * np.log(1 / 6))

    def test_coarse_rounding_does_not_widen_the_law(self) -> None:
        x = np.round(np.random.default_rng(0).normal(0, 1, 20_000))
        assert distributions.fit(zh.Normal(), x, replicates=0).numbers["scale"] == pytest.approx(1, abs=0.02)

    def test_a_spike_is_noted(self) -> None:
        rng = np.random.default_rng(0)
        x = np.where(rng.random(500) < 0.4, 0.0, rng.normal(5, 1, 500))
        (note,) = distributions.rank(x, replicates=0).notes
        assert "of the values are 0, of which" in note and note.startswith("35.6%")
        rounded = distributions.rank(np.round(x), replicates=0).notes
        assert "integers" in rounded[0] and "of the values are 0" in rounded[1]
        assert not distributions.rank(rng.normal(5, 1, 500), replicates=0).notes
        x = np.where(rng.random(300) < 0.4, 0.0, rng.gamma(2, 3, 300)).round(3)
        notes = distributions.rank(x, models=["Gamma"]).notes  # a Gamma that meets the zeros only
        assert "are 0, far more than any other (Gamma is rejected)" in notes[1]
        assert len(distributions.rank(rng.gamma(0.1, 10, 300).round(3), models=["Gamma"]).notes) == 1

    def test_missing_cells_are_left_out_on_the_command_line(self, tmp_path: Path, capsys: Any) -> None:
        ages = pd.DataFrame({"age": [*gamma(60), None, None], "k": 1})
        ages.to_csv(tmp_path / "t.csv", index=False)
        assert main(["fit-distribution", str(tmp_path / "t.csv"), "--column", "age", "--replicates", "0"]) == 0
        assert "left out 2 of 62 cells that are missing" in capsys.readouterr().err


class TestPictures:
    @pytest.mark.parametrize(
        ("name", "x"),
        [
            ("gamma", gamma(5000)),
            ("student-t", gamma()),
            ("poisson", np.arange(9.0)),
            ("poisson", np.arange(300.0)),
            ("kernel-density", gamma(50)),
        ],
    )
    def test_histogram_and_quantiles(self, name: str, x: np.ndarray, tmp_path: Path) -> None:
        fit = distributions.fit(distributions.find(name), x, replicates=10)
        figure = distribution_plots.picture(fit, x, "price")
        assert len(figure.axes) == 2 and figure.axes[0].get_xlabel() == "price"
        curve = figure.axes[0].lines[0]
        expected = np.exp(fit.model.log_densities(fit.parameters, np.asarray(curve.get_xdata())[:, None])[:, 0])
        assert np.allclose(curve.get_ydata(), expected)
        assert distribution_plots.save(figure, tmp_path / "deep" / "x.png").read_bytes().startswith(b"\x89PNG")

    def test_quantiles_of_a_perfect_fit_lie_on_the_line(self) -> None:
        x = stats.norm.ppf((np.arange(300) + 0.5) / 300)
        figure = distribution_plots.picture(distributions.fit(zh.Normal(), x, replicates=0), x)
        dots = figure.axes[1].lines[1]
        assert np.allclose(dots.get_xdata(), dots.get_ydata(), atol=0.02)

    def test_the_path_ends_where_the_likelihood_is_highest(self) -> None:
        x = gamma()
        fit = distributions.fit(zh.Weibull(), x, replicates=0)
        axes = distribution_plots.picture(fit, x, path=True).axes[2]
        assert np.allclose(axes.lines[0].get_xydata()[-1], [fit.numbers["c"], fit.numbers["scale"]])

    def test_mistakes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        x = gamma()
        fit = distributions.fit(zh.Normal(), x, replicates=0)
        with pytest.raises(ZaohuaError, match="Normal is fitted by a formula"):
            distribution_plots.picture(fit, x, path=True)
        with pytest.raises(ZaohuaError, match=r"written as \.png"):
            distribution_plots.save(distribution_plots.picture(fit, x), tmp_path / "x.docx")
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
        with pytest.raises(ZaohuaError, match=r"pip install 'zaohua\[plots\]'"):
            distribution_plots.picture(fit, x)
