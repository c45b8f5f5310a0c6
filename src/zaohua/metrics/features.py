"""Validation of the feature arrays that all metrics take."""

from __future__ import annotations

from collections.abc import Container

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError

Matrix = NDArray[np.float64]


def as_features(x: ArrayLike, name: str, least: int = 2) -> Matrix:
    """Validate features and return them as float64 (n, d).

    Args:
        x: the features.
        name: name of the features in error messages.
        least: minimum number of items.

    Raises:
        ZaohuaError: the array isn't (n, d), has too few items, or holds values that aren't finite.
    """
    return np.asarray(_checked(x, name, least, (2,)), np.float64)


def as_vectors(x: ArrayLike, name: str, least: int = 1) -> np.ndarray:
    """Validate items of any shape and return them as (n, d), without a change of type: 8-bit images stay small."""
    array = _checked(x, name, least, range(2, 9))
    return array.reshape(len(array), -1)


def pair(a: ArrayLike, b: ArrayLike, names: tuple[str, str] = ("a", "b"), least: int = 2) -> tuple[Matrix, Matrix]:
    """Validate two sets of features and return them; see `as_features`. They must be equally wide."""
    x, y = as_features(a, names[0], least), as_features(b, names[1], least)
    same_width(x, y)
    return x, y


def same_width(*sets: np.ndarray) -> None:
    """Raise a ZaohuaError unless all sets of vectors are equally wide."""
    widths = list(dict.fromkeys(x.shape[1] for x in sets))
    if len(widths) > 1:
        raise ZaohuaError(f"features must be equally wide, not {' and '.join(map(str, widths))}")


def _checked(x: ArrayLike, name: str, least: int, axes: Container[int]) -> np.ndarray:
    array = as_array(x, "features")
    if array.dtype.kind not in "biuf":
        raise ZaohuaError(f"features {name} must be numbers, not {array.dtype}")
    if array.ndim not in axes or len(array) < least or array.size == 0:
        count = {1: "one item", 2: "two items"}.get(least, f"{least} items")
        raise ZaohuaError(f"features {name} must be (n, d) with at least {count}, not {array.shape}")
    if not np.isfinite(array).all():
        raise ZaohuaError(f"features {name} hold values that are not finite")
    return array
