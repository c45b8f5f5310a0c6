"""What all measures ask of the arrays that they compare; whatever is wrong with one is said in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zaohua.core.errors import ZaohuaError

Matrix = NDArray[np.float64]


def as_features(x: ArrayLike, name: str, least: int = 2) -> Matrix:
    """Features as float64 (n, d).

    Args:
        x: the features.
        name: what messages call them.
        least: how many items there must be.

    Raises:
        ZaohuaError: they aren't (n, d), too few, or not finite.
    """
    return np.asarray(_checked(x, name, least, (2,)), np.float64)


def as_vectors(x: ArrayLike, name: str, least: int = 1) -> NDArray[Any]:
    """Items of any shape as (n, d), in their own type: pictures of bytes would take eight times the memory."""
    array = _checked(x, name, least, range(2, 9))
    return array.reshape(len(array), -1)


def pair(a: ArrayLike, b: ArrayLike, names: tuple[str, str] = ("a", "b"), least: int = 2) -> tuple[Matrix, Matrix]:
    """Two sets of features of the same width; see `as_features`."""
    x, y = as_features(a, names[0], least), as_features(b, names[1], least)
    same_width(x, y)
    return x, y


def same_width(*sets: NDArray[Any]) -> None:
    """Refuse sets of vectors that aren't equally wide."""
    widths = list(dict.fromkeys(x.shape[1] for x in sets))
    if len(widths) > 1:
        raise ZaohuaError(f"features must be of one kind, not {' and '.join(map(str, widths))} wide")


def _checked(x: ArrayLike, name: str, least: int, axes: Any) -> NDArray[Any]:
    array = np.asarray(x)
    if array.dtype.kind not in "biuf":
        raise ZaohuaError(f"features {name} must be numbers, not {array.dtype}")
    if array.ndim not in axes or len(array) < least or array.size == 0:
        count = {1: "one item", 2: "two items"}.get(least, f"{least} items")
        raise ZaohuaError(f"features {name} must be (n, d) with at least {count}, not {array.shape}")
    if not np.isfinite(array).all():
        raise ZaohuaError(f"features {name} hold values that are not finite")
    return array
