"""Restoration with a model that was never trained for it: draws from p(x | what is seen).

Each step predicts the data from x_t, moves the prediction to the proximal point of the observation (`Operator.near`),
and adds noise anew for the next time. With gamma = 0 the results are best guesses; with gamma = 1 the prediction and
the observation are disturbed by what is unknown of each before they are balanced, which is an exact draw if the
prediction's error is normal with the covariance assumed, so that the spread of several draws is right.

Source: Pourya, Rawas and Unser, "FLOWER: A Flow-Matching Solver for Inverse Problems", 2025 (arXiv:2509.26287); the
perturbation is Papandreou and Yuille, "Gaussian sampling by local perturbations", 2010.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from zaohua.core.noise import Noise
from zaohua.estimator.denoiser import Denoiser, NoiseSchedule
from zaohua.families.samplers import Sampler
from zaohua.operators.base import Observation
from zaohua.operators.covariance import Covariance, Isotropic

Spread = Callable[[NoiseSchedule, Tensor], Covariance]
"""(schedule, t) -> the covariance of the data given x_t."""


DEVIATION = 0.4
"""Standard deviation of data in [-1, 1] around what is expected of them.

Pixels of MNIST and Fashion-MNIST have 0.5 and 0.6 around their mean picture. But what is unknown of a picture falls
faster with the noise than what is unknown of independent pixels, and a lower value makes up for it: with 1, draws are
spread too widely and have 1 dB less, with 0.25 those of a hole are too much alike (benchmarks/README.md).
"""


def isotropic(deviation: float = DEVIATION) -> Spread:
    """Return the covariance of data that are normal, independent and of one standard deviation."""

    def spread(schedule: NoiseSchedule, t: Tensor) -> Covariance:
        alpha, sigma = schedule.alpha(t), schedule.sigma(t)
        return Isotropic((sigma * deviation) ** 2 / (sigma**2 + (alpha * deviation) ** 2))

    return spread


class Renoise(Sampler):
    """Sampler of p(x | observation). The sampler of the model's own choice is worse here, as it trusts x_t.

    Args:
        observation: what is seen, for the B items of a batch.
        gamma: 0 for best guesses, 1 for draws with the right spread.
        spread: covariance of the data given x_t.
    """

    def __init__(self, observation: Observation, gamma: float = 0.0, spread: Spread | None = None) -> None:
        self.observation, self.gamma, self.spread = observation, gamma, spread or isotropic()

    def step(self, denoiser: Denoiser, x_t: Tensor, t: Tensor, s: Tensor, noise: Noise | None = None) -> Tensor:
        """Predict the data at t, bring them near what is seen, and add noise of time s."""
        assert noise is not None, "renoising draws noise in each step: pass noise"
        data, schedule = self.nearest(denoiser, x_t, t, noise), denoiser.schedule
        if schedule.sigma(s) <= 0:
            return data
        fresh = noise.normal(*x_t.shape[1:]).to(data.dtype)
        return schedule.alpha(s).to(data.dtype) * data + schedule.sigma(s).to(data.dtype) * fresh

    def nearest(self, denoiser: Denoiser, x_t: Tensor, t: Tensor, noise: Noise) -> Tensor:
        """Return the predicted data at t, brought near what is seen."""
        given = self.observation
        data, covariance = denoiser(x_t, t)[0], self.spread(denoiser.schedule, t)
        error: Tensor | float = 0.0
        if self.gamma:
            data = data + self.gamma * covariance.root(noise.normal(*x_t.shape[1:]).to(data.dtype))
            error = self.gamma * given.sigma * noise.normal(*given.seen.shape[1:]).to(data.dtype)
        return given.operator.near(given.seen, data, given.sigma, covariance, error)


def time_of(denoiser: Denoiser, ratio: Tensor | float) -> Tensor:
    """Return the time at which noise is `ratio` times the data, sigma(t) / alpha(t), 0-d float64, by bisection.

    x_t at this time is data with noise of that standard deviation, times alpha(t): denoising is one evaluation.
    """
    low, high = torch.zeros((), dtype=torch.float64), denoiser.times(1)[0].double()
    for _ in range(60):
        middle = (low + high) / 2
        above = denoiser.schedule.sigma(middle) > ratio * denoiser.schedule.alpha(middle)
        low, high = (low, middle) if above else (middle, high)
    return high
