"""Pictures as people look at them: in a page, in a notebook."""

from __future__ import annotations

from typing import Any

import numpy as np

from zaohua.modalities.images import grid as values
from zaohua.report.sheets import grid


def visible(model: Any, images: Any) -> np.ndarray:
    """Pictures as a fitted model takes and makes them, as uint8 with black 0 and white 255."""
    return values.visible(images, model.codec_.grid_)


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
