"""Data sets by name. Each modality lists its own; the list is read without importing torch or scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zaohua.core.errors import unknown
from zaohua.modalities.files.download import File, find

Loader = Callable[["DataSet", str], tuple[Any, list[Any] | None]]


@dataclass(frozen=True)
class DataSet:
    """An entry of the table of data sets.

    Attributes:
        name: what people call it.
        modality: kind of its items, as codecs name it.
        about: what it holds, in one line.
        load: (this entry, split) -> (items, labels).
        splits: names of its splits, the first being the default.
        files: for each split the files that it is made of.
        classes: names of the labels 0, 1, ...; the numbers themselves if empty.
        labelled: whether its items have labels.
        folder: of its files; the set's own name if empty.
    """

    name: str
    modality: str
    about: str
    load: Loader
    splits: tuple[str, ...] = ("train", "test")
    files: tuple[tuple[File, ...], ...] = ()
    classes: tuple[str, ...] = ()
    labelled: bool = True
    folder: str = ""

    def paths(self, split: str) -> list[Path]:
        """Verified copies of the files of a split."""
        return [find(self.folder or self.name, file) for file in self.files[self.splits.index(split)]]


def known() -> dict[str, DataSet]:
    """Return all known data sets by name."""
    from zaohua.modalities.registry import known as modalities

    return {entry.name: entry for kind in modalities() for entry in kind.datasets}


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


def twice(*files: File) -> tuple[tuple[File, ...], ...]:
    """Return the files that both splits are made of, as `DataSet.files`."""
    return files, files
