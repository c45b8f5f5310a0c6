"""Draws and best guesses of noisy observations, against a mixture's posterior in closed form."""

from __future__ import annotations

import pytest
import torch

from tests.families.oracles import PLANE
from zaohua.core.noise import BatchNoise
from zaohua.families.posterior import Renoise
from zaohua.families.samplers import Ancestral
from zaohua.families.schedules import CosineSchedule, RectifiedFlow, VarianceExploding
from zaohua.operators.base import Identity, Observation
from zaohua.operators.masks import Mask
from zaohua.tasks.restore.ways import Once, way

SCHEDULES = {"flow": RectifiedFlow(), "cosine": CosineSchedule(end=1e-3), "edm": VarianceExploding(80.0)}
SEEN, SIGMA, N = torch.tensor([[-0.1, 0.2]], dtype=torch.float64), 0.4, 4096


class DoubleNoise(BatchNoise):
    """Noise in double precision, as the mixture is."""

    def normal(self, *shape: int) -> torch.Tensor:
        return super().normal(*shape).double()


def posterior() -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and covariance of p(x | x + sigma e = SEEN)."""
    weights = torch.softmax(PLANE.joint(SEEN, torch.tensor(1.0), torch.tensor(SIGMA))[0], 0)
    gain = PLANE.s**2 / (PLANE.s**2 + SIGMA**2)
    means = PLANE.m + gain[:, None] * (SEEN - PLANE.m)
    mean = weights @ means
    within = (weights * gain * SIGMA**2).sum() * torch.eye(2, dtype=torch.float64)
    return mean, within + (weights[:, None] * (means - mean)).T @ (means - mean)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_draws_have_the_moments_of_the_posterior(schedule: str) -> None:
    denoiser = PLANE.denoiser(SCHEDULES[schedule])
    chosen = way(denoiser, Observation(SEEN.expand(N, 2), Identity(), SIGMA), 1.0, 100)
    x = chosen.follow(denoiser, (2,), BatchNoise(0, N))
    mean, covariance = posterior()
    assert isinstance(chosen.sampler, Ancestral)
    assert float(((x.mean(0) - mean) / (covariance.diagonal() / N).sqrt()).abs().max()) < 4
    assert float((torch.cov(x.T) / covariance - 1).abs().max()) < 0.1


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_best_guess_is_the_mean_of_the_posterior(schedule: str) -> None:
    denoiser = PLANE.denoiser(SCHEDULES[schedule])
    chosen = way(denoiser, Observation(SEEN, Identity(), torch.tensor([[SIGMA]])), 0.0, 100)
    assert isinstance(chosen.sampler, Once) and len(chosen.times) == 2
    torch.testing.assert_close(chosen.follow(denoiser, (2,), BatchNoise(0, 1))[0], posterior()[0], rtol=0, atol=1e-6)


def test_all_else_is_renoised_from_noise() -> None:
    denoiser = PLANE.denoiser(RectifiedFlow())
    mask = Mask(torch.tensor([[True, False]]))
    for operator, sigma, gamma in ((mask, 0.0, 0.0), (mask, 0.3, 1.0), (Identity(), 0.3, 0.5)):
        chosen = way(denoiser, Observation(SEEN, operator, sigma), gamma, 7)
        assert isinstance(chosen.sampler, Renoise) and chosen.start is None and len(chosen.times) == 8
    uneven = way(denoiser, Observation(SEEN, Identity(), torch.tensor([[0.1, 0.2]])), 0.0, 7)
    assert isinstance(uneven.sampler, Renoise)


def weighted() -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and covariance given the first number with noise of 0.3 as 0.1, by importance weights."""
    generator = torch.Generator().manual_seed(0)
    which = torch.multinomial(PLANE.w, 200_000, True, generator=generator)
    x = torch.randn(200_000, 2, generator=generator, dtype=torch.float64)
    x = PLANE.m[which] + PLANE.s[which][:, None] * x
    weights = torch.softmax(-0.5 * ((x[:, 0] - 0.1) / 0.3) ** 2, 0)
    mean = weights @ x
    return mean, ((x - mean) * weights[:, None]).T @ (x - mean)


def test_draws_given_a_part_come_near_a_mixtures_posterior_with_more_steps() -> None:
    denoiser, (mean, covariance) = PLANE.denoiser(RectifiedFlow()), weighted()
    observation = Observation(
        torch.tensor([[0.1, 0.0]]).double().expand(N, 2), Mask(torch.tensor([[True, False]])), 0.3
    )
    off = []
    for steps in (5, 50, 200):
        x = way(denoiser, observation, 1.0, steps).follow(denoiser, (2,), DoubleNoise(1, N))
        off.append((float((x.mean(0) - mean).abs().max()), float((torch.cov(x.T) - covariance).abs().max())))
    assert off[0][0] > 2 * off[2][0] and off[0][1] > 2 * off[2][1]
    assert off[2][0] < 0.05 and off[2][1] < 0.02  # of deviations of 0.30 and 0.34
