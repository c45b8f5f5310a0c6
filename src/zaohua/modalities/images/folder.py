"""Folders of images, with labels from subfolders or a `labels.csv`."""

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
"""File suffixes of images; the content decides the actual format."""


def read_folder(folder: Path, labelled: bool, split: str | None) -> ImageFiles:
    """Find the images of a folder and its subfolders, sorted by path.

    Args:
        folder: the folder. If all its subfolders are splits (train, test ...), one of them is read.
        labelled: True to read labels, from a `labels.csv` with columns filename and label or else from the names of
            the first-level subfolders.
        split: split to read; default: "train".

    Raises:
        ZaohuaError: there are no images, or no labels; the message says what there is.
    """
    folder = split_folder(folder, split)
    paths = find_images(folder)
    return ImageFiles(*with_labels(folder, paths, ImageFiles.noun)) if labelled else ImageFiles(paths)


def find_images(folder: Path) -> list[Path]:
    """Find the files of a folder and its subfolders with a suffix of images, sorted by path; links are followed.

    Raises:
        ZaohuaError: there are none; the message says what there is instead.
    """
    paths, others = [], Counter[str]()
    for path in walk(folder):
        if path.suffix.casefold() in SUFFIXES:
            paths.append(path)
        else:
            others[path.suffix.casefold() or "without a suffix"] += 1
    if paths:
        return sorted(paths, key=lambda path: path.relative_to(folder).as_posix())
    if not others:
        raise ZaohuaError(f"{folder}: the folder is empty")
    held = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(4))
    raise ZaohuaError(f"{folder}: no images in it ({held}): it must hold PNG, JPEG, BMP, GIF, WebP, TIFF or PPM files")
