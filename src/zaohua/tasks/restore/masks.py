"""Masks: where observations are seen (True, 1) and where they are holes (False, 0)."""

from __future__ import annotations

import numpy as np

from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError, shown


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
