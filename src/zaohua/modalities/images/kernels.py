"""Kernels of blur in files: a small picture, or an array of numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note

LONGEST = 255
"""Most pixels along a side of a kernel."""


def read_kernel(path: Path) -> np.ndarray:
    """Read a kernel, whose middle lies on the pixel, float64 (height, width) with the sum 1.

    Args:
        path: a picture, whose white is much and whose black is nothing, or an .npy file.

    Raises:
        ZaohuaError: it can't be read, has an even or a very long side, or numbers that are no weights.
    """
    weights = _array(path) if path.suffix.casefold() == ".npy" else _picture(path)
    if weights.ndim != 2 or weights.dtype.kind not in "buif":
        raise ZaohuaError(f"{path}: a kernel has height and width, and numbers, not {weights.shape} of {weights.dtype}")
    height, width = weights.shape
    if height % 2 == 0 or width % 2 == 0 or max(height, width) > LONGEST:
        raise ZaohuaError(
            f"{path}: is {width} x {height}, and a kernel has odd sides up to {LONGEST}, so that it has a middle"
        )
    weights = weights.astype(np.float64)
    total = float(weights.sum())
    if not np.isfinite(weights).all() or weights.min() < 0 or total <= 0:
        raise ZaohuaError(f"{path}: the weights of a kernel are finite and not negative, and some are above 0")
    if abs(total - 1) > 1e-6:
        note(f"the weights of {path} divided by their sum, {total:.4g}")
    return np.asarray(weights / total)


def _array(path: Path) -> np.ndarray:
    """Read an array."""
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise ZaohuaError(f"{path}: can't be read as an array of numpy: {str(error).splitlines()[0]}") from None


def _picture(path: Path) -> np.ndarray:
    """Read the brightness of a picture."""
    from zaohua.modalities.images.original import Picture

    pixels = Picture.read(path).item
    return pixels if pixels.ndim == 2 else pixels.mean(axis=2)
