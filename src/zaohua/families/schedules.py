"""Noise schedules: paths from data (t = 0) to noise (t = 1), x_t = alpha(t) x + sigma(t) e."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class RectifiedFlow:
    """alpha = 1 - t, sigma = t: straight lines, as in flow matching (Lipman et al., 2022; Liu et al., 2022)."""

    def alpha(self, t: Tensor) -> Tensor:
        """Return 1 - t."""
        return 1 - t

    def sigma(self, t: Tensor) -> Tensor:
        """Return t."""
        return t


class VarianceExploding:
    """alpha = 1, sigma = sigma_max t: noise is added to data of constant scale (Karras et al., 2022)."""

    def __init__(self, sigma_max: float):
        self.sigma_max = sigma_max

    def alpha(self, t: Tensor) -> Tensor:
        """Return 1."""
        return torch.ones_like(t)

    def sigma(self, t: Tensor) -> Tensor:
        """Return sigma_max t."""
        return self.sigma_max * t


class CosineSchedule:
    """alpha = cos(angle), sigma = sin(angle) of an angle linear in t (Nichol and Dhariwal, 2021); alpha(1) = `end`."""

    def __init__(self, end: float = 0.005):
        self.high = math.acos(end)

    def _angle(self, t: Tensor) -> Tensor:
        return self.high * t

    def alpha(self, t: Tensor) -> Tensor:
        """Return cos(angle)."""
        return torch.cos(self._angle(t))

    def sigma(self, t: Tensor) -> Tensor:
        """Return sin(angle)."""
        return torch.sin(self._angle(t))


class LinearSchedule:
    """Noise variance with beta linear in t, from 0.1 to 20 (Ho et al., 2020)."""

    def __init__(self, low: float = 0.1, high: float = 20.0):
        self.low, self.high = low, high

    def alpha(self, t: Tensor) -> Tensor:
        """Return exp(-1/2 integral of beta)."""
        return torch.exp(-0.5 * (self.low * t + 0.5 * (self.high - self.low) * t**2))

    def sigma(self, t: Tensor) -> Tensor:
        """Return sqrt(1 - alpha^2), without cancellation."""
        return torch.sqrt(-torch.expm1(-(self.low * t + 0.5 * (self.high - self.low) * t**2)))
