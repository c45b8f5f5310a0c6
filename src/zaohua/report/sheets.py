"""Grids of images, converted to 8 bits and enlarged to a visible size."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.images.grid import Grid

VISIBLE = 56
"""Minimum height of an image in a grid, in pixels; smaller ones are enlarged by repeating pixels."""


def visible(images: Any, values: Grid, dtype: Any = np.uint8) -> np.ndarray:
    """Scale images from the range of `values` to integers from 0 (black) to the maximum of uint8 or uint16 (white)."""
    array, top = np.asarray(images), np.iinfo(dtype).max
    if array.dtype == dtype and (values.low, values.high) == (0, top):
        return array
    brightness = (array.astype(np.float64) - values.low) / (values.high - values.low)
    return np.rint(np.clip(brightness, 0, 1) * top).astype(dtype)


def grid(
    images: Any, columns: int | None = None, gap: int = 2, height: int = VISIBLE, background: int = 255
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
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(image))
    return path
