"""Values that pixels can take: their range, and whether they are equally spaced levels or continuous."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json

FEW = 33
"""Maximum number of equally spaced values, all of which occur, that count as a grid of their own."""
CHUNK = 1 << 20
"""Number of pixels that are converted at once."""


@dataclass(frozen=True)
class Grid:
    """Grid of pixel values: `levels` equally spaced values from low to high, or continuous if `levels` is None.

    Pixels are encoded as the indices 0 ... levels - 1 of their values (uint8, or int32 above 256 levels); continuous
    pixels as values scaled to [-1, 1] (float32).
    """

    low: float
    high: float
    levels: int | None

    @property
    def scale(self) -> float:
        """Pixel units per unit of a tensor in [-1, 1]."""
        return (self.high - self.low) / 2

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """Encode pixels, in the same shape; 8-bit images are returned without a copy.

        Raises:
            ZaohuaError: a value isn't on the grid; the message names its item.
        """
        if self.levels is None:
            middle, floats = (self.low + self.high) / 2, np.empty(pixels.shape, np.float32)
            for rows in _chunks(pixels):
                floats[rows] = (pixels[rows].astype(np.float64) - middle) / self.scale
            return floats
        if self == EIGHT_BIT and pixels.dtype == np.uint8:
            return pixels
        kind = np.uint8 if self.levels <= 256 else np.int32
        out = np.empty(pixels.shape, kind)
        for rows in _chunks(pixels):
            out[rows] = self._steps(pixels[rows], rows.start)
        return out

    def _steps(self, pixels: np.ndarray, start: int) -> np.ndarray:
        steps = self._exact_steps(pixels)
        indices = np.rint(steps)
        bad = (np.abs(steps - indices) > 1e-3) | (indices < 0) | (indices >= (self.levels or 0))
        if bad.any():
            item = int(np.argwhere(bad)[0][0])
            value = pixels[bad][0]
            raise ZaohuaError(
                f"image {start + item} has a pixel of value {value}, which is not one of the "
                f"{self.levels} values from {self.low:g} to {self.high:g} of the training images"
            )
        return np.asarray(indices)

    def _exact_steps(self, pixels: np.ndarray) -> np.ndarray:
        assert self.levels is not None
        return (pixels.astype(np.float64) - self.low) * ((self.levels - 1) / (self.high - self.low))

    def fits(self, pixels: np.ndarray) -> bool:
        """Return True if every pixel has one of the grid's values."""
        for rows in _chunks(pixels):
            steps = self._exact_steps(pixels[rows])
            indices = np.rint(steps)
            if (np.abs(steps - indices) > 1e-3).any() or indices.min() < 0 or indices.max() >= (self.levels or 0):
                return False
        return True

    def decode(self, x: np.ndarray, levels: int | None, dtype: np.dtype[np.generic]) -> np.ndarray:
        """Convert numbers in [-1, 1] to the nearest pixel values; continuous ones are clipped to [low, high].

        Args:
            x: float array of any shape, finite.
            levels: number of values to choose from (2 for binarised images).
            dtype: type of the pixels.

        Raises:
            ZaohuaError: a number is NaN or infinite.
        """
        if not np.isfinite(x).all():
            raise ZaohuaError("pixels are NaN or infinite, so they are no picture")
        fraction = (x.astype(np.float64) + 1) / 2
        span = self.high - self.low
        if levels is None:
            return np.clip(self.low + fraction * span, self.low, self.high).astype(dtype)
        indices = np.clip(np.rint(fraction * (levels - 1)), 0, levels - 1)
        return (self.low + indices * span / (levels - 1)).astype(dtype)

    def to_json(self) -> Json:
        """Return the grid as JSON values."""
        return asdict(self)


def _chunks(pixels: np.ndarray) -> Iterator[slice]:
    """Yield slices of consecutive images, of `CHUNK` pixels at most: as floats they take eight times the memory."""
    count = max(1, CHUNK * len(pixels) // max(1, pixels.size))
    return (slice(at, at + count) for at in range(0, len(pixels), count))


EIGHT_BIT = Grid(0, 255, 256)
SIXTEEN_BIT = Grid(0, 65535, 65536)


def find_grid(pixels: np.ndarray) -> Grid:
    """Determine the grid of an array of pixels from its type and values.

    Values 0, s, 2s ... ks that all occur (k <= 32: binary images, scikit-learn's digits 0 ... 16) are a grid of k + 1
    levels. Other integers are 8-bit, or 16-bit if above 255 or of type uint16. Floats that are 8-bit values scaled to
    [0, 1] or [-1, 1] have 256 levels. Other floats are continuous: in [0, 1] or [-1, 1] if they cover it, else in their
    own range.

    Args:
        pixels: numeric array (n, ...), finite.

    Raises:
        ZaohuaError: integers outside 0 ... 65535.
    """
    if pixels.dtype == np.bool_:
        return Grid(0, 1, 2)
    low, high = float(pixels.min()), float(pixels.max())
    few = _few_levels(pixels, low, high)
    if few is not None:
        return few
    if pixels.dtype.kind in "iu":
        if low < 0 or high > 65535:
            raise ZaohuaError(f"integer pixels must be from 0 to 65535, not from {low:g} to {high:g}: give floats")
        return SIXTEEN_BIT if pixels.dtype == np.uint16 or high > 255 else EIGHT_BIT
    for grid in (Grid(0, 1, 256), Grid(-1, 1, 256), EIGHT_BIT):
        if grid.low <= low and high <= grid.high and high > grid.high / 2 and grid.fits(pixels):
            return grid
    for a, b in ((0.0, 1.0), (-1.0, 1.0)):
        if a <= low and high <= b and max(-low, high) > 0.5:
            return Grid(a, b, None)
    return Grid(low, high if high > low else low + 1, None)


def _few_levels(pixels: np.ndarray, low: float, high: float) -> Grid | None:
    if low != 0 or high <= 0:
        return None
    values = np.unique(pixels[:64])
    for at in range(64, len(pixels), 4096):
        if len(values) > FEW:
            return None
        values = np.union1d(values, pixels[at : at + 4096])
    even = np.allclose(values, np.linspace(0, high, len(values)), rtol=0, atol=1e-6 * high)
    return Grid(0, high, len(values)) if even and len(values) <= FEW else None


def visible(images: ArrayLike, values: Grid, dtype: DTypeLike = np.uint8) -> np.ndarray:
    """Rescale pictures to whole numbers with black 0 and white the largest of the type.

    Args:
        images: pictures whose pixels take these values.
        values: the values of pixels.
        dtype: uint8 or uint16.
    """
    array, top = np.asarray(images), np.iinfo(dtype).max
    if array.dtype == dtype and (values.low, values.high) == (0, top):
        return array
    share = (array.astype(np.float64) - values.low) / (values.high - values.low)
    return np.rint(np.clip(share, 0, 1) * top).astype(dtype)
