"""Folders of files: what is in them, and subfolders that are classes or the splits of a data set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from zaohua.core.errors import ZaohuaError

SPLITS = frozenset({"train", "test", "val", "valid", "validation", "dev"})
"""Names of subfolders that are splits instead of classes, when nothing else is beside them."""
TABLE = "labels.csv"
"""The file of a folder that says the labels of the others; it is no item, even where items are such files."""


def split_folder(folder: Path, split: str | None) -> Path:
    """The subfolder of a split, or the folder itself when it has none."""
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if split is not None and split not in names:
        raise ZaohuaError(f"{folder}: has no subfolder {split!r} to take that split from")
    if split is None and "train" in names and SPLITS.issuperset(names):
        return folder / "train"
    return folder if split is None else folder / split


def walk(folder: Path) -> Iterator[Path]:
    """All files in a folder and below it, hidden ones aside; links are followed, but not in circles."""
    seen = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:  # a link that leads back up
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        yield from (Path(root, name) for name in files if not name.startswith("."))


def items_in(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """Return the files in a folder and below it that end so and hold items, sorted by path."""
    paths = [path for path in walk(folder) if path.suffix.casefold() in suffixes and path != folder / TABLE]
    return sorted(paths, key=lambda path: path.relative_to(folder).as_posix())  # the same order on every system


def find(folder: Path, suffixes: frozenset[str], split: str | None) -> tuple[list[Path], list[str] | None]:
    """Files that end so, sorted by path, and the first subfolder on the way to each; None if any is in no subfolder.

    Args:
        folder: where they are. If all its subfolders are splits (train, test ...), one of them is read.
        suffixes: endings in lower case, dot included.
        split: which split to read; "train" by default.
    """
    folder = split_folder(folder, split)
    paths = items_in(folder, suffixes)
    inside = [path.relative_to(folder).parts for path in paths]
    return paths, [parts[0] for parts in inside] if all(len(parts) > 1 for parts in inside) else None
