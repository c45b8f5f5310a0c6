"""Folders whose subfolders are the splits of a data set."""

from __future__ import annotations

from pathlib import Path

from zaohua.errors import ZaohuaError

SPLITS = frozenset({"train", "test", "val", "valid", "validation", "dev"})
"""Names of subfolders that are splits instead of classes, when nothing else is beside them."""


def split_folder(folder: Path, split: str | None) -> Path:
    """The subfolder of a split, or the folder itself when it has none."""
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if split is not None and split not in names:
        raise ZaohuaError(f"{folder}: has no subfolder {split!r} to take that split from")
    if split is None and "train" in names and SPLITS.issuperset(names):
        return folder / "train"
    return folder if split is None else folder / split
