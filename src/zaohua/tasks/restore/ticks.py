"""How far the work is, counted in batches of which the network is asked."""

from __future__ import annotations

import torch
from torch import Tensor

from zaohua.core.noise import BatchNoise
from zaohua.estimator.denoiser import Denoiser
from zaohua.families.samplers import Sampler
from zaohua.tasks.restore.request import Progress


class Ticks:
    """Counter of batches.

    Args:
        progress: what is told; None for nobody.
        total: number of all batches.
    """

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0
        if progress is not None:
            progress(0, total)

    def __call__(self) -> None:
        """Count a batch. Batches that are halved for want of memory don't count beyond all."""
        self.done = min(self.done + 1, self.total)
        if self.progress is not None:
            self.progress(self.done, self.total)

    def counting(self, denoiser: Denoiser) -> Denoiser:
        """Return the denoiser, which counts its evaluations."""

        def predict(x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            result = denoiser.predict(x_t, t)
            self()
            return result

        return Denoiser(denoiser.schedule, predict, denoiser.times)


def evaluations(sampler: Sampler, denoiser: Denoiser, times: Tensor) -> int:
    """Return how often a sampler asks a denoiser, by a trial on a single number."""
    asked = [0]

    def predict(x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        asked[0] += 1
        return x_t, x_t

    sampler.sample(Denoiser(denoiser.schedule, predict, denoiser.times), times, torch.zeros(1, 1), BatchNoise(0, 1))
    return asked[0]
