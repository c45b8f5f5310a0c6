"""Pictures laid out in a grid, 8-bit and large enough to see."""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from zaohua.core.errors import ZaohuaError

if TYPE_CHECKING:
    from zaohua.modalities.images.grid import Grid

VISIBLE = 56
"""Pixels that a picture in a grid is at least high, if need be by repeating its own."""


def visible(images: Any, values: Grid, dtype: Any = np.uint8) -> np.ndarray:
    """Pictures whose pixels take these values as whole numbers: black 0, white the largest of uint8 or uint16."""
    array, top = np.asarray(images), np.iinfo(dtype).max
    if array.dtype == dtype and (values.low, values.high) == (0, top):
        return array
    share = (array.astype(np.float64) - values.low) / (values.high - values.low)
    return np.rint(np.clip(share, 0, 1) * top).astype(dtype)


def grid(
    images: Any, columns: int | None = None, gap: int = 2, height: int = VISIBLE, background: int = 255
) -> np.ndarray:
    """Pictures side by side, row by row, small ones enlarged by whole numbers so that their pixels stay sharp.

    Args:
        images: uint8 (n, H, W) or (n, H, W, C).
        columns: pictures in a row; as many as make the grid about square when not given.
        gap: pixels between two pictures.
        height: what pictures are enlarged to at least.
        background: value of the pixels between them.

    Returns:
        uint8 (rows * h + gaps, columns * w + gaps[, C]).
    """
    array = np.asarray(images)
    if array.ndim not in (3, 4) or array.dtype != np.uint8 or not len(array):
        raise ZaohuaError(f"a grid takes uint8 pictures (n, H, W) or (n, H, W, C), not {array.dtype} {array.shape}")
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
    """A uint8 picture (H, W) or (H, W, C) as the bytes of a PNG file."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG", optimize=True)
    return out.getvalue()


def data_uri(image: np.ndarray) -> str:
    """Return a uint8 picture as a data URI, the source of an <img> in a page that needs no other file."""
    return "data:image/png;base64," + base64.b64encode(png(image)).decode()


def save(image: np.ndarray, path: Path) -> Path:
    """Write a uint8 picture as a PNG file; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(image))
    return path
