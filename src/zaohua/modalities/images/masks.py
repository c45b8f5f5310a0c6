"""Masks of pictures: which pixels are to be made anew, from files, transparency and boxes.

A mask is float32 (H, W): 1 in the hole, 0 where pixels stay, and between in soft edges. In files the hole is white by
default, as in Stable Diffusion's and LaMa's; a file without grey levels but with transparency has its hole where it is
transparent, as in OpenAI's image edits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note

Hole = Literal["white", "black", "alpha"]
"""What is the hole in a file: what is white, black or transparent."""


def read_mask(path: Path, hole: Hole | None = None) -> np.ndarray:
    """Read a mask from a picture file, and note which colour was taken for the hole.

    Args:
        path: a picture: grey, in colour, with a palette, or with transparency.
        hole: which colour is the hole; None for white, or what is transparent if all else is of one colour.

    Raises:
        ZaohuaError: it can't be read, or has no transparency where that is the hole.
    """
    from zaohua.modalities.images.original import Picture

    picture = Picture.read(path)
    light = picture.item.astype(np.float32) / np.iinfo(picture.item.dtype).max
    light = light.mean(axis=2) if light.ndim == 3 else light
    even = float(light.max()) == float(light.min())
    if hole is None:
        hole = "alpha" if even and picture.alpha is not None else "white"
    if hole == "alpha":
        if picture.alpha is None:
            raise ZaohuaError(
                f"{path}: has no transparency: give {option('hole', 'white')} or {option('hole', 'black')}"
            )
        found = transparent(picture.alpha)
    else:
        levels = np.unique(light)
        if len(levels) == 2 and (levels[0], levels[1]) != (0, 1):
            note(f"the lighter of the two colours of {path} is taken for white")
            light = (light == levels[1]).astype(np.float32)
        found = light if hole == "white" else 1 - light
    words = {"white": "white", "black": "black", "alpha": "transparent"}[hole]
    note(f"hole: where {path} is {words} ({_share(found)})")
    return found


def transparent(alpha: np.ndarray) -> np.ndarray:
    """Return the mask whose hole is where a picture is transparent.

    Args:
        alpha: uint8 (H, W), 255 where it is opaque.
    """
    return (1 - alpha.astype(np.float32) / 255).astype(np.float32)


def boxes(shape: tuple[int, ...], found: Sequence[tuple[int, int, int, int]]) -> np.ndarray:
    """Return a mask of boxes.

    Args:
        shape: (height, width) of the picture.
        found: left, top, width and height of each.

    Raises:
        ZaohuaError: a box is empty, or outside the picture.
    """
    mask = np.zeros(shape, np.float32)
    for left, top, width, height in found:
        words = f"the box {left} {top} {width} {height}"
        if width < 1 or height < 1:
            raise ZaohuaError(f"{words} is empty: give left, top, width and height")
        rows, columns = (slice(max(at, 0), max(at + n, 0)) for at, n in ((top, height), (left, width)))
        part = mask[rows, columns]
        if not part.size:
            raise ZaohuaError(f"{words} lies outside the picture, which is {shape[1]} x {shape[0]} pixels")
        if part.size < width * height:
            note(f"{words} reaches beyond the picture, which is {shape[1]} x {shape[0]} pixels")
        part[:] = 1
    return mask


def grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    """Return a mask whose hole reaches farther by a number of pixels in each direction.

    Args:
        mask: float32 (H, W).
        pixels: 0 or more.
    """
    if not pixels or not (mask >= 0.5).any():
        return mask
    from scipy.ndimage import distance_transform_edt

    near = np.asarray(distance_transform_edt(mask < 0.5) <= pixels)
    return np.asarray(np.maximum(mask, near.astype(np.float32)))


def _share(mask: np.ndarray) -> str:
    """Write how much of a picture is hidden."""
    return f"{100 * float((mask > 0).mean()):.3g} % of the picture"
