"""Display of images in pages and notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zaohua.core.errors import ZaohuaError, named
from zaohua.modalities.files.values import is_list_of_items, stacked
from zaohua.modalities.images import Images
from zaohua.modalities.images import grid as values
from zaohua.modalities.images.codec import ImageCodec
from zaohua.modalities.images.files import ImageFiles
from zaohua.modalities.images.pixels import checked_pixels
from zaohua.report.sheets import grid


def visible(model: Any, images: Any) -> np.ndarray:
    """Convert images of a fitted model to uint8, from 0 (black) to 255 (white)."""
    return values.visible(images, model.codec_.grid_)


def show(images: Any, columns: int | None = None) -> Any:
    """Arrange images in a grid and return it as a PIL image, which notebooks display.

    Args:
        images: uint8 or any numbers, (n, H, W) or (n, H, W, C), or a list of images; numbers of other types are scaled
            to their range.
        columns: images per row.

    Raises:
        ZaohuaError: these are no images, or a single one, or `columns` is invalid.
    """
    from PIL import Image

    array = checked_pixels(_array(images))
    if array.shape[3] == 2:
        raise ZaohuaError("images of 2 channels can't be shown: give one channel, images[..., :1]")
    if array.dtype != np.uint8 or array.max() < 64:  # such as scikit-learn's digits, 0 ... 16
        low, high = float(array.min()), float(array.max())
        array = np.rint((array - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    return Image.fromarray(grid(array, columns))


def _array(images: Any) -> Any:
    """Return images as an array, or as something that isn't one."""
    if isinstance(images, (str, Path)):
        raise ZaohuaError(f"show takes images, not the path {str(images)!r}: give show(read({str(images)!r})[0])")
    if isinstance(images, np.ndarray) and is_list_of_items(images):
        images = list(images)
    if isinstance(images, Sequence) and len(images):
        images = stacked(images)
    if Images().recognises(images):
        images = Images().collect(images)
    if isinstance(images, ImageFiles):
        codes = ImageCodec().fit(images).encode(images)
        return codes[np.arange(len(codes))].permute(0, 2, 3, 1)
    if not hasattr(images, "shape"):
        raise ZaohuaError(f"show takes an array (n, H, W) or (n, H, W, C), or a list of images, not {named(images)}")
    return images
