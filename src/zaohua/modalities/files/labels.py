"""Labels of the files of a folder: from file names, a `labels.csv` or subfolders as classes."""

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
    """Return the files that have labels, and their labels, from a `labels.csv` or else the first-level subfolders.

    Args:
        folder: folder of the files; it may contain a `labels.csv` with columns filename and label.
        paths: the files.
        noun: noun for the files in messages, in the plural.

    Raises:
        ZaohuaError: there are no labels, or files lie outside the subfolders.
    """
    inside = [path.relative_to(folder) for path in paths]
    if (folder / TABLE).is_file():
        table = read_labels(folder / TABLE, inside)
        labels = [table.get(name.as_posix()) for name in inside]
        return _labelled(paths, labels, f"{folder / TABLE} lists", noun)
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
    """Return the files whose names match a pattern, sorted by path, and their labels; warn of the others.

    Args:
        pattern: the pattern, with its folder.
        suffixes: suffixes of the files to consider.
        split: subfolder to search; default: "train", if all subfolders are splits.
        noun: noun for the files in messages, in the plural.

    Raises:
        ZaohuaError: the folder doesn't exist, or no file matches.
    """
    if not pattern.folder.is_dir():
        raise ZaohuaError(f"{pattern.text}: there is no folder {pattern.folder}")
    folder = split_folder(pattern.folder, split)
    paths = items_in(folder, suffixes)
    labels = [pattern.label(path.relative_to(folder).as_posix()) for path in paths]
    if not any(labels):
        example = f": there is {paths[0].relative_to(folder)}" if paths else f": it holds no {noun}"
        raise ZaohuaError(f"{pattern.text}: no file in {folder} has a name of this form{example}")
    return _labelled(paths, labels, f"{pattern.text} fits", noun)


def _labelled(
    paths: Sequence[Path], labels: Sequence[str | None], says: str, noun: str
) -> tuple[list[Path], list[str]]:
    """Return the files that have labels, and their labels; warn of the others."""
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
    """Read labels by file name (relative, with slashes) from a CSV with columns filename and label.

    Args:
        path: the CSV; the delimiter may be a comma, semicolon, tab or bar.
        files: paths of the existing files, relative; names without suffix or folder are matched if that is unique.

    Raises:
        ZaohuaError: a column or a listed file is missing, or a row is incomplete; the message names it.
    """
    names, rows = _FileNames(path.parent, files), rows_of(path)
    if not rows:
        raise ZaohuaError(f"{path}: is empty")
    head = [name.strip().casefold() for name in rows[0]]
    file_at = next((head.index(name) for name in FILE_COLUMNS if name in head), None)
    label_at = next((head.index(name) for name in LABEL_COLUMNS if name in head), None)
    if file_at is None and label_at is None and len(head) == 2 and names.resolve(rows[0][0]) is not None:
        file_at, label_at, rows = 0, 1, [head, *rows]  # no header: the first row is a file already
    if file_at is None or label_at is None:
        missing = "filename" if file_at is None else "label"
        raise ZaohuaError(f"{path}: has no column {missing!r}; its columns: {', '.join(rows[0])}")
    table, lost = dict[str, str](), list[str]()
    for number, row in enumerate(rows[1:], start=2):
        if len(row) <= max(file_at, label_at) or not row[label_at].strip():
            raise ZaohuaError(f"{path}: row {number} has no label")
        name = Path(row[file_at].strip()).as_posix()
        resolved = names.resolve(name)
        lost += [name] if resolved is None else []
        table[resolved or name] = row[label_at].strip()
    if lost:
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        several = names.candidates(lost[0])
        wrong = f"which could be {several[0]} or {several[1]}" if several else "which is not there"
        raise ZaohuaError(f"{path}: lists {lost[0]}{more}, {wrong}")
    return table


class _FileNames:
    """Look-up of files by names that may lack the suffix or the folder.

    Args:
        folder: folder of the files.
        files: their paths relative to the folder.
    """

    def __init__(self, folder: Path, files: Sequence[Path]):
        self.folder, self._by_name = folder, defaultdict[str, set[str]](set)
        for file in files:
            for name in (file.stem, file.with_suffix("").as_posix()):
                self._by_name[name].add(file.as_posix())

    def candidates(self, name: str) -> list[str]:
        """Return the files that a name without suffix could refer to."""
        return sorted(self._by_name.get(name, ()))

    def resolve(self, name: str) -> str | None:
        """Return the file that a name refers to, if it is unique."""
        if (self.folder / name).is_file():
            return name
        files = self.candidates(name)
        return files[0] if len(files) == 1 else None
