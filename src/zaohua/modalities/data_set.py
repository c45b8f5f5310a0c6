"""A data set that is known by name, and the files that it is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zaohua.modalities.files.download import File, find

Loader = Callable[["DataSet", str], tuple[Any, Sequence[object] | None]]


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


def twice(*files: File) -> tuple[tuple[File, ...], ...]:
    """Return the files that both splits are made of, as `DataSet.files`."""
    return files, files
