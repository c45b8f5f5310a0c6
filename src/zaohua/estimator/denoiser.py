"""The denoiser of a diffusion or flow model: its estimates of data and noise, whatever its network predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from zaohua.core.arguments import tensor
from zaohua.core.errors import ZaohuaError, shown


class NoiseSchedule(Protocol):
    """Weights of data and noise at time t."""

    def alpha(self, t: Tensor) -> Tensor:
        """Weight of the data."""
        ...

    def sigma(self, t: Tensor) -> Tensor:
        """Standard deviation of the noise."""
        ...


Predict = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(x_t (B, ...), t 0-d float64) -> E[x | x_t], E[e | x_t], both (B, ...)."""


def even_times(n: int) -> Tensor:
    """Return n + 1 evenly spaced times from 1 to 0, float64."""
    return torch.linspace(1, 0, n + 1, dtype=torch.float64)


@dataclass(frozen=True)
class Denoiser:
    """Estimator of data x and noise e from x_t = alpha(t) x + sigma(t) e, e ~ N(0, 1); t is 0 for data, 1 for noise.

    Samplers, and tasks such as inpainting, need only this class. `model.denoiser(y)` returns that of a trained model.

    Attributes:
        schedule: alpha(t) and sigma(t).
        predict: function (x_t, t) -> (expected data, expected noise).
        times: function n -> the n + 1 times of a sampler with n steps, from 1 to 0.
    """

    schedule: NoiseSchedule
    predict: Predict
    times: Callable[[int], Tensor] = even_times

    def __call__(self, x_t: Tensor, t: Tensor | float) -> tuple[Tensor, Tensor]:
        """Estimate data and noise from x_t (B, ...) at a common time t, as (x, e), both (B, ...).

        Gradients with respect to x_t are computed; use `torch.no_grad()` if they aren't needed.
        """
        tensor("x_t", x_t, "noisy items, as start(noise) returns them")
        if not isinstance(t, (int, float, Tensor)) or (isinstance(t, Tensor) and t.ndim):
            raise ZaohuaError(f"t must be one time for all items, from 0 to 1, not {shown(t)}")
        return self.predict(x_t, torch.as_tensor(t, dtype=torch.float64))

    def start(self, noise: Tensor) -> Tensor:
        """Scale standard normal noise (B, ...) to x_t at t = 1, the start of sampling."""
        return noise * self.schedule.sigma(self.times(1)[0]).to(noise.dtype)
