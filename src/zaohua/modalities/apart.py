"""Conditions that lie apart from the items: in a folder of files of the same names, a table, or another file."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zaohua.core.arguments import path_of
from zaohua.core.errors import ZaohuaError, named
from zaohua.core.notes import note, shown
from zaohua.modalities import datasets, halves, registry
from zaohua.modalities.base import counted
from zaohua.modalities.files.delimited import encoding_of
from zaohua.modalities.files.file_names import relative
from zaohua.modalities.files.folders import part_of
from zaohua.modalities.files.listing import SUFFIXES, NoLabelsInside
from zaohua.modalities.files.paired_files import TEXT, read_file_table
from zaohua.modalities.found import Found
from zaohua.modalities.modality import Modality
from zaohua.modalities.paired_folders import of_files
from zaohua.modalities.several import is_pattern
from zaohua.modalities.sources import read_source


def read_apart(found: Found, source: object, y: str | Path, split: str | None) -> Found:
    """Read conditions from a path or data set of their own, and match them with items.

    Files are matched by their names without the ending, and a table's rows by the files that they name. Anything else
    has one condition for each item, in the same order.

    Args:
        found: the items.
        source: the path that the items were read from, or the items as they were given.
        y: path of the conditions, or the name of a data set.
        split: split of the items, which is that of the conditions too if their folder has it.

    Returns:
        The items that have a condition, their conditions, and the items' kind.

    Raises:
        ZaohuaError: nothing matches, or their numbers differ.
    """
    path = path_of("y", y).expanduser()
    files: Sequence[Path] | None = getattr(found.items, "files", None)
    root = _root(source, files, split)
    if path.is_file() and path.suffix.casefold() in SUFFIXES and files and found.kind is not None:
        try:
            columns = read_file_table(path, files, folder=root, suffixes=found.kind.suffixes)
        except NoLabelsInside:
            pass
        else:
            paired = halves.split(of_files(columns, files, found.kind), (found.kind,))
            if paired is not None and paired.labels is not None:
                return paired
    n = len(found.items)
    if path.is_file() and path.suffix.casefold() == TEXT and n > 1:
        return Found(found.items, _lines(path, n, files), found.kind)
    own = part_of(path, split) if path.is_dir() else path
    conditions = read_source(y, False, split if own != path else None, registry.known())
    of = getattr(conditions.items, "files", None)
    if files and of and not (path.is_file() and n == 1):
        assert conditions.kind is not None
        return _matched(found, files, root, conditions.kind, of, own if own.is_dir() else _root(None, of, None), str(y))
    if not hasattr(conditions.items, "__len__") or len(conditions.items) != n:
        raise ZaohuaError(f"{n} items but {len(conditions.items)} conditions in {y}: give one for each item")
    return Found(found.items, _plain(conditions.items), found.kind)


def _root(source: object, files: Sequence[Path] | None, split: str | None) -> Path | None:
    """Return the folder from which files are called by their paths."""
    if isinstance(source, (str, Path)) and (folder := Path(source).expanduser()).is_dir():
        return part_of(folder, split)
    return Path(os.path.commonpath([file.parent for file in files])) if files else None


def _plain(items: Any) -> Any:
    """Return conditions in memory as lists, if they are names, numbers or texts."""
    if getattr(items, "ndim", 0) == 1 and hasattr(items, "tolist"):
        return items.tolist()
    return list(items) if getattr(items, "rows", None) is not None and not hasattr(items, "anew") else items


def _lines(path: Path, n: int, files: Sequence[Path] | None) -> Any:
    """Return the lines of a text, one for each item.

    Raises:
        ZaohuaError: it has more or fewer lines.
    """
    data = path.read_bytes()
    lines = data.decode(encoding_of(data), errors="replace").replace("\r\n", "\n").rstrip("\n").split("\n")
    if len(lines) != n:
        raise ZaohuaError(
            f"{n} items but {counted(len(lines), 'line')} in {path}: give one for each item, in order of their names, "
            "or a table with a column file_name"
        )
    order = f"{shown([file.name for file in files])}, in this order" if files else "the items in their order"
    note(f"the lines of {path.name} belong to {order}")
    return halves.as_conditions("text", [line.strip() for line in lines], path.name)


def _matched(
    found: Found, files: Sequence[Path], root: Path | None, kind: Modality, of: Sequence[Path], at: Path | None, y: str
) -> Found:
    """Return the items and conditions whose files have the same name, by their paths or else without folders."""
    own = [_key(file, root) for file in files]
    theirs = [_key(file, at) for file in of]
    if not set(own) & set(theirs):
        own, theirs = [_key(file, None) for file in files], [_key(file, None) for file in of]
    by_name = defaultdict[str, list[int]](list)
    for row, name in enumerate(theirs):
        by_name[name].append(row)
    several = [name for name in dict.fromkeys(own) if len(by_name.get(name, ())) > 1]
    rows = [row for row, name in enumerate(own) if len(by_name.get(name, ())) == 1]
    assert found.kind is not None  # it knows their files
    noun = found.kind.noun
    if not rows:
        why = f", but {several[0]} several" if several else f" ({files[0].name} ... and {of[0].name} ...)"
        raise ZaohuaError(f"none of the {len(files):,} {noun} has one file of the same name in {y}{why}")
    known = set(own)
    without = [file.name for file, name in zip(files, own, strict=True) if name not in by_name]
    unused = [file.name for file, name in zip(of, theirs, strict=True) if name not in known]
    if without:
        note(
            f"left out {len(without):,} of {len(files):,} {noun} without a file of that name in {y} ({shown(without)})"
        )
    if several:
        note(f"left out {counted(len(several), 'item')} with several files of that name in {y} ({shown(several)})")
    if unused:
        note(f"left out {len(unused):,} of {len(of):,} {kind.noun} in {y} that belong to no item ({shown(unused)})")
    conditions, kept = kind.read_conditions([of[by_name[own[row]][0]] for row in rows])
    items = [files[rows[at]] for at in kept]
    return Found(found.kind.open(items), halves.as_conditions("text", conditions, y), found.kind)


def _key(file: Path, root: Path | None) -> str:
    """Return the name of a file without its ending, from a folder or without any, in one form of Unicode."""
    path = file.name if root is None else relative(file, root)
    return unicodedata.normalize("NFC", os.path.splitext(path)[0])


def is_source(y: object) -> bool:
    """Return True for y that is a path of conditions or the name of a data set."""
    if not isinstance(y, (str, Path)):
        return False
    return os.path.exists(os.path.expanduser(y)) or str(y) in datasets.known() or is_pattern(y)


def refuse(y: object) -> ZaohuaError:
    """Return the error for y that is nothing that conditions can be."""
    what = repr(y) if isinstance(y, (str, bytes, Path, int, float)) else named(y)
    return ZaohuaError(
        f"y must be True, or a list or an array with one label for each item, a folder or file of conditions, or a "
        f"column of a table, not {what}"
    )
