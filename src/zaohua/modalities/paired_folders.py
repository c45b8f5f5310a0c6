"""Pairs in one folder: items, and what a table or the texts beside them say of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note, shown
from zaohua.modalities import halves, registry
from zaohua.modalities.base import counted
from zaohua.modalities.files.columns import Column, Columns
from zaohua.modalities.files.folders import find, split_folder
from zaohua.modalities.files.labels import told_others
from zaohua.modalities.files.paired_files import CAPTIONED, TEXT, from_tables, texts_beside
from zaohua.modalities.found import Found
from zaohua.modalities.listed import of_suffix
from zaohua.modalities.modality import Modality


class InFolder(NamedTuple):
    """Pairs that a folder holds, or None, and the files that were read or told."""

    found: Found | None
    files: list[Path]


def read_pairs(
    folder: Path,
    split: str | None,
    files: Sequence[Path],
    chosen: Modality,
    wanted: Sequence[Modality],
    labelled: bool = True,
) -> InFolder:
    """Read the pairs in a folder: items of a wanted kind and what belongs to each.

    Args:
        folder: the folder.
        split: the split to read, as for `split_folder`.
        files: all files in the folder.
        chosen: the kind of data that the folder is read as.
        wanted: kinds of data that are preferred as x.
        labelled: whether to read what belongs to the items.
    """
    kind = _of_files(files, chosen)
    if kind is None:
        return InFolder(None, [])
    paths = find(folder, kind.suffixes, split)
    columns, looked_at = from_tables(folder, split, paths, files)
    if columns is None:
        columns = None if TEXT in kind.suffixes else _beside(paths, files)
    else:
        columns = of_files(columns, paths, kind)
    if columns is None:
        return InFolder(None, looked_at)
    order = sorted(wanted, key=lambda one: (one is not kind, one.accompanies))
    found = halves.split(columns, (*order, kind, *registry.known()), labelled)
    if found is None or (labelled and found.labels is None):
        return InFolder(None, looked_at)
    if labelled:
        _tell_classes(split_folder(folder, split), columns, found)
    return InFolder(found, [*looked_at, *paths, *columns.read])


def _of_files(files: Sequence[Path], chosen: Modality) -> Modality | None:
    """Return the kind of data whose files others belong to: that of a folder, unless these are the texts beside."""
    if chosen.suffixes and TEXT not in chosen.suffixes:
        return chosen
    if not chosen.suffixes:
        return None
    counts = Counter(of_suffix(path.suffix.casefold(), registry.known()) for path in files)
    media = [(count, kind) for kind, count in counts.items() if kind is not None and TEXT not in kind.suffixes]
    count, kind = max(media, key=lambda one: one[0], default=(0, chosen))
    return kind if count >= CAPTIONED * counts[chosen] else chosen


def of_files(columns: Columns, paths: Sequence[Path], kind: Modality) -> Columns:
    """Return the rows of the files of a split, sorted as these are, and note files that the table doesn't list."""
    files = columns.first(lambda column: column.is_files and halves.kind_of(column) is kind)
    if files is None:
        return columns
    order = {path: at for at, path in enumerate(paths)}
    others = [column for column in columns.columns if not column.is_files]
    alone = others[0] if len(columns.columns) == 2 and len(others) == 1 and not others[0].is_texts else None
    rows = [
        (order[path], row)
        for row, path in enumerate(files)
        if isinstance(path, Path) and path in order and (alone is None or alone[row] is not None)
    ]
    where = f"{columns.read[0]} lists" if columns.read else columns.where
    told_others(paths, {paths[at] for at, _ in rows}, where, kind.noun)
    return columns.take([row for _, row in sorted(rows)])


def _beside(paths: Sequence[Path], files: Sequence[Path]) -> Columns | None:
    """Return files and the text beside each; None if there are no such texts."""
    texts, kind = texts_beside(paths, files), of_suffix(TEXT, registry.known())
    if not texts or kind is None:
        return None
    own = list(dict.fromkeys(texts.values()))
    found, kept = kind.read_conditions(own)
    said = {own[at]: text for at, text in zip(kept, found, strict=True)}
    there = [path for path in paths if path not in texts or texts[path] in said]  # a broken text takes its file along
    without = [path.name for path in there if path not in texts]
    if without:
        note(f"{counted(len(without), 'file')} without a text beside ({shown(without)})")
    values = [said[texts[path]] if path in texts else None for path in there]
    if not any(values):
        raise ZaohuaError(f"{own[0].parent}: the texts beside the files are all empty")
    return Columns([Column("file_name", there), Column("text", values)], "the texts beside the files", own)


def _tell_classes(place: Path, columns: Columns, found: Found) -> None:
    """Note subfolders that look like classes, but aren't taken for labels."""
    files = columns.first(lambda column: column.is_files) or Column("")
    classes = {
        path.relative_to(place).parts[0]
        for path in files
        if isinstance(path, Path) and path.is_relative_to(place) and path.parent != place
    }
    labels = set(map(str, found.labels)) if isinstance(found.labels, Column) else set()
    if sum(not name.isdigit() for name in classes) > 1 and classes.isdisjoint(labels):
        note(f"labels are those of {columns.where}, not the subfolders ({shown(sorted(classes))})")
