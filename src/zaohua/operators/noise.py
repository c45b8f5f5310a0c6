"""Noise: what is added to what an operator makes."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Annotated, ClassVar, Self

import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import Noise
from zaohua.core.params import Between
from zaohua.operators.base import Operator, Sigma
from zaohua.operators.estimating import noise_level
from zaohua.operators.masks import Mask
from zaohua.operators.step import Step, Units


class NoiseStep(Step):
    """Base of noise."""

    must_be_last: ClassVar[bool] = False
    """Whether another step would hide from a solver what it did."""

    @abstractmethod
    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        """Return x (B, C, *axes) with noise."""

    def deviation(self, seen: Tensor) -> Sigma:
        """Return its standard deviation, as an observation (B, C, *axes) tells it; by default `even`."""
        return 0.0 if self.even is None else self.even

    def mask(self, seen: Tensor) -> Operator | None:
        """Return a mask of the values of an observation that it spoilt altogether; by default none."""
        return None

    def drawn(self, shape: tuple[int, ...], noise: Noise) -> NoiseStep:
        """Return the noise with its choices made, such as where a scratch runs; by default the same."""
        return self

    @property
    def even(self) -> float | None:
        """Standard deviation of normal, independent noise of the same size in all values; None for other noise."""
        return None


class GaussianNoise(NoiseStep):
    """Normal, independent noise of one size."""

    name = "noise"

    sigma: Annotated[float, Between(0, 1e9)] | None = None
    """Standard deviation, in the items' own units, such as 25 of 8 bits. None: unknown, and estimated from what is
    seen."""

    def in_units(self, units: Units) -> Self:
        """Return the noise in units of tensors."""
        return self if self.sigma is None else self.replaced(sigma=self.sigma / units.scale)

    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        """Add noise.

        Raises:
            ZaohuaError: its standard deviation isn't known.
        """
        if self.sigma is None:
            raise ZaohuaError("how much noise? write its standard deviation: 'noise 10'")
        return x + self.sigma * noise.normal(*x.shape[1:]).to(x)

    def deviation(self, seen: Tensor) -> Sigma:
        """Return sigma, or an estimate of each item's."""
        return noise_level(seen) if self.sigma is None else self.sigma

    @property
    def even(self) -> float | None:
        """Sigma."""
        return self.sigma


class PoissonNoise(NoiseStep):
    """Noise of light that is counted: the darker, the more of it in proportion."""

    name = "noise poisson"

    peak: Annotated[float, Between(above=0, high=1e6)] = 30.0
    """Mean count of a value at the upper end of the range, such as white."""

    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        """Count: numbers of a Poisson distribution, whose mean is the peak at x = 1 and 0 at x = -1."""
        mean = (x.double() + 1).clamp(min=0) * (self.peak / 2)
        counts = poisson(mean, noise.uniform(*x.shape[1:]).to(mean))
        return (counts * (2 / self.peak) - 1).to(x)

    def deviation(self, seen: Tensor) -> Tensor:
        """Return the root of the counts, averaged over neighbours: a single count would tell dark values surer."""
        mean = (local_mean(seen) + 1).clamp(min=0) * (self.peak / 2)
        return (mean + 0.5 / WINDOW).sqrt() * (2 / self.peak)


WINDOW = 5
"""Length along each axis of the neighbourhood that tells how much Poisson noise there is."""


class SaltAndPepper(NoiseStep):
    """Some values at random are the lowest or the highest of the range; a solver counts such values as hidden."""

    name = "noise salt-and-pepper"
    must_be_last = True

    share: Annotated[float, Between(0, 1)] = 0.05
    """Share of values that is spoilt."""

    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        """Replace values."""
        u = noise.uniform(*x.shape[1:]).to(x)
        return x.masked_fill(u < self.share / 2, -1.0).masked_fill(u >= 1 - self.share / 2, 1.0)

    def mask(self, seen: Tensor) -> Operator:
        """Return a mask of the values that aren't extreme."""
        return Mask(seen.abs() < 1 - 1e-4)


class NoiseAtRatio(NoiseStep):
    """Normal noise at a ratio to the signal: the power of what isn't constant in an item."""

    name = "noise snr"

    ratio: Annotated[float, Between(-60, 120)] = 10.0
    """Signal-to-noise ratio in decibels."""

    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        """Add noise."""
        extra = self.example(tuple(x.shape[1:]), noise).to(x)
        size = _deviation(x) * 10 ** (-self.ratio / 20) / _deviation(extra).clamp(min=1e-12)
        return x + size * extra

    def example(self, shape: tuple[int, ...], noise: Noise) -> Tensor:
        """Return noise of any size for items of a shape (C, *axes)."""
        return noise.normal(*shape)

    def deviation(self, seen: Tensor) -> Tensor:
        """Return the noise's part of what is seen."""
        return _deviation(seen) / math.sqrt(1 + 10 ** (self.ratio / 10))


class RecordedNoise(NoiseAtRatio):
    """Stretches of a recording, from random places; a solver takes them for independent noise of the same power.

    Args:
        recording: noise (C, *axes), or one channel for all; repeated where it is shorter than an item.
        ratio: signal-to-noise ratio in decibels.
    """

    name = "noise recorded"

    def __init__(self, recording: Tensor, ratio: float = 10.0) -> None:
        self.recording, self.ratio = recording, ratio

    def example(self, shape: tuple[int, ...], noise: Noise) -> Tensor:
        """Return a stretch for each item."""
        starts = noise.uniform(len(shape) - 1)
        return torch.stack([self._stretch(shape, start.tolist()) for start in starts])

    def _stretch(self, shape: tuple[int, ...], start: list[float]) -> Tensor:
        """Return a stretch that begins at shares of the recording's axes."""
        out = self.recording
        for axis, (n, share) in enumerate(zip(shape[1:], start, strict=True), 1):
            size = out.shape[axis]
            first = int(share * max(size - n + 1, 1))
            out = out.index_select(axis, (first + torch.arange(n, device=out.device)) % size)
        return out.expand(shape)


def poisson(mean: Tensor, u: Tensor) -> Tensor:
    """Return numbers of Poisson distributions, by inversion of uniform numbers.

    Up to a mean of 30 they are exact, above by the expansion of Cornish and Fisher to the order of 1 / mean.

    Args:
        mean: means.
        u: uniform numbers in [0, 1) of the same shape.
    """
    small = mean.clamp(max=SMALL)
    term, counts = torch.exp(-small), torch.zeros_like(mean)
    total = term
    for k in range(1, MOST):
        counts = counts + (u >= total)
        term = term * small / k
        total = total + term
    z = torch.special.ndtri(u.clamp(1e-9, 1 - 1e-9))
    large = (mean + mean.sqrt() * z + (z * z - 1) / 6).round().clamp(min=0)
    return counts.where(mean <= SMALL, large)


SMALL = 30.0
"""Largest mean whose counts are found one by one."""
MOST = 90
"""More counts than this don't occur at this mean."""


def local_mean(x: Tensor) -> Tensor:
    """Return the mean of neighbours of x (B, C, *axes) along each axis."""
    for axis in range(2, x.ndim):
        places = torch.arange(x.shape[axis])
        offsets = range(-(WINDOW // 2), WINDOW // 2 + 1)
        near = [x.index_select(axis, (places + k).clamp(0, len(places) - 1).to(x.device)) for k in offsets]
        x = torch.stack(near).mean(0)
    return x


def _deviation(x: Tensor) -> Tensor:
    """Return the standard deviation of each item's values, (B, 1, ...)."""
    out: Tensor = x.flatten(1).std(1, correction=0).view(-1, *[1] * (x.ndim - 1))
    return out
