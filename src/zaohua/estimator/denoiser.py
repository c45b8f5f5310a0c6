"""What a diffusion or flow model has learnt, as one object: expected data and noise, whatever its network predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class NoiseSchedule(Protocol):
    """How much of the data and how much noise there is at time t."""

    def alpha(self, t: Tensor) -> Tensor:
        """Weight of the data."""
        ...

    def sigma(self, t: Tensor) -> Tensor:
        """Standard deviation of the noise."""
        ...


Predict = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""(x_t (B, ...), t 0-d float64) -> E[x | x_t], E[e | x_t], both (B, ...)."""


def even_times(n: int) -> Tensor:
    """n + 1 times at even distances from 1 to 0, float64."""
    return torch.linspace(1, 0, n + 1, dtype=torch.float64)


@dataclass(frozen=True)
class Denoiser:
    """Expected data and noise of x_t = alpha(t) x + sigma(t) e, e ~ N(0, 1); t runs from data at 0 to noise at 1.

    Samplers, and tasks such as inpainting, are written against this class alone. A trained model makes one
    (`model.denoiser(y)`), and so does anyone who has a function of that form.

    Attributes:
        schedule: alpha(t) and sigma(t).
        predict: (x_t, t) -> expected data and noise.
        times: n -> the n + 1 times at which a sampler of n steps stops, from 1 to 0.
    """

    schedule: NoiseSchedule
    predict: Predict
    times: Callable[[int], Tensor] = even_times

    def __call__(self, x_t: Tensor, t: Tensor | float) -> tuple[Tensor, Tensor]:
        """Estimate data and noise of x_t (B, ...) at one time t for all, as (x, e), both (B, ...).

        Gradients with respect to x_t pass through; call it under `torch.no_grad()` where none are needed.
        """
        return self.predict(x_t, torch.as_tensor(t, dtype=torch.float64))

    def start(self, noise: Tensor) -> Tensor:
        """Scale standard normal noise (B, ...) to x_t at t = 1, where sampling begins."""
        return noise * self.schedule.sigma(self.times(1)[0]).to(noise.dtype)
