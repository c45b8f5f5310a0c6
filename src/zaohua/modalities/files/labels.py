"""The labels that a folder of files carries: file names, a `labels.csv`, or subfolders as classes."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from zaohua.core.errors import NoLabels, ZaohuaError, ZaohuaWarning
from zaohua.modalities.files.delimited import rows_of
from zaohua.modalities.files.folders import TABLE, items_in, split_folder
from zaohua.modalities.files.patterns import FilePattern

FILE_COLUMNS = ("filename", "file", "file_name", "path", "image", "sound", "audio")
LABEL_COLUMNS = ("label", "class", "y", "target")


def with_labels(folder: Path, paths: Sequence[Path], noun: str) -> tuple[list[Path], list[str]]:
    """The files that have labels, and these: of a `labels.csv`, else the first subfolder on the way to each file.

    Args:
        folder: where they are; in it is the `labels.csv` with columns filename and label, if there is one.
        paths: the files, in order.
        noun: what they are, in the plural, for messages.

    Raises:
        NoLabels: there are no labels.
        ZaohuaError: some files have none; the message says what there is.
    """
    inside = [path.relative_to(folder) for path in paths]
    if (folder / TABLE).is_file():
        table = read_labels(folder / TABLE, inside)
        found = [table.get(name.as_posix()) for name in inside]
        return _those_that_have(paths, found, f"{folder / TABLE} lists", noun)
    if all(len(name.parts) == 1 for name in inside):
        raise NoLabels(
            f"{folder}: carries no labels: it has neither subfolders as classes nor a {TABLE}, and no "
            "pattern such as {label}_{i} was given"
        )
    for path, name in zip(paths, inside, strict=True):
        if len(name.parts) == 1:
            raise ZaohuaError(f"{path}: lies outside the subfolders that name the classes: move it into one of them")
    return list(paths), [name.parts[0] for name in inside]


def matching(
    pattern: FilePattern, suffixes: frozenset[str], split: str | None, noun: str
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
    paths = items_in(folder, suffixes)
    found = [pattern.label(path.relative_to(folder).as_posix()) for path in paths]
    if not any(found):
        there = f": there is {paths[0].relative_to(folder)}" if paths else f": it holds no {noun}"
        raise ZaohuaError(f"{pattern.text}: no file in {folder} has a name of this form{there}")
    return _those_that_have(paths, found, f"{pattern.text} fits", noun)


def _those_that_have(
    paths: Sequence[Path], labels: Sequence[str | None], says: str, noun: str
) -> tuple[list[Path], list[str]]:
    """The files that have labels, and these; a warning names the others."""
    if not any(labels):
        raise ZaohuaError(f"{says} none of the {len(paths)} {noun}")
    without = [path.name for path, label in zip(paths, labels, strict=True) if label is None]
    if without:
        more = f" and {len(without) - 5} more" if len(without) > 5 else ""
        warnings.warn(
            f"{says} {len(paths) - len(without)} of {len(paths)} {noun}: the others are left out "
            f"({', '.join(without[:5])}{more})",
            ZaohuaWarning,
            stacklevel=5,
        )
    return (
        [path for path, label in zip(paths, labels, strict=True) if label is not None],
        [label for label in labels if label is not None],
    )


def read_labels(path: Path, files: Sequence[Path]) -> dict[str, str]:
    """File name (relative, with slashes) -> label, from a CSV with columns filename and label.

    Args:
        path: the CSV; cells are apart by commas, semicolons, tabs or bars.
        files: what there is, relative: a name without ending or folder is the only one of these that it fits.

    Raises:
        ZaohuaError: a column or a listed file is missing, or a row is incomplete; the message names it.
    """
    whole, rows = _Names(path.parent, files), rows_of(path)
    if not rows:
        raise ZaohuaError(f"{path}: is empty")
    head = [name.strip().casefold() for name in rows[0]]
    file_at = next((head.index(name) for name in FILE_COLUMNS if name in head), None)
    label_at = next((head.index(name) for name in LABEL_COLUMNS if name in head), None)
    if file_at is None and label_at is None and len(head) == 2 and whole.of(rows[0][0]) is not None:
        file_at, label_at, rows = 0, 1, [head, *rows]  # no header: the first row is a file already
    if file_at is None or label_at is None:
        missing = "filename" if file_at is None else "label"
        raise ZaohuaError(f"{path}: has no column {missing!r}; its columns: {', '.join(rows[0])}")
    table, lost = dict[str, str](), list[str]()
    for number, row in enumerate(rows[1:], start=2):
        if len(row) <= max(file_at, label_at) or not row[label_at].strip():
            raise ZaohuaError(f"{path}: row {number} has no label")
        name = Path(row[file_at].strip()).as_posix()
        found = whole.of(name)
        lost += [name] if found is None else []
        table[found or name] = row[label_at].strip()
    if lost:
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        several = whole.fitting(lost[0])
        wrong = f"which could be {several[0]} or {several[1]}" if several else "which is not there"
        raise ZaohuaError(f"{path}: lists {lost[0]}{more}, {wrong}")
    return table


class _Names:
    """Finds the files that names are of, of which some have no ending and no folder.

    Args:
        folder: where the files are.
        files: their paths from there.
    """

    def __init__(self, folder: Path, files: Sequence[Path]):
        self.folder, self._fitting = folder, defaultdict[str, set[str]](set)
        for file in files:
            for name in (file.stem, file.with_suffix("").as_posix()):
                self._fitting[name].add(file.as_posix())

    def fitting(self, name: str) -> list[str]:
        """The files that a name without ending could be of."""
        return sorted(self._fitting.get(name, ()))

    def of(self, name: str) -> str | None:
        """The file that a name is of, if there is one and only one."""
        if (self.folder / name).is_file():
            return name
        fitting = self.fitting(name)
        return fitting[0] if len(fitting) == 1 else None
