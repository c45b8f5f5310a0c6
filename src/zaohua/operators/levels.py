"""Operators on single values: grey for colours, and levels that are clipped or quantised."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Self

import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.operators.base import Operator, SameShape, Sigma
from zaohua.operators.covariance import Covariance, Isotropic
from zaohua.operators.step import Units

WEIGHTS = (0.299, 0.587, 0.114)
"""Share of red, green and blue in brightness."""


class Grey(Operator):
    """Brightness of colours, by the weights of ITU-R BT.601, as Pillow's mode "L"."""

    name = "grey"

    def after(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one channel."""
        return (1, *shape[1:])

    def before(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of three channels."""
        return (3, *shape[1:])

    def __call__(self, x: Tensor) -> Tensor:
        """Return brightness (B, 1, *axes) of red, green and blue (B, 3, *axes)."""
        if x.shape[1] != 3:
            raise ZaohuaError(f"only pictures of three colours can be made grey, not of {x.shape[1]} channels")
        return (x * _weights(x)).sum(1, keepdim=True)

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Weight brightness by colour."""
        return y * _weights(y)

    def gram(self, shape: tuple[int, ...]) -> float:
        """Return the sum of the squared weights."""
        return sum(weight**2 for weight in WEIGHTS)


class Projection(SameShape):
    """Base of operators that send all items of a convex set to one observation.

    The proximal point is the nearest item of the set; with noise of the items before the operator it lies on the way
    there.
    """

    @abstractmethod
    def nearest(self, seen: Tensor, x: Tensor) -> Tensor:
        """Return the items nearest x of which `seen` is seen."""

    @property
    def linear(self) -> bool:
        """False."""
        return False

    def noise_after(self, sigma: float, shape: tuple[int, ...]) -> float:
        """Return sigma: noise before the operator is what `near` takes."""
        return sigma

    def near(
        self, seen: Tensor, x: Tensor, sigma: Sigma, covariance: Covariance, error: Tensor | float = 0.0
    ) -> Tensor:
        """Return the proximal point, argmin over z of |z - x|^2 / 2 v + |distance of z + error|^2 / 2 sigma^2."""
        if not isinstance(covariance, Isotropic):
            raise ZaohuaError(f"'{self}' isn't linear: give it an isotropic covariance")
        variance = covariance.variance.to(x)
        noise = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).square()
        target = self.nearest(seen, x + error) - error
        return x + (target - x) * (variance / (variance + noise).clamp(min=1e-30)).where(
            noise > 0, torch.ones_like(noise)
        )


class Clip(Projection):
    """Values beyond a level are cut to it, on both sides of zero."""

    name = "clip"

    level: Annotated[float, Between(above=0, high=1e9)] | None = None
    """Highest value that stays, in the items' own units; the lowest is as far below zero. None: unknown, and told by
    the flat crests of what is seen, if that is a sound."""

    def __init__(self, level: float | None = None, units: Units | None = None) -> None:
        self.level, self.units = level, units or Units()

    def in_units(self, units: Units) -> Self:
        """Return the operator for tensors."""
        return self.replaced(units=units)

    def __call__(self, x: Tensor) -> Tensor:
        """Clip x."""
        return x.clamp(*self._ends())

    def nearest(self, seen: Tensor, x: Tensor) -> Tensor:
        """Return what is seen, and x at least as far out where that was cut."""
        low, high = self._ends()
        inside = seen.where(seen < high - NEARLY, x.clamp(min=high))
        return inside.where(seen > low + NEARLY, x.clamp(max=low))

    def _ends(self) -> tuple[float, float]:
        """Return the lowest and the highest x."""
        if self.level is None:
            raise ZaohuaError("'clip' needs the level: write 'clip 0.5'")
        return self.units.to_tensor(-self.level), self.units.to_tensor(self.level)


NEARLY = 1e-4
"""Values this near the level count as cut, as files round them."""


class Quantise(Projection):
    """Values are rounded to a few levels, evenly spread over the range of the items."""

    name = "quantise"

    levels: Annotated[int, Between(2, 65536)] = 8
    """Number of levels."""

    def __call__(self, x: Tensor) -> Tensor:
        """Round x."""
        return self._number(x) * (2 / (self.levels - 1)) - 1

    def nearest(self, seen: Tensor, x: Tensor) -> Tensor:
        """Return x, cut to the values that are rounded to what is seen."""
        number, step = self._number(seen), 2 / (self.levels - 1)
        low = ((number - 0.5 + MARGIN) * step - 1).masked_fill(number <= 0, -torch.inf)
        high = ((number + 0.5 - MARGIN) * step - 1).masked_fill(number >= self.levels - 1, torch.inf)
        return x.clamp(low, high)

    def _number(self, x: Tensor) -> Tensor:
        """Return the numbers of the levels nearest x."""
        return ((x + 1) * ((self.levels - 1) / 2)).round().clamp(0, self.levels - 1)


MARGIN = 1e-3
"""Distance from the ends of a quantisation interval, in steps, so that rounding errors don't leave it."""


def _weights(like: Tensor) -> Tensor:
    """Return the weights of the colours, (3, 1, ...)."""
    return torch.tensor(WEIGHTS, dtype=like.dtype, device=like.device).view(3, *[1] * (like.ndim - 2))
