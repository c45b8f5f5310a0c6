"""Compression of pictures as JPEG does it: cosine transforms of blocks, rounded to multiples of a table."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional as F

from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.operators.levels import MARGIN, Projection

SIDE = 8
"""Side of a block."""
BRIGHTNESS = """
16 11 10 16 24 40 51 61  12 12 14 19 26 58 60 55  14 13 16 24 40 57 69 56  14 17 22 29 51 87 80 62
18 22 37 56 68 109 103 77  24 35 55 64 81 104 113 92  49 64 78 87 103 121 120 101  72 92 95 98 112 100 103 99
"""
COLOUR = """
17 18 24 47 99 99 99 99  18 21 26 66 99 99 99 99  24 26 56 99 99 99 99 99  47 66 99 99 99 99 99 99
99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99
"""
"""Steps of the coefficients at quality 50 (ITU-T T.81, annex K)."""
TO_YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
"""Brightness, blue and red difference of red, green and blue (JFIF)."""


class JPEG(Projection):
    """Rounding of JPEG, with colours at half the resolution as Pillow stores them; sides are padded by their last row.

    `nearest` brings the coefficients into the intervals that are rounded to what is seen. Where a side isn't a multiple
    of the blocks (8 pixels, 16 of colours), it does so for the padded picture.
    """

    name = "jpeg"

    quality: Annotated[int, Between(1, 100)] = 50
    """Quality from 1 to 100, as in Pillow."""

    def __call__(self, x: Tensor) -> Tensor:
        """Compress pictures x (B, 1 or 3, H, W), and decode them; bytes aren't rounded."""
        planes = []
        for plane, steps in self._planes(x, _halved):
            planes.append(_blocks_back(_rounded(_blocks(plane), steps) * steps, plane.shape))
        return _picture(planes, x, _doubled) + 0.5 / 127.5

    def nearest(self, seen: Tensor, x: Tensor) -> Tensor:
        """Return the pictures whose coefficients are those of x, cut to the intervals of those that are seen."""
        moves = []
        for (plane, steps), (given, _) in zip(self._planes(x, _halved), self._planes(seen, _undoubled), strict=True):
            middle, has = _rounded(_blocks(given), steps), _blocks(plane)
            cut = has.clamp((middle - 0.5 + MARGIN) * steps, (middle + 0.5 - MARGIN) * steps)
            moves.append(_blocks_back(cut - has, plane.shape))
        return x + _picture(moves, x, _repeated)

    def _planes(self, x: Tensor, halve: Callable[[Tensor], Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Return padded planes (B, 1, H, W) with values around 0, and the steps of their coefficients.

        Args:
            x: pictures.
            halve: makes the planes of colours smaller.
        """
        if x.ndim != 4 or x.shape[1] not in (1, 3):
            raise ZaohuaError(f"'{self}' compresses pictures of one or three colours, not items of {x.shape[1:]}")
        levels = x * 127.5 - 0.5
        brightness, colour = (table.to(x) for table in _tables(self.quality))
        if x.shape[1] == 1:
            return [(_padded(levels, SIDE), brightness)]
        ycc = torch.einsum("kc,bchw->bkhw", levels.new_tensor(TO_YCC), _padded(levels, 2 * SIDE))
        light, blue, red = ycc.split(1, 1)
        return [(light, brightness), (halve(blue), colour), (halve(red), colour)]


def _halved(plane: Tensor) -> Tensor:
    """Return means of 2 x 2 pixels."""
    return F.avg_pool2d(plane, 2)


def _repeated(plane: Tensor) -> Tensor:
    """Return the plane with each pixel as 2 x 2; `_halved` undoes it."""
    return plane.repeat_interleave(2, 2).repeat_interleave(2, 3)


def _doubled(plane: Tensor) -> Tensor:
    """Return the plane at twice the size, interpolated as libjpeg does: 3/4 of the pixel and 1/4 of the next."""
    for axis in (2, 3):
        before, after = _neighbours(plane, axis)
        pair = [0.75 * plane + 0.25 * before, 0.75 * plane + 0.25 * after]
        plane = torch.stack(pair, axis + 1).flatten(axis, axis + 1)
    return plane


def _undoubled(plane: Tensor) -> Tensor:
    """Return the plane that `_doubled` was given; each pass leaves a third of the error."""
    for axis in (2, 3):
        pairs = plane.unflatten(axis, (-1, 2)).sum(axis + 1)
        plane = pairs / 2
        for _ in range(20):
            before, after = _neighbours(plane, axis)
            plane = (pairs - 0.25 * (before + after)) / 1.5
    return plane


def _neighbours(plane: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Return the pixels before and after each along an axis; beyond the ends, the last."""
    n = plane.shape[axis]
    before = torch.cat([plane.narrow(axis, 0, 1), plane.narrow(axis, 0, n - 1)], axis)
    return before, torch.cat([plane.narrow(axis, 1, n - 1), plane.narrow(axis, n - 1, 1)], axis)


def _padded(x: Tensor, multiple: int) -> Tensor:
    """Repeat the last rows and columns, up to a multiple."""
    height, width = x.shape[2:]
    return F.pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def _picture(planes: list[Tensor], like: Tensor, double: Callable[[Tensor], Tensor]) -> Tensor:
    """Return pictures in units of tensors, but for a shift; the opposite of `_planes`.

    Args:
        planes: planes (B, 1, H, W), those of colours at half the resolution.
        like: pictures of the same size.
        double: makes the planes of colours larger.
    """
    out = planes[0]
    if len(planes) > 1:
        inverse = torch.linalg.inv(torch.tensor(TO_YCC, dtype=torch.float64)).to(out)
        out = torch.einsum("ck,bkhw->bchw", inverse, torch.cat([out, *map(double, planes[1:])], 1))
    return out[:, :, : like.shape[2], : like.shape[3]] / 127.5


def _blocks(plane: Tensor) -> Tensor:
    """Return the cosine transforms of blocks, (B, 1, rows, columns, 8, 8)."""
    size, basis = plane.shape, _basis().to(plane)
    blocks = plane.view(*size[:2], size[2] // SIDE, SIDE, size[3] // SIDE, SIDE).transpose(3, 4)
    return basis @ blocks @ basis.T


def _blocks_back(coefficients: Tensor, size: torch.Size) -> Tensor:
    """Return the plane of a size that blocks belong to."""
    basis = _basis().to(coefficients)
    return (basis.T @ coefficients @ basis).transpose(3, 4).reshape(size)


def _rounded(coefficients: Tensor, steps: Tensor) -> Tensor:
    """Return the number of steps of each coefficient."""
    return (coefficients / steps).round()


@lru_cache(maxsize=1)
def _basis() -> Tensor:
    """Return the orthonormal cosine transform of 8 values, float64."""
    k, n = torch.arange(SIDE, dtype=torch.float64)[:, None], torch.arange(SIDE, dtype=torch.float64)
    basis: Tensor = torch.cos(math.pi / (2 * SIDE) * (2 * n + 1) * k) * (2 / SIDE) ** 0.5
    basis[0] /= 2**0.5
    return basis


@lru_cache(maxsize=16)
def _tables(quality: int) -> tuple[Tensor, Tensor]:
    """Return the steps of brightness and of colours at a quality, float64 (8, 8), as libjpeg scales them."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    tables = [torch.tensor([*map(int, table.split())]).view(SIDE, SIDE) for table in (BRIGHTNESS, COLOUR)]
    first, second = (((table * scale + 50) // 100).clamp(1, 255).double() for table in tables)
    return first, second
