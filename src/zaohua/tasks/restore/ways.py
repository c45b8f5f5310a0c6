"""The way from an observation to an answer, along the times of a denoiser."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zaohua.core.noise import Noise
from zaohua.estimator.denoiser import Denoiser
from zaohua.families.posterior import Renoise, time_of
from zaohua.families.samplers import Ancestral, Sampler
from zaohua.operators.base import Identity, Observation


class Once(Sampler):
    """One evaluation: the data expected at the first time."""

    def step(self, denoiser: Denoiser, x_t: Tensor, t: Tensor, s: Tensor, noise: Noise | None = None) -> Tensor:
        """Return E[x | x_t]."""
        return denoiser(x_t, t)[0]


@dataclass(frozen=True, eq=False)
class Way:
    """A sampler, and where it starts.

    Attributes:
        sampler: goes from x at times[0] to the answer.
        times: the times of its steps.
        start: the observation that x starts from; None to start from noise.
    """

    sampler: Sampler
    times: Tensor
    start: Tensor | None = None

    def follow(self, denoiser: Denoiser, shape: tuple[int, ...], noise: Noise) -> Tensor:
        """Return the answers for items of a shape (C, *axes)."""
        if self.start is None:
            x = denoiser.start(noise.normal(*shape))
        else:
            x = self.start * denoiser.schedule.alpha(self.times[0]).to(self.start.dtype)
        return self.sampler.sample(denoiser, self.times, x, noise)


def way(denoiser: Denoiser, observation: Observation, gamma: float, steps: int) -> Way:
    """Choose the way for an observation.

    If there is only noise, of one size, the observation is x_t at the time whose noise that is, but for its scale.
    The best guess is E[x | x_t]; draws from p(x | x_t) go back from there by ancestral steps, whatever the
    model's own sampler is: one without noise has a single end for each x_t.
    """
    sigma = torch.as_tensor(observation.sigma)
    if not isinstance(observation.operator, Identity) or sigma.numel() != 1 or gamma not in (0, 1):
        return Way(Renoise(observation, gamma), denoiser.times(steps))
    t = time_of(denoiser, float(sigma))
    if gamma == 0:
        return Way(Once(), torch.stack([t, t * 0]), observation.seen)
    return Way(Ancestral(), denoiser.times(steps) * t, observation.seen)
