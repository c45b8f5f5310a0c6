"""Labels of the files of a folder: from file names, or subfolders as classes.

Subfolders are classes if all files lie in them but for at most a tenth (`STRAY`), which are left out and named. If more
lie outside, no file gets a label, and that is told: a model trained on some of the files would be another one.

A subfolder called "unlabelled" is no class: its files have no label, and are kept for models that learn from such.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from zaohua.core.errors import NoLabels, SomeLabels, ZaohuaError
from zaohua.core.notes import note, shown
from zaohua.modalities.files.folders import TABLE, items_in, split_folder
from zaohua.modalities.files.patterns import FilePattern
from zaohua.modalities.reading_options import current


class Labelled(NamedTuple):
    """Files that have labels, and their labels."""

    paths: list[Path]
    labels: list[object]


UNLABELLED = frozenset({"unlabelled", "unlabeled"})
"""Names of the subfolder of files without a label, in lower case."""
STRAY = 0.1
"""Largest fraction of files outside of the subfolders that name the classes."""


def with_classes(folder: Path, paths: Sequence[Path], noun: str, split: str | None = None) -> Labelled:
    """Return the files of a folder that lie in subfolders, and the first-level subfolder of each as its label.

    Args:
        folder: the folder.
        paths: the files, of the split.
        noun: noun for the files in messages, in the plural.
        split: the split that they are of, as for `split_folder`.

    Raises:
        SomeLabels: more than a tenth of the files lie outside the subfolders.
        NoLabels: there are no subfolders.
    """
    return Labelled(*_classes(split_folder(folder, split), paths, noun))


def _classes(folder: Path, paths: Sequence[Path], noun: str) -> tuple[list[Path], list[object]]:
    """Return the files in subfolders, and the first subfolder of each as its label."""
    parts = [path.relative_to(folder).parts for path in paths]
    stray = [path for path, names in zip(paths, parts, strict=True) if len(names) == 1]
    if len(stray) == len(paths):
        raise NoLabels(
            f"{folder}: carries no labels: it has neither subfolders as classes nor a {TABLE}, and no "
            "pattern such as {label}_{i} was given"
        )
    if len(stray) > STRAY * len(paths):
        raise SomeLabels(
            f"{folder}: carries no labels: {len(stray):,} of {len(paths):,} {noun} lie in no subfolder "
            f"({shown([path.name for path in stray])})"
        )
    if stray:
        names = shown([path.name for path in stray])
        note(
            f"left out {len(stray):,} of {len(paths):,} {noun}, which lie in no subfolder and so have no label "
            f"({names})"
        )
    within = [(path, names) for path, names in zip(paths, parts, strict=True) if len(names) > 1]
    apart = [path for path, names in within if names[0].casefold() in UNLABELLED]
    if apart and not current().unlabelled:
        note(f"left out {len(apart):,} of {len(paths):,} {noun}, which have no label ({apart[0].parent.name}/)")
        within = [(path, names) for path, names in within if names[0].casefold() not in UNLABELLED]
    labels: list[object] = [None if names[0].casefold() in UNLABELLED else names[0] for _, names in within]
    below = {names[1] for _, names in within if len(names) > 2}
    if len(set(labels)) == 1 and labels[0] is not None and len(below) > 1:
        note(
            f"all {noun} lie in {labels[0]}/, which is their label; give {folder / str(labels[0])} to take its "
            f"subfolders ({shown(sorted(below))}) for labels"
        )
    return [path for path, _ in within], labels


def matching(
    pattern: FilePattern, suffixes: frozenset[str], split: str | None, noun: str
) -> tuple[list[Path], list[object]]:
    """Return the files whose names match a pattern, sorted by path, and their labels; note the others.

    Args:
        pattern: the pattern, with its folder.
        suffixes: suffixes of the files to consider.
        split: subfolder to search; default: "train", if there are splits.
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


def told_others(paths: Sequence[Path], listed: Collection[Path], says: str, noun: str) -> None:
    """Note the files that something, such as a table, says nothing of.

    Args:
        paths: all files.
        listed: those that it speaks of.
        says: what does, and how: "labels.csv lists".
        noun: noun for the files, in the plural.

    Raises:
        ZaohuaError: it speaks of none of them.
    """
    without = [path.name for path in paths if path not in listed]
    if len(without) == len(paths):
        raise ZaohuaError(f"{says} none of the {len(paths)} {noun}")
    if without:
        note(
            f"{says} {len(paths) - len(without):,} of {len(paths):,} {noun}: the others are left out ({shown(without)})"
        )


def _labelled(paths: Sequence[Path], labels: Sequence[object], says: str, noun: str) -> tuple[list[Path], list[object]]:
    """Return the files that have labels, and their labels; note the others."""
    told_others(paths, {path for path, label in zip(paths, labels, strict=True) if label is not None}, says, noun)
    return (
        [path for path, label in zip(paths, labels, strict=True) if label is not None],
        [label for label in labels if label is not None],
    )
