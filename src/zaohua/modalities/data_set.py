"""Named data sets and their files."""

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
        name: name of the data set.
        modality: name of the kind of data.
        about: description in one line.
        load: function from this entry and a split to (items, labels).
        splits: names of its splits, the first being the default.
        files: files of each split.
        classes: names of the labels 0, 1, ...; the numbers themselves if empty.
        labelled: True if items have labels.
        folder: name of the folder of its files; the data set's name if empty.
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
        """Return the paths of verified copies of the files of a split."""
        return [find(self.folder or self.name, file) for file in self.files[self.splits.index(split)]]


def twice(*files: File) -> tuple[tuple[File, ...], ...]:
    """Return files that both splits share, as `DataSet.files`."""
    return files, files
