"""Samplers: from noise at times[0] to data at times[-1], each a short function of one shape.

They know a path (x_t = alpha x + sigma e) and a `predict(x_t, t) -> (x, e)`, the expected data and noise; whatever a
network outputs, and whatever the path, is no concern of theirs. With x and e held still a step from t to s is

    x_s = x_t + (alpha_s - alpha_t) x + (sigma_s - sigma_t) e

which is Euler's step of flow matching, DDIM's, and EDM's, one and the same; the others average or extrapolate x and e.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from zaohua.core.noise import Noise
from zaohua.families.schedules import NoiseSchedule

Predict = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(x_t, t) -> expected data and noise; t is a 0-d tensor."""


class Sampler(Protocol):
    """The shape of every sampler."""

    def __call__(self, predict: Predict, schedule: NoiseSchedule, times: Tensor, x: Tensor, noise: Noise) -> Tensor:
        """From x at times[0] to the sample at times[-1]; times fall."""
        ...


def _move(x_t: Tensor, x: Tensor, e: Tensor, schedule: NoiseSchedule, t: Tensor, s: Tensor) -> Tensor:
    return x_t + (schedule.alpha(s) - schedule.alpha(t)) * x + (schedule.sigma(s) - schedule.sigma(t)) * e


def euler(predict: Predict, schedule: NoiseSchedule, times: Tensor, x: Tensor, noise: Noise) -> Tensor:
    """First order; DDIM (Song et al., 2020) and Euler's method of a flow. One evaluation a step."""
    for t, s in pairwise(times):
        x = _move(x, *predict(x, t), schedule, t, s)
    return x


def midpoint(predict: Predict, schedule: NoiseSchedule, times: Tensor, x: Tensor, noise: Noise | None = None) -> Tensor:
    """Second order: a step with what is predicted half-way. Two evaluations a step."""
    for t, s in pairwise(times):
        half = (t + s) / 2
        x = _move(x, *predict(_move(x, *predict(x, t), schedule, t, half), half), schedule, t, s)
    return x


def heun(predict: Predict, schedule: NoiseSchedule, times: Tensor, x: Tensor, noise: Noise) -> Tensor:
    """Second order: the mean of the predictions at both ends (Karras et al., 2022, algorithm 1). Two evaluations.

    Where the noise ends there is no second prediction, and the last step is Euler's.
    """
    for t, s in pairwise(times):
        data, e = predict(x, t)
        ahead = _move(x, data, e, schedule, t, s)
        if schedule.sigma(s) > 0:
            data_s, e_s = predict(ahead, s)
            ahead = _move(x, (data + data_s) / 2, (e + e_s) / 2, schedule, t, s)
        x = ahead
    return x


def dpmpp_2m(predict: Predict, schedule: NoiseSchedule, times: Tensor, x: Tensor, noise: Noise) -> Tensor:
    """DPM-Solver++(2M) (Lu et al., 2022): second order by the prediction of the step before. One evaluation a step.

    In l = log(alpha / sigma): x_s = sigma_s / sigma_t x_t + alpha_s (1 - e^-h) (x + (x - x_before) h / (2 h_before)).
    """
    before, h_before = x, torch.tensor(math.inf)
    for t, s in pairwise(times):
        data, _ = predict(x, t)
        alpha_t, alpha_s, sigma_t, sigma_s = schedule.alpha(t), schedule.alpha(s), schedule.sigma(t), schedule.sigma(s)
        shrink = (sigma_s * alpha_t) / (sigma_t * alpha_s)  # e^-h: 0 at the end of the noise
        h = -torch.log(shrink)
        guess = data
        if sigma_s > 0 and torch.isfinite(h_before):  # neither the first step, nor after one from pure noise
            guess = data + (data - before) * h / (2 * h_before)
        x = sigma_s / sigma_t * x + alpha_s * (1 - shrink) * guess
        before, h_before = data, h
    return x


def ancestral(predict: Predict, schedule: NoiseSchedule, times: Tensor, x: Tensor, noise: Noise) -> Tensor:
    """The reverse of the noising chain, with fresh noise each step (Ho et al., 2020). One evaluation a step."""
    for t, s in pairwise(times):
        data, e = predict(x, t)
        alpha_t, alpha_s, sigma_t, sigma_s = schedule.alpha(t), schedule.alpha(s), schedule.sigma(t), schedule.sigma(s)
        kept = (sigma_s * alpha_t / (alpha_s * sigma_t)) ** 2
        fresh = sigma_s**2 * (1 - kept)
        x = alpha_s * data + torch.sqrt((sigma_s**2 - fresh).clamp(min=0)) * e
        if sigma_s > 0:
            x = x + torch.sqrt(fresh) * noise.normal(*x.shape[1:])
    return x


SAMPLERS: dict[str, Sampler] = {
    "euler": euler,
    "ddim": euler,
    "midpoint": midpoint,
    "heun": heun,
    "dpmpp_2m": dpmpp_2m,
    "ancestral": ancestral,
}
"""All samplers, by the names that models take."""
