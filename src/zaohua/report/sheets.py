"""Grids of images, converted to 8 bits and enlarged to a visible size."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from zaohua.core.arguments import whole_number
from zaohua.core.errors import ZaohuaError
from zaohua.storage.outputs import whole_file

VISIBLE = 56
"""Minimum height of an image in a grid, in pixels; smaller ones are enlarged by repeating pixels."""


@dataclass(frozen=True)
class Picture:
    """A picture on a page.

    Attributes:
        pixels: uint8 (H, W) or (H, W, 3).
        alt: what it shows, for those who can't see it.
    """

    pixels: np.ndarray
    alt: str

    @property
    def width(self) -> int:
        """Its width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Its height in pixels."""
        return int(self.pixels.shape[0])


def on_black(images: np.ndarray, columns: int, alt: str, height: int = 32, gap: int = 14) -> Picture:
    """Lay pictures out on black, with a margin, for a page.

    Args:
        images: uint8 (n, H, W) or (n, H, W, C).
        columns: pictures in a row.
        alt: what they show.
        height: pixels that small pictures are enlarged to at least.
        gap: pixels between and around them.
    """
    shown = grid(images, columns, gap=gap, height=height, background=0)
    return Picture(np.pad(shown, [(gap, gap), (gap, gap)] + [(0, 0)] * (shown.ndim - 2)), alt)


def grid(
    images: np.ndarray, columns: int | None = None, gap: int = 2, height: int = VISIBLE, background: int = 255
) -> np.ndarray:
    """Arrange images in a grid, row by row; enlarge small ones by an integer factor, so that pixels stay sharp.

    Args:
        images: uint8 (n, H, W) or (n, H, W, C).
        columns: images per row; default: about as many as there are rows.
        gap: pixels between two images.
        height: minimum height of an image; smaller ones are enlarged.
        background: value of the pixels between the images.

    Returns:
        uint8 (rows * h + gaps, columns * w + gaps[, C]).
    """
    if columns is not None:
        columns = whole_number("columns", columns)
    array = np.asarray(images)
    if array.ndim not in (3, 4) or array.dtype != np.uint8 or not len(array):
        raise ZaohuaError(f"a grid takes uint8 images (n, H, W) or (n, H, W, C), not {array.dtype} {array.shape}")
    array = array[..., 0] if array.ndim == 4 and array.shape[-1] == 1 else array
    scale = max(1, math.ceil(height / min(array.shape[1:3])))
    array = array.repeat(scale, axis=1).repeat(scale, axis=2)
    n, h, w = array.shape[:3]
    columns = min(n, columns or math.ceil(math.sqrt(n)))
    rows = math.ceil(n / columns)
    sheet = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap, *array.shape[3:]), background, np.uint8)
    for i, image in enumerate(array):
        top, left = (i // columns) * (h + gap), (i % columns) * (w + gap)
        sheet[top : top + h, left : left + w] = image
    return sheet


def png(image: np.ndarray) -> bytes:
    """Encode a uint8 image (H, W) or (H, W, C) as PNG."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG", optimize=True)
    return out.getvalue()


def save(image: np.ndarray, path: Path) -> Path:
    """Write a uint8 image as a PNG file; create missing folders."""
    with whole_file(path) as temporary:
        temporary.write_bytes(png(image))
    return path
