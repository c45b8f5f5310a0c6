"""Restoration by renoising, against posteriors in closed form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.families.oracles import PLANE, Mixture
from tests.operators.cases import Dense, matrix
from zaohua.core.noise import BatchNoise
from zaohua.estimator.denoiser import Denoiser, NoiseSchedule
from zaohua.families.posterior import Renoise, isotropic, time_of
from zaohua.families.schedules import CosineSchedule, RectifiedFlow, VarianceExploding
from zaohua.operators.base import Identity, Observation, Operator
from zaohua.operators.blur import Blur, Kernel, MotionBlur
from zaohua.operators.chain import Chain
from zaohua.operators.frequencies import Band, Resample
from zaohua.operators.levels import Grey
from zaohua.operators.masks import Mask
from zaohua.operators.resizing import Bicubic, Downscale

N = 4096
SHAPE = (3, 2, 4)
SIZE = 24


class Normal:
    """A normal distribution of items of SHAPE, with its own covariance."""

    def __init__(self, mean: Tensor, covariance: Tensor) -> None:
        self.mean, self.covariance = mean, covariance

    def given(self, schedule: NoiseSchedule, t: Tensor) -> tuple[Tensor, Tensor]:
        """The gain K and the covariance of x given x_t."""
        alpha, sigma = schedule.alpha(t), schedule.sigma(t)
        total = alpha**2 * self.covariance + sigma**2 * torch.eye(SIZE, dtype=torch.float64)
        gain = alpha * torch.linalg.solve(total, self.covariance).T
        rest = self.covariance - alpha * gain @ self.covariance
        return gain, (rest + rest.T) / 2 + 1e-12 * torch.eye(SIZE, dtype=torch.float64)

    def denoiser(self, schedule: NoiseSchedule) -> Denoiser:
        def predict(x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            alpha, gain = schedule.alpha(t), self.given(schedule, t)[0]
            data = self.mean + (x_t.flatten(1) - alpha * self.mean) @ gain.T
            return data.view_as(x_t), x_t * 0

        return Denoiser(schedule, predict)

    def posterior(self, a: Tensor, seen: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """Mean and covariance given seen = a x + sigma e."""
        total = a @ self.covariance @ a.T + sigma**2 * torch.eye(len(a), dtype=torch.float64)
        gain = torch.linalg.solve(total, a @ self.covariance).T
        return self.mean + gain @ (seen - a @ self.mean), self.covariance - gain @ a @ self.covariance


def normal() -> Normal:
    generator = torch.Generator().manual_seed(3)
    root = torch.randn(SIZE, SIZE, generator=generator, dtype=torch.float64) / SIZE**0.5
    mean = torch.randn(SIZE, generator=generator, dtype=torch.float64) / 2
    return Normal(mean, root @ root.T + 0.05 * torch.eye(SIZE, dtype=torch.float64))


HALF = torch.arange(4).lt(2).expand(1, *SHAPE)
OPERATORS: dict[str, Operator] = {
    "identity": Identity(),
    "mask": Mask(HALF),
    "downscale": Downscale(factor=2),
    "grey": Grey(),
    "bicubic": Bicubic(factor=2),
    "resample": Resample(rate=0.6),
    "band": Band(cutoff=0.5),
    "blur": Blur(sigma=0.7),
    "motion": MotionBlur(length=3.0, angle=30.0),
    "kernel": Kernel(torch.tensor([[0.1, 0.2, 0.3, 0.1, 0.3]])),
    "blur and mask": Chain((Blur(sigma=0.5), Mask(HALF))),
}
SCHEDULES = {"flow": RectifiedFlow(), "cosine": CosineSchedule(end=1e-4), "edm": VarianceExploding(500.0)}
CASES = [
    *((name, path, steps) for name in ("mask", "downscale") for path in SCHEDULES for steps in (1, 3, 10)),
    *((name, "flow", steps) for name in ("identity", "grey", "bicubic", "resample") for steps in (1, 10)),
    *((name, "flow", steps) for name in ("band", "blur") for steps in (1, 3)),
    *((name, "flow", 2) for name in ("motion", "kernel", "blur and mask")),
]
"""Operators, paths and numbers of steps; fewer of what takes long."""


def draws(denoiser: Denoiser, sampler: Renoise, steps: int, n: int = N) -> Tensor:
    noise = BatchNoise(1, n)
    start = denoiser.start(noise.normal(*SHAPE).double())
    return sampler.sample(denoiser, denoiser.times(steps), start, noise)


def assert_moments(x: Tensor, mean: Tensor, covariance: Tensor) -> None:
    """Mean and variances of draws within 4 standard errors (a few more for the largest of many)."""
    x, variance = x.flatten(1), covariance.diagonal().clamp(min=1e-9)
    wrong = (x.mean(0) - mean).abs() / (variance / len(x)).sqrt()
    assert float(wrong.max()) < 4
    spread = (x.var(0) / variance - 1).abs() / (2 / len(x)) ** 0.5
    assert float(spread[variance > 1e-6].max()) < 4


@pytest.mark.parametrize(("name", "schedule", "steps"), CASES)
def test_gaussian_posterior_is_exact_at_any_number_of_steps(name: str, schedule: str, steps: int) -> None:
    prior, path, operator, sigma = normal(), SCHEDULES[schedule], OPERATORS[name], 0.3
    truth = prior.mean + torch.linalg.cholesky(prior.covariance) @ torch.linspace(-1, 1, SIZE, dtype=torch.float64)
    seen = operator(truth.view(1, *SHAPE)) + 0.1
    mean, covariance = prior.posterior(matrix(operator, SHAPE), seen.flatten(), sigma)
    sampler = Renoise(
        Observation(seen.expand(N, *seen.shape[1:]), operator, sigma),
        gamma=1.0,
        spread=lambda schedule, t: Dense(prior.given(schedule, t)[1]),
    )
    assert_moments(draws(prior.denoiser(path), sampler, steps), mean, covariance)


@pytest.mark.parametrize("name", OPERATORS)
def test_standard_normal_prior_is_exact_with_the_isotropic_covariance(name: str) -> None:
    prior, operator = Normal(torch.zeros(SIZE).double(), torch.eye(SIZE).double()), OPERATORS[name]
    seen = operator(torch.linspace(-1, 1, SIZE, dtype=torch.float64).view(1, *SHAPE))
    mean, covariance = prior.posterior(matrix(operator, SHAPE), seen.flatten(), 0.5)
    given = Observation(seen.expand(N, *seen.shape[1:]), operator, 0.5)
    sampler = Renoise(given, gamma=1.0, spread=isotropic(1.0))
    assert_moments(draws(prior.denoiser(RectifiedFlow()), sampler, 4), mean, covariance)


def test_best_guess_of_a_seen_value_without_noise_is_that_value() -> None:
    prior, operator = normal(), OPERATORS["mask"]
    seen = operator(torch.linspace(-1, 1, SIZE, dtype=torch.float64).view(1, *SHAPE))
    x = draws(prior.denoiser(RectifiedFlow()), Renoise(Observation(seen, operator)), 4, n=1)
    assert torch.equal(operator(x), seen)


def test_denoising_is_one_evaluation_at_the_matching_time() -> None:
    mixture = Mixture([0.3, 0.7], [[-0.6, 0.4], [0.5, -0.2]], [0.15, 0.3])
    seen = torch.tensor([[0.1, 0.3], [-0.5, 0.5]], dtype=torch.float64)
    guesses = []
    for schedule in SCHEDULES.values():
        denoiser = mixture.denoiser(schedule)
        t = time_of(denoiser, 0.4)
        assert float(schedule.sigma(t) / schedule.alpha(t)) == pytest.approx(0.4)
        guesses.append(denoiser(seen * schedule.alpha(t), t)[0])
    post = torch.softmax(mixture.joint(seen, torch.tensor(1.0), torch.tensor(0.4)), 1)
    shrunk = mixture.m + (mixture.s**2 / (mixture.s**2 + 0.16))[:, None] * (seen[:, None] - mixture.m)
    exact = (post[:, :, None] * shrunk).sum(1)
    for guess in guesses:
        torch.testing.assert_close(guess, exact, rtol=1e-6, atol=1e-6)


def test_isotropic_covariance_is_that_of_the_data_at_full_noise() -> None:
    covariance = isotropic(0.5)(RectifiedFlow(), torch.ones((), dtype=torch.float64))
    torch.testing.assert_close(covariance.times(torch.ones(1, 2)), torch.full((1, 2), 0.25))


class Mean(Operator):
    """The mean of a pair."""

    def __call__(self, x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True)

    def gram(self, shape: tuple[int, ...]) -> float:
        return 0.5


@pytest.mark.parametrize(("steps", "bias", "spread"), [(30, 0.4, 0.2), (150, 0.3, 0.15)])
def test_mixture_is_nearly_right_and_nearer_with_more_steps(steps: int, bias: float, spread: float) -> None:
    """The error of a prediction isn't normal for a mixture, so the steps are exact in the limit only.

    Bounds are in standard deviations of the posterior, which importance weights of draws from the prior tell.
    """
    generator, denoiser, n = torch.Generator().manual_seed(0), PLANE.denoiser(RectifiedFlow()), 1500
    which = torch.multinomial(PLANE.w, 100_000, True, generator=generator)
    noise = torch.randn(len(which), 2, generator=generator, dtype=torch.float64)
    prior = PLANE.m[which] + PLANE.s[which][:, None] * noise
    for operator, value, sigma in [(Mask(HALF[0, 0, 0, 1:3]), 0.1, 0.1), (Mask(HALF[0, 0, 0, 1:3]), -0.3, 0.3),
                                   (Mean(), 0.0, 0.2), (Mean(), -0.3, 0.3)]:  # fmt: skip
        seen = operator(torch.full((1, 2), value, dtype=torch.float64))
        weights = torch.softmax(-(operator(prior) - seen).square().sum(1) / (2 * sigma**2), 0)
        mean = weights @ prior
        deviation = (weights @ (prior - mean).square()).sqrt()
        source, given = BatchNoise(1, n), Observation(seen.expand(n, -1), operator, sigma)
        sampler = Renoise(given, gamma=1.0, spread=isotropic(1.0))
        x = sampler.sample(denoiser, denoiser.times(steps), denoiser.start(source.normal(2).double()), source)
        assert float(((x.mean(0) - mean) / deviation).abs().max()) < bias
        assert float((x.std(0) / deviation - 1).abs().max()) < spread
