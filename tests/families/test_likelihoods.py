"""Likelihoods against closed forms: sums to one, scipy, scikit-learn, a linear-Gaussian VAE, a mixture's flow."""

from __future__ import annotations

import math
import tracemalloc
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

import zaohua as zh
from tests.families.oracles import PLANE
from zaohua.core.noise import BatchNoise
from zaohua.core.spec import DataSpec, Feature
from zaohua.families import ode
from zaohua.families.likelihoods import BernoulliLikelihood, DiscretizedLogistic, GaussianLikelihood
from zaohua.families.schedules import RectifiedFlow
from zaohua.modalities.datasets import load


@pytest.fixture(scope="module")
def continuous() -> np.ndarray:
    """Float pictures of 2 x 3 correlated pixels around 10, which no codec can take for levels."""
    rng = np.random.default_rng(0)
    return (10 + rng.normal(size=(500, 6)) @ rng.normal(size=(6, 6))).reshape(500, 2, 3)


@pytest.mark.parametrize("levels", [3, 17, 256])
def test_discretized_logistic_sums_to_one(levels: int) -> None:
    x = torch.linspace(-1, 1, levels).view(-1, 1, 1, 1)
    for mean, log_scale in ((0.0, 2.0), (0.9, -4.0), (-3.0, 0.0), (0.3, -20.0), (5.0, 5.0)):
        parameters = torch.tensor([mean, log_scale]).view(1, 2, 1, 1).expand(levels, 2, 1, 1)
        total = torch.logsumexp(DiscretizedLogistic(levels).log_prob(parameters, x).double(), 0)
        assert total.item() == pytest.approx(0, abs=2e-4)


def test_bernoulli_sums_to_one() -> None:
    x, logit = torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1), torch.full((2, 1, 1, 1), 0.7)
    assert torch.logsumexp(BernoulliLikelihood().log_prob(logit, x), 0).item() == pytest.approx(0, abs=1e-6)
    assert BernoulliLikelihood().mean(logit)[0].item() == pytest.approx(2 * torch.sigmoid(torch.tensor(0.7)).item() - 1)


def test_gaussian_likelihood_is_a_density_per_item_unit() -> None:
    spec = DataSpec(("height", "width"), (1, 1), (Feature("pixel", "real", 1, None, scale=50.0),))
    log_p = GaussianLikelihood(spec).log_prob(torch.tensor([0.2, 2.6]).view(1, 2, 1, 1), torch.full((1, 1, 1, 1), 0.5))
    assert log_p.item() == pytest.approx(scipy.stats.norm(10, 50 * math.exp(0.3)).logpdf(25), abs=1e-5)


def test_draws_follow_their_likelihood() -> None:
    noise = BatchNoise(0, 4000)
    parameters = torch.tensor([0.1, 0.5]).view(1, 2, 1, 1).expand(4000, 2, 1, 1)
    x = DiscretizedLogistic(256).draw(parameters, noise).flatten()
    assert x.mean().item() == pytest.approx(0.1, abs=0.03)
    assert BernoulliLikelihood().draw(parameters[:, :1], noise).mean().item() == pytest.approx(
        math.tanh(0.05), abs=0.05
    )


def test_gaussian_agrees_with_scipy(continuous: np.ndarray) -> None:
    model = zh.Gaussian(reg_covar=0.0).fit(continuous)
    flat = continuous.reshape(500, 6)
    exact = scipy.stats.multivariate_normal(flat.mean(0), np.cov(flat.T, bias=True)).logpdf(flat)
    assert np.allclose(model.score_samples(continuous), exact, atol=1e-4)  # items travel as float32
    density = model.densities_[0]
    x = np.random.default_rng(1).normal(size=(20, 6))
    exact = scipy.stats.multivariate_normal(density["mean"], density["factor"] @ density["factor"].T).logpdf(x)
    assert np.allclose(model.log_density(density, x), exact, rtol=0, atol=1e-6)


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_gmm_agrees_with_scikit_learn(continuous: np.ndarray, covariance: Any) -> None:
    model = zh.GMM(n_components=3, covariance=covariance, random_state=0).fit(continuous)
    x = model.codec_.prepare(model.codec_.encode(continuous), BatchNoise(0, 500)).flatten(1).double().numpy()
    peer = GaussianMixture(3, covariance_type=covariance, reg_covar=1e-6, random_state=0).fit(x)
    assert np.allclose(
        model.score_samples(continuous) + model.spec_.log_volume, peer.score_samples(x), rtol=0, atol=1e-6
    )
    draws = model.generate(model.densities_[0], BatchNoise(0, 4000))
    weights, means = peer.weights_, peer.means_
    assert np.allclose(draws.mean(0), weights @ means, atol=5 * draws.std(0).max() / math.sqrt(4000))
    assert np.allclose(np.cov(draws.T), np.cov(peer.sample(4000)[0].T), atol=0.02)


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_sampling_a_gmm_takes_no_matrix_for_each_sample(covariance: Any) -> None:
    n, size = 64, 16 * 16
    x = np.random.default_rng(0).random((600, 16, 16)).astype(np.float32)
    model = zh.GMM(n_components=2, covariance=covariance, random_state=0).fit(x)
    model.sample(1)
    tracemalloc.start()
    model.sample(n)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n * size**2 * 8 / 8  # two factors and some rows; a factor for each sample takes n D^2 numbers


def test_densities_of_one_class_each() -> None:
    x, y = load("digits", "train")
    model = zh.Gaussian().fit(x, y)
    only = zh.Gaussian(codec=model.codec_).fit(x[np.array(y) == 3])
    assert np.allclose(model.score_samples(x[:20], [3] * 20), only.score_samples(x[:20]))


# ---- the VAE's bound, where it is known


class Posterior(nn.Module):
    """The exact posterior of z for x = W z + s e: N(M^-1 W^T x / s^2, M^-1), M = W^T W / s^2 + 1, W orthogonal."""

    def __init__(self, w: Tensor, s: float, off: float = 0.0):
        super().__init__()
        self.w, self.s, self.off = w, s, off

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        precision = (self.w**2).sum(0) / self.s**2 + 1
        mean = x.flatten(1) @ self.w / self.s**2 / precision
        return torch.cat([mean + self.off, -torch.log(precision).expand_as(mean)], dim=1)


class Linear(nn.Module):
    """W z, and the likelihood's log variance, as an image of (2, 2) pixels."""

    def __init__(self, w: Tensor, s: float):
        super().__init__()
        self.w, self.s = w, s

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        mean = (z @ self.w.T).view(-1, 1, 2, 2)
        return torch.cat([mean, torch.full_like(mean, 2 * math.log(self.s) + 2)], dim=1)


@pytest.mark.parametrize("k", [1, 7, 3000])
def test_importance_weighted_bound_of_a_linear_model(k: int) -> None:
    w, s = torch.tensor([[1.0, 0.5], [0.5, -1.0], [0.2, 0.0], [0.0, 0.2]]), 0.5
    x = torch.randn(400 if k < 100 else 5, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    exact = scipy.stats.multivariate_normal(np.zeros(4), (w @ w.T + s**2 * torch.eye(4)).numpy()).logpdf(x.flatten(1))
    model = zh.VAE(latent_dim=2, score_importance_samples=k)
    model.spec_ = DataSpec(("height", "width"), (2, 2), (Feature("pixel", "real", 1),))
    noise = BatchNoise(0, len(x))
    model.nets_ = nn.ModuleDict({"encoder": Posterior(w, s), "decoder": Linear(w, s)})
    assert np.allclose(model.log_prob(x, None, noise), exact, atol=1e-4)  # the true posterior makes it tight
    model.nets_["encoder"] = Posterior(w, s, off=0.3)
    gap = exact - model.log_prob(x, None, noise).numpy()
    kl = 0.5 * 0.3**2 * ((w**2).sum(0) / s**2 + 1).sum().item()
    assert gap.mean() == pytest.approx(kl, rel=0.15) if k == 1 else gap.mean() < kl / 2
    if k == 3000:
        assert abs(gap).max() < 0.05
    loss = model.loss(model.nets_, SimpleNamespace(x=x, y=None, noise=noise, progress=1.0), "vae")
    if k == 1:  # the negative ELBO lies above the negative log-likelihood by the KL
        assert (loss.numpy() + exact).mean() == pytest.approx(kl, rel=0.4)


# ---- the flow's likelihood, where it is known


def test_ode_likelihood_of_a_mixture_is_exact() -> None:
    predict = PLANE.predict(RectifiedFlow())

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        data, noise = predict(x, t.clamp(1e-6, 1 - 1e-6))
        return noise - data

    x = torch.tensor([[-0.6, 0.4], [0.5, -0.2], [0.0, 0.0], [0.9, 0.5]], dtype=torch.float64)
    exact = PLANE.log_prob(x)
    assert torch.allclose(ode.log_prob(velocity, x, 100, None), exact, atol=2e-3)  # 1e-3 nats a dimension
    probes = torch.rand(4, 300, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64).sub(0.5).sign()
    v, estimate = ode.divergence(velocity, x, torch.tensor(0.5, dtype=torch.float64), probes)
    _, trace = ode.divergence(velocity, x, torch.tensor(0.5, dtype=torch.float64), None)
    assert torch.allclose(v, velocity(x, torch.tensor(0.5, dtype=torch.float64)))
    assert torch.allclose(estimate, trace, atol=0.3)


def test_flow_travels_to_noise_and_back() -> None:
    x, y = load("digits", "train")
    model = zh.Flow(random_state=0, channels=16, max_steps=30).fit(x, y)
    assert np.array_equal(model.inverse_transform(model.transform(x[:4], y[:4]), y[:4]), x[:4])


def test_guidance_is_a_line_from_null_to_condition() -> None:
    x, y = load("digits", "train")
    model = zh.EDM(random_state=0, channels=16, max_steps=10, condition_dropout=0.5, device="cpu").fit(x, y)
    x_t, label = torch.randn(3, 1, 8, 8), torch.tensor([1, 2, 3])
    with torch.no_grad():
        model.guidance = 1.0
        null, plain = model.denoiser()(x_t, 0.02)[0], model.denoiser(label)(x_t, 0.02)[0]
        model.guidance = 0.0
        assert torch.allclose(model.denoiser(label)(x_t, 0.02)[0], null, atol=1e-5)
        model.guidance = 0.5
        assert torch.allclose(model.denoiser(label)(x_t, 0.02)[0], (null + plain) / 2, atol=1e-4)


def test_guidance_amid_much_noise_and_little_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """x + 80 t e: at t = 0.02 the noise is 1.6 times the data. Without guidance only half the rows are looked at."""
    x, y = load("digits", "train")
    model = zh.EDM(random_state=0, channels=16, max_steps=10, guidance=0.5, device="cpu").fit(x, y)
    x_t, label, rows = torch.randn(3, 1, 8, 8), torch.tensor([1, 2, 3]), []
    predict = model.predict

    def counted(net: Any, x_t: torch.Tensor, *given: Any) -> Any:
        rows.append(len(x_t))
        return predict(net, x_t, *given)

    monkeypatch.setattr(model, "predict", counted)
    with torch.no_grad():
        for above, below in ((1.5, 1.7), (1.7, None), (0.3, 1.5), (0.0, None)):
            model.guidance_above, model.guidance_below = above, below
            model.denoiser(label)(x_t, 0.02)
        model.guidance_above, model.guidance_below = 0.3, 3.0
        model.sample(3, y=[1, 2, 3], steps=18)
    within = sum(0.3 < 80 * float(t) < 3 for t in model.times(18))
    assert rows[:4] == [6, 3, 3, 6]
    assert sum(rows[4:]) == 3 * (35 + 2 * within)  # Heun's method sees each time twice, but the first and the last


def test_edm_preconditioning_at_its_ends() -> None:
    """With next to no noise the input is the answer; with much of it, the network's output is (equation 7)."""
    model = zh.EDM()
    x = torch.randn(2, 1, 4, 4)

    def net(x: Tensor, *_: Any) -> Tensor:
        return torch.full_like(x, 0.25)

    for sigma, expected in ((1e-4, x), (79.0, torch.full_like(x, 0.25 * 0.5))):
        data, e = model.predict(net, x, torch.full((2,), sigma / 80), None)
        assert torch.allclose(data, expected, atol=2e-3)
        assert torch.allclose(x, data + sigma * e, atol=1e-4)
