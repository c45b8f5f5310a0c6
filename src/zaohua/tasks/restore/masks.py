"""Masks: where observations are seen (True, 1) and where they are holes (False, 0)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zaohua.core.arguments import whole_number
from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError, shown
from zaohua.modalities.images.masks import grown


def seen_of(mask: object, n: int, size: tuple[int, ...]) -> np.ndarray:
    """Return how far each value of n observations is seen, float32 (n, *size), from 0 (hole) to 1.

    Args:
        mask: bool, or numbers from 0 to 1; (*size) for all observations or (n, *size).
        n: number of observations.
        size: lengths of their axes.

    Raises:
        ZaohuaError: it has another size, or values that say neither.
    """
    array = as_array(mask, "masks")
    if array.shape not in (size, (n, *size)):
        wanted = " x ".join(map(str, size))
        raise ZaohuaError(f"the mask is of shape {array.shape}, but what is seen is {wanted}: give it ({wanted})")
    if array.dtype.kind not in "buif":
        raise ZaohuaError(f"a mask is True where X is seen, not {shown(array.dtype.name)}")
    share = np.broadcast_to(array.astype(np.float32), (n, *size))
    if not ((share >= 0) & (share <= 1)).all():
        raise ZaohuaError(
            f"a mask is from 0 (a hole) to 1 (seen), not from {array.min():g} to {array.max():g}: give mask / 255, "
            "or mask > 0"
        )
    return share


def eased(mask: ArrayLike, grow: int = 0, soft: int = 0) -> np.ndarray:
    """Return a mask whose holes reach farther, and end softly: hard edges of tight holes show as a rim.

    Args:
        mask: where a picture is seen, (H, W): True, or numbers from 0 to 1.
        grow: pixels by which holes grow on all sides.
        soft: pixels beyond over which the given picture gradually takes the restored one's place.

    Returns:
        float32 (H, W) from 0 (a hole) to 1 (seen).
    """
    array = as_array(mask, "masks")
    if array.ndim != 2:
        raise ZaohuaError(f"eased takes the mask of one picture, (H, W), not {shown(array)}")
    share = seen_of(array, 1, array.shape)[0]
    hole = grown(1 - share, whole_number("grow", grow, 0))
    if not whole_number("soft", soft, 0) or not (hole >= 0.5).any():
        return 1 - hole
    from scipy.ndimage import distance_transform_edt

    away = np.asarray(distance_transform_edt(hole < 0.5), np.float32)
    return np.asarray(np.minimum(1 - hole, np.minimum(away / (soft + 1), 1)))


def extended(
    X: ArrayLike, *, top: int = 0, right: int = 0, bottom: int = 0, left: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Enlarge the canvas of pictures, to be filled in by `restore`: `X, mask = extended(X, right=32)`.

    Args:
        X: pictures (n, H, W) or (n, H, W, C).
        top, right, bottom, left: pixels that are added on each side.

    Returns:
        The larger pictures, with the pixels of their edges repeated, and the mask of what is seen of them.
    """
    pixels = as_array(X, "images")
    if pixels.ndim not in (3, 4):
        raise ZaohuaError(f"images must be numbers (n, H, W) or (n, H, W, C), not {shown(pixels)}")
    sides = {"top": top, "right": right, "bottom": bottom, "left": left}
    sides = {name: whole_number(name, side, 0) for name, side in sides.items()}
    width = [(0, 0), (sides["top"], sides["bottom"]), (sides["left"], sides["right"]), (0, 0)][: pixels.ndim]
    mask = np.pad(np.ones(pixels.shape[1:3], bool), width[1:3])
    return np.pad(pixels, width, "edge"), mask
