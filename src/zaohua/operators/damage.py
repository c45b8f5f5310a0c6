"""Damage: values that are replaced by others at random places, such as scratches in pictures and clicks in sounds."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional as F

from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import Noise
from zaohua.core.params import Between
from zaohua.operators.base import Operator
from zaohua.operators.masks import Mask
from zaohua.operators.noise import NoiseStep


class Damaged(NoiseStep):
    """Damage at places that are known.

    Args:
        hidden: True where values are replaced, bool, of a shape that broadcasts to items (B, C, *axes).
        values: what replaces them, of such a shape.
    """

    name = "damage"
    must_be_last = True

    def __init__(self, hidden: Tensor, values: Tensor) -> None:
        self.hidden, self.values = hidden, values

    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        """Replace values of x."""
        return self.values.to(x).where(self.hidden.to(x.device), x)

    def mask(self, seen: Tensor) -> Operator:
        """Return a mask of what is left."""
        return Mask(~self.hidden)


class Damage(NoiseStep):
    """Base of damage, whose places are drawn for each item."""

    chooses = True
    must_be_last = True

    @abstractmethod
    def drawn(self, shape: tuple[int, ...], noise: Noise) -> Damaged:
        """Return damage at places that are drawn for items of a shape (C, *axes)."""

    def __call__(self, x: Tensor, noise: Noise) -> Tensor:
        """Damage x (B, C, *axes) at random places."""
        return self.drawn(tuple(x.shape[1:]), noise)(x, noise)


class Scratches(Damage):
    """Straight scratches across a picture, black or white."""

    name = "scratches"

    count: Annotated[int, Between(1, 200)] = 5
    """Scratches in a picture."""
    width: Annotated[float, Between(0.5, 100)] = 1.0
    """Their width, in pixels."""

    def drawn(self, shape: tuple[int, ...], noise: Noise) -> Damaged:
        """Return scratches through random points at random angles, from a quarter to the whole of a side long."""
        if len(shape) != 3:
            raise ZaohuaError(f"'{self}' are of pictures; 'clicks' are of sounds")
        height, width = shape[1:]
        u = noise.uniform(5, self.count)[..., None, None]
        x, y, angle = u[:, 0] * width, u[:, 1] * height, u[:, 2] * torch.pi
        length = (0.25 + 0.75 * u[:, 3]) * max(height, width)
        across_x = torch.arange(width, device=u.device) + 0.5 - x
        across_y = torch.arange(height, device=u.device)[:, None] + 0.5 - y
        along = across_x * angle.cos() + across_y * angle.sin()
        across = across_y * angle.cos() - across_x * angle.sin()
        on = (across.abs() <= self.width / 2) & (along.abs() <= length / 2)
        white = (on & (u[:, 4] < 0.5)).any(1, keepdim=True)
        return Damaged(on.any(1, keepdim=True), white * 2.0 - 1.0)


class Clicks(Damage):
    """Short stretches of a sound that are replaced by random values."""

    name = "clicks"

    share: Annotated[float, Between(0, 1)] = 0.001
    """Share of the samples at which a click begins."""
    length: Annotated[int, Between(1, 10000)] = 3
    """Samples of a click."""

    def drawn(self, shape: tuple[int, ...], noise: Noise) -> Damaged:
        """Return clicks at random places, the same in all channels."""
        if len(shape) != 2:
            raise ZaohuaError(f"'{self}' are of sounds; 'scratches' are of pictures")
        u = noise.uniform(2, 1, shape[-1])
        begins = F.pad((u[:, 0] < self.share).float(), (self.length - 1, 0))
        return Damaged(F.max_pool1d(begins, self.length, 1) > 0, u[:, 1] * 2 - 1)
