"""Collections in memory: arrays of any library, and lists of them, brought to one form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from zaohua.core.errors import ZaohuaError

KindT = TypeVar("KindT")


def as_array(value: Any) -> np.ndarray:
    """Return an array of any library (torch, pandas, jax) as one of numpy's."""
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)


def stacked(X: Sequence[Any]) -> np.ndarray | list[Any]:
    """Return a list of arrays of one shape as one array, and a list of equally long rows of numbers likewise.

    Arrays of different shapes come back as a list of numpy's arrays, anything else as a list of what it was.
    """
    if all(hasattr(item, "ndim") for item in X):
        arrays = [as_array(item) for item in X]
        return np.stack(arrays) if len({array.shape for array in arrays}) == 1 else arrays
    rows = all(isinstance(row, (list, tuple)) and row and isinstance(row[0], (int, float)) for row in X)
    return np.array(X) if rows and len({len(row) for row in X}) == 1 else list(X)


def all_of(items: object, kind: type[KindT], name: str) -> list[KindT]:
    """Return a list of items of one type; raise a `ZaohuaError` that names the first that isn't of it.

    Args:
        items: the list.
        kind: the type.
        name: what the list holds, in the plural.
    """
    if not isinstance(items, Iterable):
        raise ZaohuaError(f"{name} are given as a list of them, not as {named(items)}")
    checked = []
    for i, item in enumerate(items):
        if not isinstance(item, kind):
            raise ZaohuaError(f"the list holds {name}, but number {i} is a {named(item)}")
        checked.append(item)
    return checked


def named(value: object) -> str:
    """Return what a value is, for a message: its type, and its shape if it has one."""
    shape = getattr(value, "shape", None)
    kind = type(value).__name__
    return f"{kind} of shape {tuple(shape)}" if shape is not None else kind
