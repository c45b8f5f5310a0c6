"""Pictures as people look at them: 8-bit, laid out in a grid, large enough to see."""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path
from typing import Any

import numpy as np

from zaohua.errors import ZaohuaError

VISIBLE = 56
"""Pixels that a picture in a grid is at least high, if need be by repeating its own."""


def visible(model: Any, images: Any) -> np.ndarray:
    """Pictures as a fitted model takes and makes them, as uint8 with black 0 and white 255."""
    array, pixels = np.asarray(images), model.codec_.grid_
    if array.dtype == np.uint8 and (pixels.low, pixels.high) == (0, 255):
        return array
    share = (array.astype(np.float64) - pixels.low) / (pixels.high - pixels.low)
    return np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)


def grid(images: Any, columns: int | None = None, gap: int = 2, height: int = VISIBLE, background: int = 255
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
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG", optimize=True)
    return out.getvalue()


def save(image: np.ndarray, path: Path) -> Path:
    """Write a uint8 picture as a PNG file; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(image))
    return path


def data_uri(image: np.ndarray) -> str:
    """A uint8 picture as what an <img> of a page that stands alone has for its source."""
    return "data:image/png;base64," + base64.b64encode(png(image)).decode()


def show(images: Any, columns: int | None = None) -> Any:
    """Pictures side by side as one PIL image, which a notebook displays.

    Args:
        images: uint8 or any numbers, (n, H, W) or (n, H, W, C); other than uint8 is stretched from least to greatest.
        columns: pictures in a row.
    """
    from PIL import Image

    array = np.asarray(images)
    if array.dtype != np.uint8 or array.max() < 64:  # such as the digits' 0 ... 16
        low, high = float(array.min()), float(array.max())
        array = np.rint((array - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    return Image.fromarray(grid(array, columns))
