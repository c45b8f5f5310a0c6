"""Operators that act on frequencies: low-pass filters, and other sampling rates.

Frequencies are those of the orthonormal discrete cosine transform (DCT-II) along each axis. It belongs to signals that
are reflected at both ends, half a value outside (x_1 x_0 | x_0 x_1 x_2 ...), so nothing wraps around. Filters are
diagonal in its basis, whatever the size, and have proximal points in closed form.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import lru_cache
from typing import Annotated, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.operators.base import Operator, SameShape
from zaohua.operators.step import Units


def dct(x: Tensor) -> Tensor:
    """Return the orthonormal cosine transform of x (B, C, *axes) along all axes, by one FFT of each (Makhoul, 1980)."""
    for axis in range(2, x.ndim):
        x = x.movedim(axis, -1)
        mixed = torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], -1)
        turn, scale = _factors(x)
        x = ((torch.fft.fft(mixed) * turn).real * scale).movedim(-1, axis)
    return x


def inverse_dct(c: Tensor) -> Tensor:
    """Return the items (B, C, *axes) of which c is the transform."""
    for axis in range(2, c.ndim):
        c = c.movedim(axis, -1)
        turn, scale = _factors(c)
        c = c / scale
        back = torch.cat([torch.zeros_like(c[..., :1]), c[..., 1:].flip(-1)], -1)
        mixed = torch.fft.ifft(torch.complex(c, -back) * turn.conj()).real
        half = (c.shape[-1] + 1) // 2
        c = torch.empty_like(c)
        c[..., ::2], c[..., 1::2] = mixed[..., :half], mixed[..., half:].flip(-1)
        c = c.movedim(-1, axis)
    return c


def _factors(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the phases and the scale of the transform along the last axis."""
    n = x.shape[-1]
    phases, scale = _factors_of(n)
    kind = torch.complex128 if x.dtype == torch.float64 else torch.complex64
    return phases.to(x.device, kind), scale.to(x)


@lru_cache(maxsize=32)
def _factors_of(n: int) -> tuple[Tensor, Tensor]:
    """Return phases and scale for an axis of n values, in double precision."""
    angle = torch.arange(n, dtype=torch.float64) * (-torch.pi / (2 * n))
    scale = torch.full((n,), (2 / n) ** 0.5, dtype=torch.float64)
    scale[0] = (1 / n) ** 0.5
    return torch.polar(torch.ones_like(angle), angle), scale


class Filter(SameShape):
    """Base of operators that multiply each frequency by a number."""

    @abstractmethod
    def response(self, shape: tuple[int, ...]) -> Tensor:
        """Return the numbers for items of a shape (C, *axes), float64 (*axes); frequency j of n is j / (2 n)."""

    def __call__(self, x: Tensor) -> Tensor:
        """Filter x (B, C, *axes)."""
        return inverse_dct(dct(x) * self.response(tuple(x.shape[1:])).to(x))

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Filter y: the operator is symmetric."""
        return self(y)

    def gram(self, shape: tuple[int, ...]) -> Tensor:
        """Return the squares of the response."""
        return self.response(shape) ** 2

    @property
    def in_own_basis(self) -> bool:
        """False: the basis is the cosine transform's."""
        return False

    def turned(self, y: Tensor, shape: tuple[int, ...], back: bool = False) -> Tensor:
        """Return the cosine transform, or its inverse."""
        return inverse_dct(y) if back else dct(y)


class Band(Filter):
    """Low frequencies alone: an orthogonal projection."""

    name = "band"

    cutoff: Annotated[float, Between(above=0, high=1e9)] = 0.5
    """Highest frequency that stays: in hertz for sounds, else as a share of the highest that there is."""

    def in_units(self, units: Units) -> Self:
        """Return the filter with a share of the highest frequency."""
        return self.replaced(cutoff=_share(self, self.cutoff, units.rate and units.rate / 2))

    def response(self, shape: tuple[int, ...]) -> Tensor:
        """Return 1 for frequencies up to the cutoff, and 0 above."""
        square = torch.zeros(1, dtype=torch.float64)
        for n in shape[1:]:
            square = square[..., None] + (torch.arange(n, dtype=torch.float64) / n) ** 2
        return (square[0] <= self.cutoff**2).double()

    def noise_after(self, sigma: float, shape: tuple[int, ...]) -> float:
        """Return sigma: in frequencies that are cut, it doesn't matter."""
        return sigma


class Resample(Operator):
    """Fewer values per second, without the frequencies that these can't show; of pictures, fewer pixels.

    The new values are evenly spread over the same length, so the first lies in the middle of those that it replaces.
    """

    name = "resample"

    rate: Annotated[float, Between(above=0, high=1e9)] = 0.5
    """Values per second for sounds, else the share of the values that stays."""

    def in_units(self, units: Units) -> Self:
        """Return the operator with the share of values."""
        return self.replaced(rate=_share(self, self.rate, units.rate))

    def after(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of what is seen: each axis shorter by the rate."""
        return (shape[0], *(max(1, round(n * self.rate)) for n in shape[1:]))

    def before(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of items of which a shape is seen."""
        return (shape[0], *(max(1, round(n / self.rate)) for n in shape[1:]))

    def __call__(self, x: Tensor) -> Tensor:
        """Keep low frequencies of x (B, C, *axes), as fewer values."""
        shape = tuple(x.shape[1:])
        c = dct(x)
        for axis, n in enumerate(self.after(shape)[1:], 2):
            c = c.narrow(axis, 0, n)
        return inverse_dct(c) * math.sqrt(self.gram(shape))

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Show the same frequencies as more values."""
        padding = [n for before, after in zip(shape[:0:-1], y.shape[:1:-1], strict=True) for n in (0, before - after)]
        return inverse_dct(F.pad(dct(y), padding)) * math.sqrt(self.gram(shape))

    def gram(self, shape: tuple[int, ...]) -> float:
        """Return the share of values that stays."""
        return math.prod(self.after(shape)[1:]) / math.prod(shape[1:])


def _share(step: Operator, value: float, whole: float | None) -> float:
    """Return a frequency or rate as a share of the whole; without one, the value is a share.

    Raises:
        ZaohuaError: it is more than the whole.
    """
    if whole is None and value > 1:
        raise ZaohuaError(f"'{step}': what isn't a sound has no hertz; write a share of 1, such as '{step.name} 0.5'")
    if whole is not None and value > whole:
        raise ZaohuaError(f"'{step}' is above the {whole:g} of the sounds, so it would change nothing")
    return value / (whole or 1.0)
