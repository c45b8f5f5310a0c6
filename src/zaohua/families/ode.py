"""Likelihood by the change of variables along an ODE: d log p(x_t) / dt = -div v(x_t, t).

Source: Chen et al., "Neural Ordinary Differential Equations", 2018; Grathwohl et al., "FFJORD", 2019 (Hutchinson's
estimate of the divergence).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from zaohua.estimator.denoiser import Denoiser
from zaohua.families.samplers import Heun

Velocity = Callable[[Tensor, Tensor], Tensor]
"""(x (B, ...), t 0-d) -> dx/dt (B, ...)."""


def divergence(velocity: Velocity, x: Tensor, t: Tensor, probes: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return v(x, t) and its divergence (B,): exact when `probes` is None, else the mean of p . (dv/dx)^T p.

    Args:
        velocity: the velocity field.
        x: (B, ...).
        t: 0-d.
        probes: random signs (B, P, ...), or None for the exact trace (one backward pass for each number of an item).
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        v = velocity(x, t)
        total = torch.zeros(len(x), device=x.device)
        if probes is None:
            flat = v.flatten(1)
            for i in range(flat.shape[1]):
                (grad,) = torch.autograd.grad(flat[:, i].sum(), x, retain_graph=True)
                total = total + grad.flatten(1)[:, i]
        else:
            for p in probes.unbind(1):
                (grad,) = torch.autograd.grad(v, x, p, retain_graph=True)
                total = total + (grad * p).flatten(1).sum(1) / probes.shape[1]
    return v.detach(), total


def log_prob(velocity: Velocity, x: Tensor, steps: int, probes: Tensor | None) -> Tensor:
    """Return the log density at x, nats (B,), of the flow from N(0, 1) at t = 1 to t = 0, by Heun's method.

    log p_0(x_0) = log N(x_1) + integral from 0 to 1 of div v(x_t, t) dt
    """
    times = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    change = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    for t, s in zip(times, times[1:], strict=False):
        h = float(s - t)
        v, d = divergence(velocity, x, t, probes)
        v_s, d_s = divergence(velocity, x + h * v, s, probes)
        x, change = x + h / 2 * (v + v_s), change + h / 2 * (d + d_s).double()
    z = x.flatten(1).double()
    return change - 0.5 * z.square().sum(1) - 0.5 * z.shape[1] * math.log(2 * math.pi)


def to_noise(denoiser: Denoiser, x: Tensor, steps: int) -> Tensor:
    """Return the noise that `to_data` makes x of, nearly, (B, ...): Heun's method from data to noise.

    It starts at the last time with noise, since the data at t = 0 say nothing about their noise.

    Args:
        denoiser: a model's denoiser, without guidance.
        x: items, (B, ...).
        steps: number of steps.
    """
    times = denoiser.times(steps)[:-1].flip(0)
    noisy = Heun().sample(denoiser, times, denoiser.schedule.alpha(times[0]).to(x.dtype) * x)
    return noisy / denoiser.schedule.sigma(times[-1]).to(x.dtype)


def to_data(denoiser: Denoiser, noise: Tensor, steps: int) -> Tensor:
    """Return the items that the ODE leads to from standard normal noise (B, ...), by Heun's method."""
    return Heun().sample(denoiser, denoiser.times(steps), denoiser.start(noise))
