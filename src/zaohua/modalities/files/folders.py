"""Search of folders for files, and their subfolders as classes or splits of a data set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from zaohua.core.errors import ZaohuaError

SPLITS = frozenset({"train", "test", "val", "valid", "validation", "dev"})
"""Names of subfolders that count as splits instead of classes, if all subfolders have such names."""
TABLE = "labels.csv"
"""The file of a folder that says the labels of the others; it is no item, even where items are such files."""


def split_folder(folder: Path, split: str | None) -> Path:
    """Return the subfolder of a split, or the folder itself if it has no splits."""
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if split is not None and split not in names:
        raise ZaohuaError(f"{folder}: has no subfolder {split!r} to take that split from")
    if split is None and "train" in names and SPLITS.issuperset(names):
        return folder / "train"
    return folder if split is None else folder / split


def walk(folder: Path) -> Iterator[Path]:
    """Yield all files in a folder and its subfolders, except hidden ones; follow links, but not in cycles."""
    visited = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in visited:  # a link that leads back up
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        yield from (Path(root, name) for name in files if not name.startswith("."))


def items_in(folder: Path, suffixes: frozenset[str]) -> list[Path]:
    """Return the files in a folder and below it that end so and hold items, sorted by path."""
    paths = [path for path in walk(folder) if path.suffix.casefold() in suffixes and path != folder / TABLE]
    return sorted(paths, key=lambda path: path.relative_to(folder).as_posix())  # the same order on every system


def find(folder: Path, suffixes: frozenset[str], split: str | None) -> tuple[list[Path], list[str] | None]:
    """Find files by suffix, sorted by path, and the first-level subfolder of each; None if any is in no subfolder.

    Args:
        folder: the folder to search. If all its subfolders are splits (train, test ...), one of them is read.
        suffixes: suffixes in lower case, with the dot.
        split: split to read; default: "train".
    """
    folder = split_folder(folder, split)
    paths = items_in(folder, suffixes)
    inside = [path.relative_to(folder).parts for path in paths]
    return paths, [parts[0] for parts in inside] if all(len(parts) > 1 for parts in inside) else None
