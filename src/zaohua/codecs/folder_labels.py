"""The labels that a folder of files carries: file names, a `labels.csv`, or subfolders as classes."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Sequence
from pathlib import Path

from zaohua.codecs.folders import split_folder, walk
from zaohua.data.patterns import Pattern
from zaohua.errors import ZaohuaError, ZaohuaWarning

TABLE = "labels.csv"
FILE_COLUMNS = ("filename", "file", "file_name", "path", "image", "sound", "audio")
LABEL_COLUMNS = ("label", "class", "y", "target")


def with_labels(folder: Path, paths: Sequence[Path], noun: str) -> tuple[list[Path], list[str]]:
    """The files that have labels, and these: of a `labels.csv`, else the first subfolder on the way to each file.

    Args:
        folder: where they are; in it is the `labels.csv` with columns filename and label, if there is one.
        paths: the files, in order.
        noun: what they are, in the plural, for messages.

    Raises:
        ZaohuaError: there are no labels, or some files have none; the message says what there is.
    """
    inside = [path.relative_to(folder) for path in paths]
    if (folder / TABLE).is_file():
        table = read_labels(folder / TABLE)
        found = [table.get(name.as_posix()) for name in inside]
        return _those_that_have(paths, found, f"{folder / TABLE} lists", noun)
    if all(len(name.parts) == 1 for name in inside):
        raise ZaohuaError(f"{folder}: carries no labels: it has neither subfolders as classes nor a {TABLE}, and no "
                          "pattern such as {label}_{i} was given")
    for path, name in zip(paths, inside, strict=True):
        if len(name.parts) == 1:
            raise ZaohuaError(f"{path}: lies outside the subfolders that name the classes: move it into one of them")
    return list(paths), [name.parts[0] for name in inside]


def matching(pattern: Pattern, suffixes: frozenset[str], split: str | None, noun: str
             ) -> tuple[list[Path], list[str]]:
    """The files whose names are of a form, sorted by path, and their labels; the others of the kind are left out.

    Args:
        pattern: the form, and the folder.
        suffixes: endings of files of the kind.
        split: the subfolder to look in; "train" by default, where all subfolders are splits.
        noun: what they are, in the plural, for messages.

    Raises:
        ZaohuaError: there is no such folder, or no such file.
    """
    if not pattern.folder.is_dir():
        raise ZaohuaError(f"{pattern.text}: there is no folder {pattern.folder}")
    folder = split_folder(pattern.folder, split)
    paths = sorted(path for path in walk(folder) if path.suffix.casefold() in suffixes)
    found = [pattern.label(path.relative_to(folder).as_posix()) for path in paths]
    if not any(found):
        there = f": there is {paths[0].relative_to(folder)}" if paths else f": it holds no {noun}"
        raise ZaohuaError(f"{pattern.text}: no file in {folder} has a name of this form{there}")
    return _those_that_have(paths, found, f"{pattern.text} fits", noun)


def _those_that_have(paths: Sequence[Path], labels: Sequence[str | None], says: str, noun: str
                     ) -> tuple[list[Path], list[str]]:
    """The files that have labels, and these; a warning names the others."""
    if not any(labels):
        raise ZaohuaError(f"{says} none of the {len(paths)} {noun}")
    without = [path.name for path, label in zip(paths, labels, strict=True) if label is None]
    if without:
        more = f" and {len(without) - 5} more" if len(without) > 5 else ""
        warnings.warn(f"{says} {len(paths) - len(without)} of {len(paths)} {noun}: the others are left out "
                      f"({', '.join(without[:5])}{more})", ZaohuaWarning, stacklevel=5)
    return ([path for path, label in zip(paths, labels, strict=True) if label is not None],
            [label for label in labels if label is not None])


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
