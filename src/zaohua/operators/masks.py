"""Masks: part of the values are seen, and the others are zero."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Self

import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import Noise
from zaohua.core.params import Between
from zaohua.operators.base import SameShape
from zaohua.operators.step import Units


class Masking(SameShape):
    """Base of masks."""

    @abstractmethod
    def mask(self, shape: tuple[int, ...]) -> Tensor:
        """Return True where values are seen, bool, of a shape that broadcasts to items (B, C, *axes).

        Args:
            shape: shape of the items, (C, *axes).
        """

    def __call__(self, x: Tensor) -> Tensor:
        """Return x with zeros in place of what is hidden, whatever that is."""
        return x.where(self.mask(tuple(x.shape[1:])).to(x.device), x.new_zeros(()))

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Hide the same values."""
        return self(y)

    def gram(self, shape: tuple[int, ...]) -> Tensor:
        """Return 1 where values are seen, and 0 elsewhere."""
        return self.mask(shape).float()

    def within(self, y: Tensor) -> Tensor:
        """Hide what is hidden."""
        return self(y)

    def noise_after(self, sigma: float, shape: tuple[int, ...]) -> float:
        """Return sigma: where values are hidden, it doesn't matter."""
        return sigma


class Mask(Masking):
    """Values are seen where a tensor says so.

    Args:
        seen: True where values are seen, bool, of a shape that broadcasts to items (B, C, *axes).
    """

    name = "mask"

    def __init__(self, seen: Tensor) -> None:
        self.seen = seen

    def mask(self, shape: tuple[int, ...]) -> Tensor:
        """Return the tensor.

        Raises:
            ZaohuaError: it has another size than the items.
        """
        own = self.seen.shape[1:] if self.seen.ndim > len(shape) else self.seen.shape
        pairs = zip(reversed(own), reversed(shape), strict=False)
        if self.seen.ndim > len(shape) + 1 or any(n not in (1, size) for n, size in pairs):
            raise ZaohuaError(f"a mask of {_size(own)} doesn't fit items of {_size(shape)}: give it the items' size")
        return self.seen


class MaskBox(Masking):
    """Hides a rectangle of a picture."""

    name = "mask box"

    x: Annotated[int, Between(0, 10**6)] = 0
    """Left edge, in pixels."""
    y: Annotated[int, Between(0, 10**6)] = 0
    """Upper edge, in pixels."""
    width: Annotated[int, Between(1, 10**6)] = 0
    """Width, in pixels."""
    height: Annotated[int, Between(1, 10**6)] = 0
    """Height, in pixels."""

    def mask(self, shape: tuple[int, ...]) -> Tensor:
        """Return the mask of pictures of a shape (C, H, W)."""
        if len(shape) != 3:
            raise ZaohuaError(f"'{self}' hides part of a picture: write 'mask gap START LENGTH' for sounds")
        rows, columns = shape[1:]
        if self.x + self.width > columns or self.y + self.height > rows:
            raise ZaohuaError(f"'{self}' reaches outside of a picture of {columns} x {rows} (width x height)")
        seen = torch.ones(1, 1, rows, columns, dtype=torch.bool)
        seen[:, :, self.y : self.y + self.height, self.x : self.x + self.width] = False
        return seen


class MaskGap(Masking):
    """Hides a stretch of the last axis: of sounds, a stretch of time."""

    name = "mask gap"

    start: Annotated[float, Between(0, 1e9)] = 0.0
    """Beginning, in seconds for sounds, else in values."""
    length: Annotated[float, Between(above=0, high=1e9)] = 0.0
    """Length, in seconds for sounds, else in values."""

    def in_units(self, units: Units) -> Self:
        """Return the mask with times in values."""
        rate = units.rate or 1.0
        return self.replaced(start=self.start * rate, length=self.length * rate)

    def mask(self, shape: tuple[int, ...]) -> Tensor:
        """Return the mask of items of a shape (C, ..., T)."""
        first, last = round(self.start), round(self.start + self.length)
        if last > shape[-1]:
            raise ZaohuaError(f"a gap up to value {last:,} reaches outside of the {shape[-1]:,} values of an item")
        seen = torch.ones(1, 1, *[1] * (len(shape) - 2), shape[-1], dtype=torch.bool)
        seen[..., first:last] = False
        return seen


class MaskRandom(SameShape):
    """Hides values at random, of all channels alike."""

    name = "mask random"
    chooses = True

    share: Annotated[float, Between(0, 1)] = 0.5
    """Share that is hidden."""

    def drawn(self, shape: tuple[int, ...], noise: Noise) -> Mask:
        """Return a mask for each item."""
        return Mask(noise.uniform(1, *shape[1:]) >= self.share)

    def __call__(self, x: Tensor) -> Tensor:
        """Refuse: what is hidden must be drawn first.

        Raises:
            ZaohuaError: always.
        """
        raise ZaohuaError(f"'{self}' hides values at random: call `drawn` first, or degrade by a Degradation")


def _size(shape: Sequence[int]) -> str:
    """Return the lengths of axes as text."""
    return " x ".join(map(str, shape))
