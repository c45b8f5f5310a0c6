"""Read data: from a path, the name of a data set, or values in memory to items and labels, and write items to files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from zaohua.core.advice import option
from zaohua.core.arguments import path_of
from zaohua.core.arrays import as_array, unmasked
from zaohua.core.errors import NoLabels, ZaohuaError, named, nearest, shown, unknown
from zaohua.core.notes import note
from zaohua.modalities import datasets, registry
from zaohua.modalities.files.archives import is_archive, unpacked
from zaohua.modalities.files.folders import Contents
from zaohua.modalities.files.items import FileItems
from zaohua.modalities.files.labels import matching
from zaohua.modalities.files.left_out import tell
from zaohua.modalities.files.options import reading
from zaohua.modalities.files.patterns import FilePattern
from zaohua.modalities.files.piped import STDIN
from zaohua.modalities.files.values import is_item, is_list_of_items, stacked
from zaohua.modalities.listed import of_suffix, read_listed, unreadable
from zaohua.modalities.modality import Modality, refuse_split
from zaohua.modalities.several import paths_of, read_several
from zaohua.storage import outputs


class Found(NamedTuple):
    """Result of reading: the items, their labels or None, and the kind of data; None if no kind recognises them."""

    items: Any
    labels: Any
    kind: Modality | None


def read(
    X: Any,
    y: Any = None,
    *,
    split: str | None = None,
    modality: str | None = None,
    prefer: Modality | None = None,
) -> tuple[Any, Any]:
    """Read items and their labels.

    Args:
        X: a path (a folder or a file of any known kind of data), a pattern of file names that say their labels
            (`folder/{label}_{speaker}_{i}.wav`) or with wildcards (`data/*.csv`), "-" for standard input, the name of a
            data set, a data frame, an array, or a list of arrays, of images, sounds, texts, dialogues, pieces of music
            or files of one kind. A text is a path if that exists, else a pattern if it has braces or wildcards, else a
            name.
        y: None for no labels, True for those that the path or data set carries, one for each item, or the name of the
            column of a table that holds them.
        split: "train" (the default) or "test" of a data set, or of a folder that has subfolders named so.
        modality: the kind of data to take X for; found out when not given.
        prefer: the modality that X is taken for if it recognises it, whatever others do.

    Returns:
        (items, labels or None). The labels of items that are still in files are their own: fit or encode the items
        first, since files found broken leave with their labels. Items given as X come back as a copy.

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
    prefer: Modality | None = None,
) -> Found:
    """Read items and their labels as `read` does, and say of which kind of data they are.

    A folder or a data set may hold arrays that another kind would take for its own, so keep the kind with the items.
    """
    if split is not None and not isinstance(split, str):
        raise ZaohuaError(f"split must be the name of one, such as 'test', not {shown(split)}")
    kinds = registry.known() if modality is None else (registry.modality(modality),)
    if prefer is not None and len(kinds) > 1:
        kinds = (prefer, *(kind for kind in kinds if kind is not prefer))
    if isinstance(X, (str, Path)):
        with reading(kind=kinds[0].name if len(kinds) == 1 or prefer is not None else None):
            items, carried, kind = _read_source(X, y is True, split, kinds, prefer)
    elif split is not None:
        raise ZaohuaError(f"split={split!r} can be taken of a folder or a data set only, not of {named(X)}")
    else:
        items, kind = _collected(X, None, kinds, prefer)
        carried = X.labels if isinstance(X, FileItems) else None
    if y is None or y is False:
        return Found(items, None, kind)
    if isinstance(y, str) and hasattr(items, "columns"):
        return Found(*_column_apart(items, y), kind)
    if y is True:
        if carried is None:
            given = X if isinstance(X, (str, Path)) else named(X)
            raise NoLabels(f"{given}: carries no labels: give y, one for each item")
        return Found(items, carried, kind)
    return Found(items, _own_labels(items, y), kind)


def collect(
    X: Any, labels: Any = None, *, kinds: Sequence[Modality] | None = None, prefer: Modality | None = None
) -> Any:
    """Return a collection in memory in the form that codecs take.

    Args:
        X: an array of any library, a frame, or a list of items or files.
        labels: one for each item, for items that keep theirs.
        kinds: candidates for the kind of data; a single one is used without a check. Default: all.
        prefer: the candidate that is used if it recognises the data.

    Raises:
        ZaohuaError: it is empty, a single item, or arrays of different shapes.
    """
    return _collected(X, labels, registry.known() if kinds is None else kinds, prefer)[0]


def _collected(
    X: Any, labels: Any, kinds: Sequence[Modality], prefer: Modality | None = None
) -> tuple[Any, Modality | None]:
    """Return a collection in the form that codecs take, and its kind; None if no kind recognises it."""
    if isinstance(X, FileItems):
        return X.copy(), next((kind for kind in kinds if kind.recognises(X)), None)  # those given stay as they are
    if isinstance(X, (list, tuple)):
        if not len(X):
            raise ZaohuaError("no items: the list is empty")
        files = read_listed(X, labels, kinds)
        if files is not None:
            return files
        X = stacked(X)
    elif hasattr(X, "toarray"):
        raise ZaohuaError("a sparse matrix can't be learnt from: give X.toarray()")
    elif is_item(X) and not any(kind.recognises(X) for kind in kinds):
        raise ZaohuaError(f"a single {type(X).__name__}: give a list of them")
    elif hasattr(X, "__array__") and not hasattr(X, "columns") and type(X).__module__.split(".")[0] != "pandas":
        X = as_array(X, masked=True)
        if is_list_of_items(X):
            return _collected(list(X), labels, kinds, prefer)
    kind: Modality | None
    if len(kinds) == 1:
        kind = kinds[0]
    else:
        kind = prefer if prefer is not None and prefer.recognises(X) else recognised(X, kinds)
    if isinstance(X, np.ndarray):
        X = unmasked(X, "these items" if kind is None else kind.noun, holes=kind is not None and kind.holes)
    if kind is not None:
        return kind.collect(X, labels), kind
    if isinstance(X, list) and all(isinstance(item, np.ndarray) for item in X):
        other = next(a.shape for a in X if a.shape != X[0].shape)
        raise ZaohuaError(f"arrays of different shapes: {X[0].shape} and {other}")
    return X, None


def recognised(X: object, kinds: Sequence[Modality] | None = None) -> Modality | None:
    """Return the first modality that recognises a collection; None if none does.

    Where several do, as an array of numbers may be of several kinds, a `ZaohuaWarning` says which it is taken for.
    """
    able = [kind for kind in (registry.known() if kinds is None else kinds) if kind.recognises(X)]
    if len(able) > 1:
        others = " or ".join(option("modality", kind.name) for kind in able[1:])
        note(f"{named(X)} is taken for {able[0].name}; {others} reads it otherwise")
    return able[0] if able else None


def write(
    items: object,
    path: str | Path,
    *,
    y: Sequence[object] | None = None,
    modality: str | None = None,
    overwrite: bool = True,
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

    Returns:
        The path of the file or folder.

    Raises:
        ZaohuaError: the items aren't recognised, or aren't written to files with that suffix; the folder holds other
            files; the path can't be written.
    """
    path_of("path", path)
    folder = str(path).endswith(("/", "\\")) or Path(path).is_dir()
    kinds = registry.known() if modality is None else (registry.modality(modality),)
    found, kind = _collected(items, None, kinds)
    if kind is None:
        raise ZaohuaError(f"{named(items)}: isn't recognised as any kind of data: say which (modality=)")
    if folder:
        return kind.export_each(items, found, Path(path), y, overwrite)
    file = Path(path) if Path(path).suffix else Path(path).with_suffix(kind.codecs[0].ending())
    outputs.check(file, overwrite)
    return kind.export(items, found, file, y)


# ---- from a path or a name


def _read_source(
    source: str | Path, labelled: bool, split: str | None, kinds: Sequence[Modality], prefer: Modality | None = None
) -> Found:
    path, pattern = path_of("the path", source).expanduser(), FilePattern.of(source)
    if pattern is not None:
        return _read_pattern(pattern, split, kinds)
    if path == STDIN:
        return _read_file(path, labelled, split, kinds, prefer)
    if not path.exists():
        paths = paths_of(source)
        if paths is not None:
            several, of = read_several(paths, str(source), split, kinds)
            return Found(several.items, several.labels, of)
        entry = datasets.known().get(source) if isinstance(source, str) else None
        if entry is None:
            raise _nothing_at(path, source)
        if len(kinds) == 1 and kinds[0].name != entry.modality:
            raise ZaohuaError(f"{source} is a data set of {entry.modality}, not of {kinds[0].name}")
        found, labels = datasets.load(entry.name, split or "train")
        items, kind = _collected(found, labels, (registry.modality(entry.modality),))
        return Found(items, items.labels if isinstance(items, FileItems) else labels, kind)
    if path.is_dir():
        return _read_folder(path, labelled, split, kinds, prefer)
    return _read_file(path, labelled, split, kinds, prefer)


def _read_file(
    path: Path, labelled: bool, split: str | None, kinds: Sequence[Modality], prefer: Modality | None = None
) -> Found:
    for kind in kinds:
        read_ = kind.read_file(path, split)
        if read_ is not None:
            return Found(read_.items, read_.labels, kind)
    if is_archive(path):
        return _read_source(unpacked(path), labelled, split, kinds, prefer)
    refuse_split(path, split)
    raise unreadable(path, path.suffix.casefold(), kinds) or ZaohuaError(
        f"{path}: can't be read as data: give {_readable(kinds)}, or a folder"
    )


def _read_folder(
    folder: Path, labelled: bool, split: str | None, kinds: Sequence[Modality], prefer: Modality | None = None
) -> Found:
    """Read a folder as the kind of data that is preferred, or else that most of its files are of; note the others."""
    contents = Contents.of(folder)
    suffixes = Counter(path.suffix.casefold() for path in contents.files)
    counts = {kind.name: kind.count(folder, suffixes) for kind in kinds}
    present = [kind for kind in kinds if counts[kind.name]]
    chosen = max(present, key=lambda kind: (not kind.accompanies, counts[kind.name]), default=None)
    chosen = prefer if prefer in present else chosen
    for kind in kinds:
        lost = sum(suffixes[suffix] for suffix in kind.convert)
        error = unreadable(folder, max(sorted(kind.convert), key=lambda suffix: suffixes[suffix], default=""), kinds)
        if lost > sum(counts.values()) and not counts[kind.name] and error is not None:
            raise error
    found = None if chosen is None else chosen.read_folder(folder, labelled, split)
    if found is not None and chosen is not None:
        endings = chosen.suffixes | chosen.other_suffixes
        ours = [path for path in contents.files if path.suffix.casefold() in endings]
        convert = {suffix: advice for kind in kinds for suffix, advice in kind.convert.items()}
        tell(folder, split, contents, ours if found.files is None else found.files, chosen.suffixes, convert)
        return Found(found.items, found.labels, chosen)
    if not suffixes:
        raise ZaohuaError(f"{folder}: the folder is empty")
    held = ", ".join(f"{count} {suffix or 'without a suffix'}" for suffix, count in suffixes.most_common(4))
    tables = any(suffix in kind.other_suffixes for kind in kinds for suffix in suffixes)
    hint = f"it must hold {_readable(kinds, folders=True)}" + (
        ", or give a file of many items itself" if tables else ""
    )
    raise ZaohuaError(f"{folder}: holds no files that are read from folders ({held}): {hint}")


def _readable(kinds: Sequence[Modality], folders: bool = False) -> str:
    """Return what files are read, for a message: "images (.png, .jpg ...), sounds (.wav ...)"."""
    shown = []
    for kind in kinds:
        suffixes = sorted(kind.suffixes | (frozenset() if folders else kind.other_suffixes), key=lambda s: (len(s), s))
        if suffixes:
            shown.append(f"{kind.noun} ({', '.join(suffixes[:4])}{' ...' if len(suffixes) > 4 else ''})")
    return ", ".join(shown)


def _read_pattern(pattern: FilePattern, split: str | None, kinds: Sequence[Modality]) -> Found:
    """Read the files whose names are of a form, and the labels that the names say."""
    kind = of_suffix(pattern.suffix, kinds)
    if kind is not None:
        paths, labels = matching(pattern, kind.suffixes, split, kind.noun)
        items = kind.open(paths, labels)
        return Found(items, getattr(items, "labels", labels), kind)
    raise unreadable(pattern.text, pattern.suffix, kinds) or ZaohuaError(
        f"{pattern.text}: a pattern ends as its files do, such as .wav, .png, .mid or .txt"
    )


def _nothing_at(path: Path, source: str | Path) -> ZaohuaError:
    """Return the error for a path that doesn't exist and is no data set: it suggests what may have been meant."""
    if path.is_symlink():
        return ZaohuaError(f"{source}: is a link to {path.readlink()}, which isn't there")
    beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    close = nearest(path.name, [*datasets.names(), *beside])
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"data sets: {', '.join(datasets.names())}"
    return ZaohuaError(f"{str(source)!r} is neither a file or folder nor a data set; {hint}")


# ---- labels


def _column_apart(table: Any, name: str) -> tuple[Any, Any]:
    """Return a table without one of its columns, and that column."""
    if name not in table.columns:
        raise unknown("column", name, table.columns)
    rest = [other for other in table.columns if other != name]
    return table[rest], table[name].to_list() if hasattr(table[name], "to_list") else list(table[name])


def _own_labels(items: Any, y: Any) -> Any:
    """Return labels or other conditions that were given apart from the items, checked for their number."""
    if isinstance(y, (str, bytes, Path)) or (not hasattr(y, "__len__") and not hasattr(y, "__array__")):
        raise ZaohuaError(f"y must be True, or a list or an array with one label for each item, not {y!r}")
    if isinstance(y, (list, tuple)):
        if any(isinstance(c, Path) or getattr(c, "ndim", 0) > 1 or _is_item(c) for c in y):
            y = collect(y)
    elif not isinstance(y, FileItems):
        given, y = y, as_array(y, "labels")
        if not y.ndim:
            raise ZaohuaError(f"y must be True, or a list or an array with one label for each item, not {named(given)}")
    if not hasattr(items, "__len__"):
        raise ZaohuaError(f"can't read {named(items)}: give a folder, the name of a data set, an array or a list")
    if len(y) != len(items):
        raise ZaohuaError(f"{len(items)} items but {len(y)} labels: give one for each item")
    if isinstance(y, FileItems) or getattr(y, "ndim", 1) > 1:
        return y
    if isinstance(items, FileItems):
        items.labels = list(y)
        return items.labels
    return list(y)


def _is_item(value: object) -> bool:
    """Return whether a condition is an item of a kind of data other than a name, a number or a text."""
    if isinstance(value, (str, bytes, int, float, tuple, type(None))):
        return False
    return any(kind.recognises([value]) for kind in registry.known())
