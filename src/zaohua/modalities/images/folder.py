"""Folders of pictures and the labels that they carry: subfolders as classes, or a `labels.csv`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.files.folders import split_folder, walk
from zaohua.modalities.files.labels import with_labels
from zaohua.modalities.images.files import ImageFiles

SUFFIXES = frozenset(
    {
        ".png",
        ".apng",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".mpo",
        ".bmp",
        ".dib",
        ".gif",
        ".webp",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
    }
)
"""Endings by which a file is taken for a picture; what it really is decides its content."""


def read_folder(folder: Path, labelled: bool, split: str | None) -> ImageFiles:
    """The pictures of a folder and its subfolders, sorted by path.

    Args:
        folder: where they are. If all its subfolders are splits (train, test ...), one of them is read.
        labelled: whether to read their labels: of a `labels.csv` with columns filename and label if there is
            one, else the name of the first subfolder on the way to each.
        split: which split to read; "train" by default.

    Raises:
        ZaohuaError: there are no pictures, or no labels; the message says what there is.
    """
    folder = split_folder(folder, split)
    paths = find_images(folder)
    return ImageFiles(*with_labels(folder, paths, ImageFiles.noun)) if labelled else ImageFiles(paths)


def find_images(folder: Path) -> list[Path]:
    """Files in a folder and all below it (links are followed) that end as pictures do, sorted by path.

    Raises:
        ZaohuaError: there are none; the message says what there is instead.
    """
    found, others = [], Counter[str]()
    for path in walk(folder):
        if path.suffix.casefold() in SUFFIXES:
            found.append(path)
        else:
            others[path.suffix.casefold() or "without a suffix"] += 1
    if found:
        return sorted(found, key=lambda path: path.relative_to(folder).as_posix())
    if not others:
        raise ZaohuaError(f"{folder}: the folder is empty")
    held = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(4))
    raise ZaohuaError(f"{folder}: no images in it ({held}): it must hold PNG, JPEG, BMP, GIF, WebP, TIFF or PPM files")
