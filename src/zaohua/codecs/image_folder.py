"""Folders of pictures and the labels that they carry: subfolders as classes, or a `labels.csv`."""

from __future__ import annotations

import csv
import warnings
from collections import Counter
from pathlib import Path

from zaohua.codecs.folders import split_folder, walk
from zaohua.codecs.image_files import ImageFiles
from zaohua.errors import ZaohuaError, ZaohuaWarning

SUFFIXES = frozenset({".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".dib", ".gif", ".webp",
                      ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"})
"""Endings by which a file is taken for a picture; what it really is decides its content."""
FILE_COLUMNS = ("filename", "file", "file_name", "path", "image")
LABEL_COLUMNS = ("label", "class", "y", "target")


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
    if not labelled:
        return ImageFiles(paths)
    if (folder / "labels.csv").is_file():
        table = read_labels(folder / "labels.csv")
        listed = [path for path in paths if path.relative_to(folder).as_posix() in table]
        if len(listed) < len(paths):
            warnings.warn(f"{folder / 'labels.csv'} lists {len(listed)} of {len(paths)} images: the others are "
                          "left out", ZaohuaWarning, stacklevel=3)
        return ImageFiles(listed, [table[path.relative_to(folder).as_posix()] for path in listed])
    inside = [path.relative_to(folder).parts for path in paths]
    if all(len(parts) == 1 for parts in inside):
        raise ZaohuaError(f"{folder}: carries no labels: it has neither subfolders as classes nor a labels.csv")
    for path, parts in zip(paths, inside, strict=True):
        if len(parts) == 1:
            raise ZaohuaError(f"{path}: lies outside the subfolders that name the classes: move it into one of them")
    return ImageFiles(paths, [parts[0] for parts in inside])


def holds_images(folder: Path) -> bool:
    """Whether any file in a folder or below it ends as pictures do."""
    return any(path.suffix.casefold() in SUFFIXES for path in walk(folder))


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


def read_labels(path: Path) -> dict[str, str]:
    """File name (relative, with slashes) -> label, from a CSV with columns filename and label.

    Raises:
        ZaohuaError: a column or a listed file is missing, or a row is incomplete; the message names it.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = [row for row in csv.reader(stream) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ZaohuaError(f"{path}: can't be read: {error}") from error
    if not rows:
        raise ZaohuaError(f"{path}: is empty")
    head = [name.strip().casefold() for name in rows[0]]
    file_at = next((head.index(name) for name in FILE_COLUMNS if name in head), None)
    label_at = next((head.index(name) for name in LABEL_COLUMNS if name in head), None)
    if file_at is None and label_at is None and len(head) == 2 and (path.parent / rows[0][0]).is_file():
        file_at, label_at, rows = 0, 1, [head, *rows]  # no header: the first row is a file already
    if file_at is None or label_at is None:
        missing = "filename" if file_at is None else "label"
        raise ZaohuaError(f"{path}: has no column {missing!r}; its columns: {', '.join(rows[0])}")
    table: dict[str, str] = {}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) <= max(file_at, label_at) or not row[label_at].strip():
            raise ZaohuaError(f"{path}: row {number} has no label")
        table[Path(row[file_at].strip()).as_posix()] = row[label_at].strip()
    lost = [name for name in table if not (path.parent / name).is_file()]
    if lost:
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        raise ZaohuaError(f"{path}: lists {lost[0]}{more}, which is not there")
    return table
