"""Samplers: from noise to data in steps from a time t to an earlier time s.

They use a `Denoiser`, which is a noise schedule (x_t = alpha x + sigma e) and a function (x_t, t) -> (x, e), the
expected data and noise; so they are independent of the network's output and of the schedule. With x and e held
constant, a step from t to s is

    x_s = x_t + (alpha_s - alpha_t) x + (sigma_s - sigma_t) e

which is Euler's step of flow matching, of DDIM and of EDM alike; the others average or extrapolate x and e.

A sampler object takes one batch from noise to data. A new sampler, or a task that changes how a model is sampled, is a
subclass that defines `step`; see examples/inpaint_repaint.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise

import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import Noise
from zaohua.estimator.denoiser import Denoiser, NoiseSchedule


class Sampler(ABC):
    """Base of samplers, which go from x_t to x_s step by step."""

    @abstractmethod
    def step(self, denoiser: Denoiser, x_t: Tensor, t: Tensor, s: Tensor, noise: Noise | None = None) -> Tensor:
        """Step from x_t (B, ...) at time t to x_s at an earlier time s.

        Args:
            denoiser: the model's denoiser.
            x_t: items at time t.
            t, s: 0-d float64, 1 >= t > s >= 0.
            noise: noise of the B items; only random samplers need it.
        """

    def sample(self, denoiser: Denoiser, times: Tensor, x: Tensor, noise: Noise | None = None) -> Tensor:
        """Step from x at times[0] to the sample at times[-1]; times decrease, see `Denoiser.times`."""
        for t, s in pairwise(times):
            x = self.step(denoiser, x, t, s, noise)
        return x


def move(x_t: Tensor, x: Tensor, e: Tensor, schedule: NoiseSchedule, t: Tensor, s: Tensor) -> Tensor:
    """Return x_t + (alpha_s - alpha_t) x + (sigma_s - sigma_t) e: x_s for known data x and noise e."""
    return x_t + (schedule.alpha(s) - schedule.alpha(t)) * x + (schedule.sigma(s) - schedule.sigma(t)) * e


class Euler(Sampler):
    """First-order sampler: DDIM (Song et al., 2020) and Euler's method of a flow. One evaluation per step."""

    def step(self, denoiser: Denoiser, x_t: Tensor, t: Tensor, s: Tensor, noise: Noise | None = None) -> Tensor:
        """Step by the prediction at t."""
        return move(x_t, *denoiser(x_t, t), denoiser.schedule, t, s)


class Midpoint(Sampler):
    """Second-order sampler: a step by the prediction at the midpoint. Two evaluations per step."""

    def step(self, denoiser: Denoiser, x_t: Tensor, t: Tensor, s: Tensor, noise: Noise | None = None) -> Tensor:
        """Step by the prediction at (t + s) / 2."""
        half, schedule = (t + s) / 2, denoiser.schedule
        return move(x_t, *denoiser(move(x_t, *denoiser(x_t, t), schedule, t, half), half), schedule, t, s)


class Heun(Sampler):
    """Second-order sampler: the mean of the predictions at both ends (Karras et al., 2022). Two evaluations per step.

    At zero noise there is no second prediction, so the last step is Euler's.
    """

    def step(self, denoiser: Denoiser, x_t: Tensor, t: Tensor, s: Tensor, noise: Noise | None = None) -> Tensor:
        """Step by the mean of the predictions at t and s."""
        schedule, (data, e) = denoiser.schedule, denoiser(x_t, t)
        x_s = move(x_t, data, e, schedule, t, s)
        if schedule.sigma(s) > 0:
            data_s, e_s = denoiser(x_s, s)
            x_s = move(x_t, (data + data_s) / 2, (e + e_s) / 2, schedule, t, s)
        return x_s


class DPMSolverPP2M(Sampler):
    """DPM-Solver++(2M) (Lu et al., 2022): second order by the previous prediction. One evaluation per step.

    In l = log(alpha / sigma): x_s = sigma_s / sigma_t x_t + alpha_s (1 - e^-h) (x + (x - x_before) h / (2 h_before)).

    Attributes:
        before: end time, predicted data and h of the last step; None before the first. A step that doesn't continue
            from there is of first order.
    """

    def __init__(self) -> None:
        self.before: tuple[Tensor, Tensor, Tensor] | None = None

    def step(self, denoiser: Denoiser, x_t: Tensor, t: Tensor, s: Tensor, noise: Noise | None = None) -> Tensor:
        """Step by the prediction at t, extrapolated from the previous step."""
        schedule, (data, _) = denoiser.schedule, denoiser(x_t, t)
        alpha_t, alpha_s, sigma_t, sigma_s = schedule.alpha(t), schedule.alpha(s), schedule.sigma(t), schedule.sigma(s)
        shrink = (sigma_s * alpha_t) / (sigma_t * alpha_s)  # e^-h: 0 at the end of the noise
        h, guess = -torch.log(shrink), data
        if self.before is not None and sigma_s > 0:
            t_before, data_before, h_before = self.before
            if t_before == t and torch.isfinite(h_before):  # h is infinite after a step from pure noise
                guess = data + (data - data_before) * h / (2 * h_before)
        self.before = s, data, h
        return sigma_s / sigma_t * x_t + alpha_s * (1 - shrink) * guess


class Ancestral(Sampler):
    """Reverse of the noising chain, with fresh noise in each step (Ho et al., 2020). One evaluation per step."""

    def step(self, denoiser: Denoiser, x_t: Tensor, t: Tensor, s: Tensor, noise: Noise | None = None) -> Tensor:
        """Draw from p(x_s | x_t, x) = N(mean, fresh), where x is the prediction at t."""
        if noise is None:
            raise ZaohuaError("the ancestral sampler draws fresh noise in each step: pass noise")
        schedule, (data, e) = denoiser.schedule, denoiser(x_t, t)
        alpha_t, alpha_s, sigma_t, sigma_s = schedule.alpha(t), schedule.alpha(s), schedule.sigma(t), schedule.sigma(s)
        ratio = (sigma_s * alpha_t / (alpha_s * sigma_t)) ** 2
        fresh = sigma_s**2 * (1 - ratio)
        x_s = alpha_s * data + torch.sqrt((sigma_s**2 - fresh).clamp(min=0)) * e
        if sigma_s > 0:
            x_s = x_s + torch.sqrt(fresh) * noise.normal(*x_t.shape[1:])
        return x_s


SAMPLERS: dict[str, type[Sampler]] = {
    "euler": Euler,
    "ddim": Euler,
    "midpoint": Midpoint,
    "heun": Heun,
    "dpmpp_2m": DPMSolverPP2M,
    "ancestral": Ancestral,
}
"""All samplers, by the names used in the field `sampler`."""
