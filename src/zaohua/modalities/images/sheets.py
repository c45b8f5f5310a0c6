"""Files of many images beside PNG: arrays with labels, and animations."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError, shown
from zaohua.report.sheets import grid

FRAME = 100
"""Milliseconds that each image of an animation is shown."""


def write_arrays(images: np.ndarray, path: Path, y: Sequence[object] | None) -> None:
    """Write the unchanged array of images, and their labels."""
    if y is None:
        np.savez_compressed(path, images=images)
        return
    labels = as_array(y, "labels")
    if labels.shape != (len(images),):
        raise ZaohuaError(f"y must have one label for each of the {len(images):,} images, not {shown(y)}")
    if labels.dtype == object:  # which numpy would pickle
        labels = np.array([str(label) for label in labels])
    np.savez_compressed(path, images=images, labels=labels)


def write_animation(images: np.ndarray, path: Path) -> None:
    """Write images one after another as an animated GIF; enlarge small ones.

    Args:
        images: uint8 (n, H, W) or (n, H, W, C).
        path: the file.
    """
    first, *others = [Image.fromarray(grid(image[None], 1, gap=0)) for image in images]
    encoded = io.BytesIO()
    first.save(encoded, "GIF", save_all=True, append_images=others, duration=FRAME, loop=0)
    path.write_bytes(encoded.getbuffer())
