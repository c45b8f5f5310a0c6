"""Noise: what is added to what an operator makes."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Self

from torch import Tensor

from zaohua.core.noise import Noise
from zaohua.core.params import Between
from zaohua.operators.base import Operator, Sigma
from zaohua.operators.step import Step, Units


class NoiseStep(Step):
    """Base of noise."""

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

    sigma: Annotated[float, Between(0, 1e9)] = 0.0
    """Standard deviation, in the items' own units, such as 25 of 8 bits."""

    def in_units(self, units: Units) -> Self:
        """Return the noise in units of tensors."""
        return self.replaced(sigma=self.sigma / units.scale)

    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        """Add noise."""
        return x + self.sigma * noise.normal(*x.shape[1:]).to(x)

    @property
    def even(self) -> float:
        """Sigma."""
        return self.sigma
