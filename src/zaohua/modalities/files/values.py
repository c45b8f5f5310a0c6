"""Collections in memory: arrays of any library, and lists of them, brought to one form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from zaohua.core.arrays import as_array, unmasked
from zaohua.core.errors import ZaohuaError, named

KindT = TypeVar("KindT")


def stacked(X: Sequence[Any]) -> np.ndarray | list[Any]:
    """Return a list of arrays of one shape as one array, and lists of equally long rows of numbers likewise.

    Arrays of different shapes come back as a list of numpy's arrays, anything else as a list of what it was.
    """
    if all(hasattr(item, "ndim") for item in X):
        arrays = [as_array(item, masked=True) for item in X]
        if len({array.shape for array in arrays}) > 1:
            return [unmasked(array, f"item {i}") for i, array in enumerate(arrays)]
        masked = any(isinstance(array, np.ma.MaskedArray) for array in arrays)
        return np.ma.stack(arrays) if masked else np.stack(arrays)
    if not all(isinstance(row, (list, tuple)) and _first_cell_is_number(row) for row in X):
        return list(X)
    try:
        return np.array(X)
    except ValueError:  # rows of different lengths
        return list(X)


def _first_cell_is_number(row: object) -> bool:
    while isinstance(row, (list, tuple)) and row:
        row = row[0]
    return isinstance(row, (int, float, np.number))


def is_list_of_items(array: np.ndarray) -> bool:
    """Return True if an array of objects holds items such as arrays or texts with answers, not the cells of a table."""
    if array.dtype != object or array.ndim != 1 or isinstance(array, np.ma.MaskedArray):
        return False
    return any(getattr(v, "ndim", 0) or isinstance(v, (list, tuple, dict, Path)) or is_item(v) for v in array)


def is_item(value: object) -> bool:
    """Return True for a picture of Pillow's and for an item of a type of the package's own, such as a sound."""
    return hasattr(value, "getbands") or (type(value).__module__.startswith("zaohua.") and hasattr(value, "__len__"))


def all_of(items: object, kind: type[KindT], name: str) -> list[KindT]:
    """Return a list of items of one type; raise a `ZaohuaError` that names the first that isn't of it.

    Args:
        items: the list.
        kind: the type.
        name: what the list holds, in the plural.
    """
    if not isinstance(items, Iterable) or getattr(items, "ndim", 1) == 0:
        raise ZaohuaError(f"{name} are given as a list of them, not as {named(items)}")
    checked = []
    for i, item in enumerate(items):
        if not isinstance(item, kind):
            raise ZaohuaError(f"the list holds {name}, but number {i} is {named(item)}")
        checked.append(item)
    return checked
