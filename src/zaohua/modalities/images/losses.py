"""Notes on what images lose when they are read, such as pages, transparency, bits and sides, and on their range."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note
from zaohua.modalities.base import counted
from zaohua.modalities.images.grid import Grid, find_grid
from zaohua.modalities.images.opening import PAGED, ImageHeader
from zaohua.modalities.images.pixels import Loss, misfit

FILLED = 1 / 8
"""Fraction of a type's range below which data that fill no more are told: they have another white, most likely."""

CROPPED = "cropped to the proportions asked for"


def tell_pages(headers: Sequence[ImageHeader]) -> None:
    """Note the files of which only the first page is read."""
    counts = Counter(header.format for header in headers if header.pages > 1)
    for name, count in sorted(counts.items()):
        if name in PAGED or not name:
            files = counted(count, f"{name} file") if name else counted(count, "image")
            note(f"first page of {files} of several ({option('pages', 'all')} takes all)")
        else:
            note(f"only the main picture of {counted(count, f'{name} file')}")


def tell_losses(losses: Sequence[Loss], white: float | None) -> None:
    """Note how many images lost something, and a range that they hardly fill.

    Args:
        losses: of each image.
        white: the value of white that was given.
    """
    for count, what in (
        (
            sum(loss.transparent for loss in losses),
            f"laid on white where transparent ({option('channels', 'rgba', 'image_')} keeps it)",
        ),
        (sum(loss.deep for loss in losses), "reduced from 16 bits to 8"),
        (sum(loss.cropped for loss in losses), CROPPED),
        (sum(loss.enlarged for loss in losses), "enlarged"),
    ):
        if count:
            note(f"{counted(count, 'image')} {what}")
    if white is None:
        for top in sorted({loss.top for loss in losses}):
            tell_range(max(loss.highest for loss in losses if loss.top == top), top)


def tell_sizes(size: tuple[int, ...], target: tuple[int, int], count: int) -> None:
    """Note that arrays of (height, width) `size` are cropped or enlarged to `target`."""
    cropped, enlarged = misfit((size[1], size[0]), target)
    if cropped:
        note(f"{counted(count, 'image')} {CROPPED}")
    if enlarged:
        note(f"{counted(count, 'image')} enlarged")


def tell_range(highest: float, top: float) -> None:
    """Note values that fill less than an eighth of the range of their type.

    Args:
        highest: the highest value.
        top: the highest value that the type can hold.
    """
    if 0 < highest < FILLED * top:
        white = 2 ** (int(highest)).bit_length() - 1
        note(
            f"values reach {highest:,.6g} of {top:,.6g}, {100 * highest / top:.2g} % of the range: "
            f"{option('max_value', white)} makes {white:,} white"
        )


def grid_of(pixels: np.ndarray, white: float | None) -> Grid:
    """Return the values that the pixels of an array can take, and note what is guessed.

    Args:
        pixels: numeric array (n, ...), finite.
        white: value of white; None to find the range from type and values, see `find_grid`.

    Raises:
        ZaohuaError: a value isn't between 0 and white, or there are integers outside 0 ... 65535.
    """
    if white is None:
        found = find_grid(pixels)
        if pixels.dtype.kind in "iu":
            tell_range(float(pixels.max()), found.high)
        elif found.levels is None and (found.low, found.high) not in ((0, 1), (-1, 1)):
            note(f"black is taken to be {found.low:g} and white {found.high:g}, the extremes of the values")
        return found
    low, high = float(pixels.min()), float(pixels.max())
    if low < 0 or high > white:
        raise ZaohuaError(f"pixels are from {low:g} to {high:g}, not from 0 to {white:g} ({option('max_value')})")
    whole = pixels.dtype.kind in "biu" and white <= 65535 and white == round(white)
    levels = Grid(0, white, round(white) + 1 if whole else 256)
    return levels if whole or levels.fits(pixels) else Grid(0, white, None)
