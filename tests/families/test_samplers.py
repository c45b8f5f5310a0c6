"""Every path x sampler against a Gaussian mixture whose denoiser is known: moments, and order of convergence."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from tests.families.oracles import PLANE
from tests.trainings import digits, make
from zaohua.core import hardware
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import BatchNoise, ItemNoise, Noise
from zaohua.estimator.denoiser import NoiseSchedule
from zaohua.families.samplers import SAMPLERS, Ancestral, DPMSolverPP2M
from zaohua.families.schedules import CosineSchedule, LinearSchedule, RectifiedFlow, VarianceExploding
from zaohua.models.edm import EDM

SCHEDULES = {
    "straight": RectifiedFlow(),
    "exploding": VarianceExploding(80.0),
    "cosine": CosineSchedule(),
    "linear": LinearSchedule(),
}


class Double(BatchNoise):
    """Noise in double precision, so that the error measured is the sampler's."""

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(self.n, *shape, generator=self.generator, dtype=torch.float64)


def times_of(schedule: str, n: int) -> torch.Tensor:
    return EDM().times(n) if schedule == "exploding" else torch.linspace(1, 0, n + 1, dtype=torch.float64)


def draw(sampler: str, schedule: str, n: int, times: torch.Tensor) -> torch.Tensor:
    noise = Double(0, n)
    x = noise.normal(2) * SCHEDULES[schedule].sigma(times[0])
    return SAMPLERS[sampler]().sample(PLANE.denoiser(SCHEDULES[schedule]), times, x, noise)


def loop(sampler: str, schedule: NoiseSchedule, times: torch.Tensor, x: torch.Tensor, noise: Noise) -> torch.Tensor:
    """Each sampler as one loop over all times, written from its paper's equations: what `step` must amount to."""
    predict = PLANE.predict(schedule)

    def move(x_t: torch.Tensor, x: torch.Tensor, e: torch.Tensor, t: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
        return x_t + (schedule.alpha(s) - schedule.alpha(t)) * x + (schedule.sigma(s) - schedule.sigma(t)) * e

    before, h_before = x, torch.tensor(math.inf)
    for t, s in pairwise(times):
        data, e = predict(x, t)
        alpha_t, alpha_s, sigma_t, sigma_s = schedule.alpha(t), schedule.alpha(s), schedule.sigma(t), schedule.sigma(s)
        if sampler in ("euler", "ddim"):
            x = move(x, data, e, t, s)
        elif sampler == "midpoint":
            half = (t + s) / 2
            x = move(x, *predict(move(x, data, e, t, half), half), t, s)
        elif sampler == "heun":
            ahead = move(x, data, e, t, s)
            if sigma_s > 0:
                data_s, e_s = predict(ahead, s)
                ahead = move(x, (data + data_s) / 2, (e + e_s) / 2, t, s)
            x = ahead
        elif sampler == "dpmpp_2m":
            shrink = (sigma_s * alpha_t) / (sigma_t * alpha_s)
            h, guess = -torch.log(shrink), data
            if sigma_s > 0 and torch.isfinite(h_before):
                guess = data + (data - before) * h / (2 * h_before)
            x = sigma_s / sigma_t * x + alpha_s * (1 - shrink) * guess
            before, h_before = data, h
        else:
            kept = (sigma_s * alpha_t / (alpha_s * sigma_t)) ** 2
            fresh = sigma_s**2 * (1 - kept)
            x = alpha_s * data + torch.sqrt((sigma_s**2 - fresh).clamp(min=0)) * e
            if sigma_s > 0:
                x = x + torch.sqrt(fresh) * noise.normal(*x.shape[1:])
    return x


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_steps_amount_to_the_whole_loop_bit_for_bit(sampler: str, schedule: str) -> None:
    noise, times = Double(0, 50), times_of(schedule, 12)
    x = noise.normal(2) * SCHEDULES[schedule].sigma(times[0])
    assert torch.equal(draw(sampler, schedule, 50, times), loop(sampler, SCHEDULES[schedule], times, x, noise))


def test_a_multistep_sampler_begins_anew_where_a_step_does_not_go_on_from_the_last() -> None:
    """A jump back in time, as RePaint's, leaves nothing to extrapolate from: the next step is of first order."""
    denoiser, (a, b, c) = PLANE.denoiser(CosineSchedule()), torch.tensor([0.8, 0.6, 0.4], dtype=torch.float64)
    x = Double(0, 20).normal(2)
    first = DPMSolverPP2M().step(denoiser, x, b, c)
    sampler = DPMSolverPP2M()
    sampler.step(denoiser, x, a, b)
    assert not torch.allclose(sampler.step(denoiser, x, b, c), first)
    sampler = DPMSolverPP2M()
    sampler.step(denoiser, x, a, c)
    assert torch.equal(sampler.step(denoiser, x, b, c), first)


def test_a_random_sampler_asks_for_noise() -> None:
    denoiser, x = PLANE.denoiser(CosineSchedule()), torch.zeros(1, 2, dtype=torch.float64)
    with pytest.raises(ZaohuaError, match="pass noise"):
        Ancestral().sample(denoiser, denoiser.times(2), x)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("sampler", ["euler", "midpoint", "heun", "dpmpp_2m", "ancestral"])
def test_moments_of_a_mixture(sampler: str, schedule: str) -> None:
    n, steps = 4_000, 200 if sampler in ("euler", "ancestral") else 40
    x = draw(sampler, schedule, n, times_of(schedule, steps))
    standard_error = PLANE.cov.diag().sqrt() / math.sqrt(n)
    assert ((x.mean(0) - PLANE.mean).abs() < 5 * standard_error + 0.008).all()
    assert torch.allclose(x.T.cov(), PLANE.cov, atol=0.025)
    left = (x[:, 0] < 0).double().mean()  # the blobs' shares, which moments alone could miss
    exact = 0.5 * torch.special.erfc(PLANE.m[:, 0] / PLANE.s / math.sqrt(2)) @ PLANE.w
    assert abs(left - exact) < 5 * math.sqrt(exact * (1 - exact) / n) + 0.008


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("sampler", "order"), [("euler", 1), ("midpoint", 2), ("heun", 2), ("dpmpp_2m", 2)])
def test_order_of_convergence(sampler: str, order: int, schedule: str) -> None:
    """Halving the step divides the error by 2^order, on a stretch of time where the path is smooth."""

    def end(name: str, steps: int) -> torch.Tensor:
        if schedule == "exploding":  # even steps in sigma^(1 / 7), as EDM takes them, from sigma = 8 to 0.1
            times = torch.linspace(8 ** (1 / 7), 0.1 ** (1 / 7), steps + 1, dtype=torch.float64) ** 7 / 80
        else:
            times = torch.linspace(0.9, 0.1, steps + 1, dtype=torch.float64)
        return draw(name, schedule, 64, times)

    exact = end("midpoint", 800)
    errors = [(end(sampler, steps) - exact).abs().mean() for steps in (50, 100, 200)]
    measured = [float(torch.log2(a / b)) for a, b in zip(errors, errors[1:], strict=False)]
    assert measured[-1] == pytest.approx(order, abs=0.25), measured


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_paths_begin_at_the_data_and_end_at_noise(schedule: str) -> None:
    zero, one = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
    assert SCHEDULES[schedule].alpha(zero) == 1 and SCHEDULES[schedule].sigma(zero) == 0
    assert SCHEDULES[schedule].alpha(one) < 0.01 * SCHEDULES[schedule].sigma(one) or schedule == "exploding"


def test_variance_preserving_paths_preserve_variance() -> None:
    t = torch.linspace(0, 1, 101, dtype=torch.float64)
    for schedule in (CosineSchedule(), LinearSchedule()):
        assert torch.allclose(schedule.alpha(t) ** 2 + schedule.sigma(t) ** 2, torch.ones_like(t))


def test_one_euler_step_from_pure_noise_is_the_mean() -> None:
    x = draw("euler", "straight", 10, torch.tensor([1.0, 0.0], dtype=torch.float64))
    assert torch.allclose(x, PLANE.mean.expand(10, 2))


@pytest.mark.parametrize("name", ["Flow", "DDPM", "EDM"])
def test_networks_of_samplers_take_bfloat16_when_it_is_asked_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only then, wherever there are units for it; what the sampler keeps stays float32, and so do scores."""
    model, y = make(name, 20).fit(*digits()), torch.tensor([3, 4])
    plain = model.draw(ItemNoise([1, 2]), y)
    scores = model.score_samples(*digits(2)) if name == "Flow" else None
    monkeypatch.setattr(hardware, "_has_bfloat16_units", lambda: True)
    model.precision = "auto"
    assert torch.equal(model.draw(ItemNoise([1, 2]), y), plain)
    model.precision = "bfloat16"
    drawn = model.draw(ItemNoise([1, 2]), y)
    assert torch.equal(model.draw(ItemNoise([1, 2]), y), drawn)
    assert drawn.dtype == torch.float32 and not torch.equal(drawn, drawn.bfloat16().float())
    assert 0 < (drawn - plain).abs().mean() < 0.02
    if scores is not None:
        assert np.array_equal(model.score_samples(*digits(2)), scores)
