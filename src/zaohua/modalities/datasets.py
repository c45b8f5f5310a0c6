"""Data sets by name. Each modality lists its own; the list is read without importing torch or scikit-learn."""

from __future__ import annotations

from typing import Any

from zaohua.core.errors import unknown
from zaohua.modalities import registry
from zaohua.modalities.data_set import DataSet


def known() -> dict[str, DataSet]:
    """Return all known data sets by name."""
    return {entry.name: entry for kind in registry.known() for entry in kind.datasets}


def names(modality: str | None = None) -> list[str]:
    """Return the names of the known data sets, of one kind of data if it is given."""
    return [name for name, entry in known().items() if modality in (None, entry.modality)]


def load(name: str, split: str = "train") -> tuple[Any, Any]:
    """Load the items and labels of a known data set.

    Args:
        name: one of `names()`.
        split: one of the set's splits, "train" or "test" for most.

    Returns:
        (items, labels): for images a uint8 array (n, H, W) and a list of n labels, by name; for texts a list of them,
        for music a list of `Piece`; and None where they have no labels.

    Raises:
        ZaohuaError: no such set or split, or its files can't be had; the message says what to do.
    """
    sets = known()
    if name not in sets:
        raise unknown("data set", name, sets)
    if split not in sets[name].splits:
        raise unknown(f"split of {name}:", split, sets[name].splits)
    return sets[name].load(sets[name], split)
