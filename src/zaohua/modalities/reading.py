"""Read data: from a path, the name of a data set, or values in memory to items and labels, and write items to files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from zaohua.core.arguments import path_of
from zaohua.core.arrays import as_array
from zaohua.core.errors import NoLabels, ZaohuaError, named, shown, unknown
from zaohua.modalities import apart, halves, registry
from zaohua.modalities.collected import collect, collected
from zaohua.modalities.files.columns import Column
from zaohua.modalities.files.items import FileItems
from zaohua.modalities.foreign.frames import EncodedTable, holds_encoded, wants_encoded
from zaohua.modalities.foreign.reading import is_foreign, read_foreign
from zaohua.modalities.found import Found
from zaohua.modalities.modality import Modality
from zaohua.modalities.pairs import take
from zaohua.modalities.reading_options import reading
from zaohua.modalities.records.rows import is_records, rows_of
from zaohua.modalities.remote.addresses import is_url
from zaohua.modalities.remote.fetching import local
from zaohua.modalities.sources import read_source
from zaohua.storage import outputs
from zaohua.storage.provenance.origin import HasOrigin, Origin, recorded


def read(
    X: Any,
    y: Any = None,
    *,
    split: str | None = None,
    modality: str | None = None,
    prefer: Modality | Sequence[Modality] | None = None,
) -> tuple[Any, Any]:
    """Read items and their labels.

    Whatever is left out, cut or guessed is told by a warning of the class `zaohua.core.notes.DataNote`.

    Args:
        X: a path (a folder or a file of any known kind of data), a pattern of file names that say their labels
            (`folder/{label}_{speaker}_{i}.wav`) or with wildcards (`data/*.csv`), "-" for standard input, the name of a
            data set, an address (`https://...`, `s3://...`, `hf://datasets/...`) of a file, a folder or an archive, a
            data set of `datasets` or of torch, a data frame, an array, or a list of arrays, of images, sounds, texts,
            dialogues, pieces of music or files of one kind. A text is a path if that exists, else a pattern if it has
            braces or wildcards, else a name.
        y: None for no labels, True for those that the path or data set carries, one for each item, the name of the
            column of a table that holds them (also of a `metadata.csv`), or a path: a folder of files with the same
            names as those of X, a table that names these, or a file or data set of as many conditions.
        split: "train" (the default) or "test" of a data set, or of a folder that has subfolders named so.
        modality: the kind of data to take X for; found out when not given.
        prefer: the modality that X is taken for if it recognises it, whatever others do; or several, one of which X
            is read as where a path holds data of more kinds. Where it holds pairs, as photos with captions do, the
            part of such a modality is the items, and the rest their labels.

    Returns:
        (items, labels or None), one label for each item. Files that are found broken when the items are fitted or
        encoded leave them then: `items.rows` says which remain. Items given as X come back as a copy.

    Raises:
        NoLabels: y is True, but the data carry no labels.
        ZaohuaError: nothing is there, or nothing that can be read; the message says what to give.
    """
    items, labels, _ = read_with_kind(X, y, split=split, modality=modality, prefer=prefer)
    return items, labels


def read_with_kind(
    X: Any,
    y: Any = None,
    *,
    split: str | None = None,
    modality: str | None = None,
    prefer: Modality | Sequence[Modality] | None = None,
) -> Found:
    """Read items and their labels as `read` does, and say of which kind of data they are.

    A folder or a data set may hold arrays that another kind would take for its own, so keep the kind with the items.
    """
    if split is not None and not isinstance(split, str):
        raise ZaohuaError(f"split must be the name of one, such as 'test', not {shown(split)}")
    X, y = (local(source) if is_url(source) else source for source in (X, y))
    kinds = registry.known() if modality is None else (registry.modality(modality),)
    wanted = kinds if len(kinds) == 1 else (prefer,) if isinstance(prefer, Modality) else tuple(prefer or ())
    only = wanted[0] if len(wanted) == 1 else None
    if only is not None:
        kinds = (only, *(kind for kind in kinds if kind is not only))
    part = y if isinstance(y, str) and not apart.is_source(y) else None
    (items, carried, kind), chosen = _found(X, y, part, split, kinds, wanted)
    if chosen:
        y, part = True, None  # what was named is all that was read
    if y is None or y is False:
        return Found(items, None, kind)
    if isinstance(y, str) and hasattr(items, "columns") and (y in items.columns or part is not None):
        return Found(*_column_apart(items, y), kind)
    if part is not None and carried is not None:
        labels, kept = halves.alone(_part_of(carried, part), str(X))
        return Found(take(items, np.asarray(kept)), labels, kind)
    if y is True:
        if carried is None:
            given = X if isinstance(X, (str, Path)) else named(X)
            raise NoLabels(f"{given}: carries no labels: give y, one for each item")
        return Found(items, carried, kind)
    if apart.is_source(y):
        return apart.read_apart(Found(items, None, kind), X, y, split)
    if isinstance(X, FileItems) and hasattr(y, "__len__") and len(y) == X.n_read > len(X):
        y = take(y, X.rows)  # of items that have left since they were read
    own = _own_labels(items, y)
    return Found(items.anew(own) if isinstance(items, FileItems) and isinstance(own, list) else items, own, kind)


def _found(
    X: Any, y: object, part: str | None, split: str | None, kinds: Sequence[Modality], wanted: Sequence[Modality]
) -> tuple[Found, bool]:
    """Return what reading finds, and whether what belongs to the items is just the part that was named.

    Args:
        X: as for `read`, on this machine.
        y: as for `read`.
        part: y if it is the name of a part of what belongs to the items; None if it isn't.
        split: the split.
        kinds: candidates for the kind of data.
        wanted: candidates that are preferred.
    """
    only = wanted[0] if len(wanted) == 1 else None
    if isinstance(X, (str, Path)):
        with reading(kind=None if only is None else only.name):
            try:
                found = read_source(X, y is True or part is not None, split, kinds, wanted)
            except NoLabels as error:
                raise error if part is None else apart.refuse(part) from None
        if not holds_encoded(found.items) or not wants_encoded(wanted):
            return found, False
        X, split = EncodedTable(found.items), None
    if is_foreign(X, kinds):
        found = read_foreign(X, y if part is None else part, split, kinds, wanted)
        return found, part is not None and not hasattr(found.items, "columns")
    if split is not None:
        raise ZaohuaError(f"split={split!r} can be taken of a folder or a data set only, not of {named(X)}")
    items, kind = collected(X, None, kinds, only)
    return Found(items, X.labels if isinstance(X, FileItems) else None, kind), False


def write(
    items: object,
    path: str | Path,
    *,
    y: Sequence[object] | None = None,
    modality: str | None = None,
    overwrite: bool = True,
    origin: Origin | HasOrigin | None = None,
) -> Path:
    """Write items to one file of a common format (a sheet of images, a sound, a text, a table, MIDI), or to a folder.

    A file appears once it is complete. A folder holds a file for each item, with the names that `zaohua sample` gives.

    Args:
        items: as a model's `sample` returns them, or any that `read` takes.
        path: the file; its suffix selects the format, and the default suffix is added to a path without one. A folder
            that exists, or a path that ends in a slash: a file for each item.
        y: the condition of each item, for formats that store conditions, or for the names of files.
        modality: the kind of data to take the items for; found out when not given.
        overwrite: False to refuse a path that exists. True replaces a file, and a folder if all its files are as
            zaohua wrote them.
        origin: the model that made the items, or what its `file_origin(random_state)` returns, which the files then
            say (`zaohua.origin` reads it); None if they say nothing.

    Returns:
        The path of the file or folder.

    Raises:
        ZaohuaError: the items aren't recognised, or aren't written to files with that suffix; the folder holds other
            files; the path can't be written.
    """
    path_of("path", path)
    folder = str(path).endswith(("/", "\\")) or Path(path).is_dir()
    kinds = registry.known() if modality is None else (registry.modality(modality),)
    found, kind = collected(items, None, kinds)
    if isinstance(found, np.ndarray):
        items = found
    if kind is None:
        raise ZaohuaError(f"{named(items)}: isn't recognised as any kind of data: say which (modality=)")
    with nullcontext() if origin is None else recorded(origin):
        if folder:
            return kind.export_each(items, found, Path(path), y, overwrite)
        file = Path(path) if Path(path).suffix else Path(path).with_suffix(kind.codecs[0].ending())
        outputs.check(file, overwrite)
        return kind.export(items, found, file, y)


# ---- labels


def _column_apart(table: Any, name: str) -> tuple[Any, Any]:
    """Return a table without one of its columns, and that column."""
    if name not in table.columns:
        raise unknown("column", name, table.columns)
    rest = [other for other in table.columns if other != name]
    return table[rest], table[name].to_list() if hasattr(table[name], "to_list") else list(table[name])


def _part_of(carried: Any, name: str) -> Column:
    """Return one of the columns of what belongs to items, with None where an item lacks it."""
    if isinstance(carried, Column) and carried.name == name:
        return carried
    names = [carried.name] if isinstance(carried, Column) else []
    if is_records(carried):
        names = list(carried[0])
    if name not in names:
        if not names:
            raise apart.refuse(name)
        raise ZaohuaError(f"{unknown('column of y', name, names)}; and there is no file or folder of that name")
    return Column(name, [record[name] for record in carried])


def _own_labels(items: Any, y: Any) -> Any:
    """Return labels or other conditions that were given apart from the items, checked for their number."""
    if is_records(y) and not isinstance(y, (list, tuple)):
        y = rows_of(y)
    if isinstance(y, (str, bytes, Path)) or (not hasattr(y, "__len__") and not hasattr(y, "__array__")):
        raise apart.refuse(y)
    if isinstance(y, (list, tuple)):
        if any(isinstance(c, Path) or getattr(c, "ndim", 0) > 1 or _is_item(c) for c in y):
            y = collect(y)
    elif isinstance(y, FileItems):
        y = y.anew()
    else:
        given, y = y, as_array(y, "labels")
        if not y.ndim:
            raise apart.refuse(given)
    if not hasattr(items, "__len__"):
        raise ZaohuaError(f"can't read {named(items)}: give a folder, the name of a data set, an array or a list")
    if len(y) != len(items):
        raise ZaohuaError(f"{len(items)} items but {len(y)} labels: give one for each item")
    if isinstance(y, FileItems) or getattr(y, "ndim", 1) > 1:
        return y
    return y if isinstance(y, Column) else list(y)


def _is_item(value: object) -> bool:
    """Return whether a condition is an item of a kind of data other than a name, a number or a text."""
    if isinstance(value, (str, bytes, int, float, tuple, type(None), list, set, frozenset, Mapping)):
        return False
    return any(kind.recognises([value]) for kind in registry.known())
