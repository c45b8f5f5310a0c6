"""Display of images in pages and notebooks."""

from __future__ import annotations

from typing import Any

import numpy as np

from zaohua.modalities.images import grid as values
from zaohua.report.sheets import grid


def visible(model: Any, images: Any) -> np.ndarray:
    """Convert images of a fitted model to uint8, from 0 (black) to 255 (white)."""
    return values.visible(images, model.codec_.grid_)


def show(images: Any, columns: int | None = None) -> Any:
    """Arrange images in a grid and return it as a PIL image, which notebooks display.

    Args:
        images: uint8 or any numbers, (n, H, W) or (n, H, W, C); other types are scaled to their range.
        columns: images per row.
    """
    from PIL import Image

    array = np.asarray(images)
    if array.dtype != np.uint8 or array.max() < 64:  # such as scikit-learn's digits, 0 ... 16
        low, high = float(array.min()), float(array.max())
        array = np.rint((array - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    return Image.fromarray(grid(array, columns))
