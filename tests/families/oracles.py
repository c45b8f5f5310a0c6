"""A Gaussian mixture under any path: its closed-form denoiser, score and likelihood, the oracle of samplers."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zaohua.estimator.denoiser import Denoiser, NoiseSchedule, Predict


class Mixture:
    """sum_k w_k N(m_k, s_k^2 I) in D dimensions, float64. Along x_t = alpha x + sigma e it stays a mixture,

    sum_k w_k N(alpha m_k, (alpha^2 s_k^2 + sigma^2) I), so that E[x | x_t] and E[e | x_t] are known exactly.
    """

    def __init__(self, weights: list[float], means: list[list[float]], stds: list[float]):
        self.w = torch.tensor(weights, dtype=torch.float64)
        self.m = torch.tensor(means, dtype=torch.float64)
        self.s = torch.tensor(stds, dtype=torch.float64)

    @property
    def mean(self) -> Tensor:
        return self.w @ self.m

    @property
    def cov(self) -> Tensor:
        centred = self.m - self.mean
        within = (self.w * self.s**2).sum() * torch.eye(self.m.shape[1], dtype=torch.float64)
        return within + (self.w[:, None] * centred).T @ centred

    def log_prob(self, x: Tensor) -> Tensor:
        return torch.logsumexp(self.joint(x, torch.tensor(1.0), torch.tensor(0.0)), dim=1)

    def joint(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """log w_k p_k(x_t), (B, k)."""
        var = (alpha * self.s) ** 2 + sigma**2
        square = ((x[:, None] - alpha * self.m) ** 2).sum(2)
        return torch.log(self.w) - 0.5 * square / var - 0.5 * x.shape[1] * torch.log(2 * math.pi * var)

    def predict(self, schedule: NoiseSchedule) -> Predict:
        """(x_t, t) -> E[x | x_t], E[e | x_t]."""

        def predict(x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            alpha, sigma = schedule.alpha(t), schedule.sigma(t)
            var = (alpha * self.s) ** 2 + sigma**2
            post = torch.softmax(self.joint(x_t, alpha, sigma), dim=1)
            centred = x_t[:, None] - alpha * self.m
            data = (post[:, :, None] * (self.m + (alpha * self.s**2 / var)[:, None] * centred)).sum(1)
            noise = (post[:, :, None] * (sigma / var)[:, None] * centred).sum(1)
            return data, noise

        return predict

    def denoiser(self, schedule: NoiseSchedule) -> Denoiser:
        """The exact denoiser along a schedule."""
        return Denoiser(schedule, self.predict(schedule))

    def given(self, first: float) -> tuple[Tensor, Tensor]:
        """Mean and variance of the second number of a pair given the first, in closed form."""
        log_w = torch.log(self.w / self.s) - 0.5 * ((first - self.m[:, 0]) / self.s) ** 2
        w = torch.softmax(log_w, 0)  # components are isotropic: the second number is independent within each
        mean = w @ self.m[:, 1]
        return mean, w @ (self.s**2 + self.m[:, 1] ** 2) - mean**2


PLANE = Mixture([0.3, 0.7], [[-0.6, 0.4], [0.5, -0.2]], [0.15, 0.3])
"""Two unlike blobs in the plane, within [-1, 1] or so."""
