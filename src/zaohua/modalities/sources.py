"""From what people give (a path, a name, arrays, lists) to items and labels."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zaohua.core.errors import ZaohuaError, ZaohuaWarning, nearest, unknown
from zaohua.modalities import datasets
from zaohua.modalities.files.arrays import find_idx, idx_labels, is_idx, read_idx, read_npz
from zaohua.modalities.files.delimited import SUFFIXES as TABLES
from zaohua.modalities.files.delimited import read_table
from zaohua.modalities.files.folders import walk
from zaohua.modalities.files.items import FileItems
from zaohua.modalities.files.kinds import UNREAD, kind_of, listed, unread
from zaohua.modalities.files.labels import matching
from zaohua.modalities.files.patterns import FilePattern
from zaohua.modalities.images.files import ImageFiles
from zaohua.modalities.images.folder import SUFFIXES, read_folder
from zaohua.modalities.music.midi import SUFFIXES as MIDI
from zaohua.modalities.music.midi import read_midi_folder
from zaohua.modalities.music.roll_files import SUFFIXES as ROLLS
from zaohua.modalities.music.roll_files import read_rolls
from zaohua.modalities.sounds.files import SUFFIXES as SOUNDS
from zaohua.modalities.sounds.files import SoundFiles, read_sound_folder
from zaohua.modalities.sounds.sound import Sound
from zaohua.modalities.tables.frames import is_table
from zaohua.modalities.texts.files import SUFFIXES as TEXTS
from zaohua.modalities.texts.files import TextFiles, read_text_folder


def read(X: Any, y: Any = None, *, split: str | None = None) -> tuple[Any, Any]:
    """Items and their labels.

    Args:
        X: a path (a folder of images, sounds, texts or MIDI files, an .npz, .npy, IDX, .txt or .jsonl file, a sound or
            a MIDI file, a .json or .mat of piano rolls, a .csv, .tsv or .parquet), a pattern of file names that say
            their labels (`folder/{label}_{speaker}_{i}.wav`), the name of a data set, a data frame, an array, or a list
            of arrays, of Pillow's images, of sounds, of texts, of pieces of music or of paths of files of one kind. A
            text is a path if that exists, else a pattern if it has braces, else a name.
        y: None for no labels, True for those that the path or data set carries, one for each item, or the name of the
            column of a table that holds them.
        split: "train" (the default) or "test" of a data set, or of a folder that has subfolders named so.

    Returns:
        (items, labels or None). Items are an array, `ImageFiles`, or for the codec to judge what they were. The
        labels of `ImageFiles`, `SoundFiles` and `MidiFiles` are their own: fit or encode the items first, since files
        found broken leave with their labels. Given as X they come back as a copy, and stay as they are.

    Raises:
        ZaohuaError: nothing is there, or nothing that can be read; the message says what to give.
    """
    if isinstance(X, (str, Path)):
        items, carried = _read_path(X, y is True, split)
    elif split is not None:
        raise ZaohuaError(f"split={split!r} can be taken of a folder or a data set only, not of {_what(X)}")
    else:
        items, carried = _read_values(X), X.labels if isinstance(X, FileItems) else None
    if y is None or y is False:
        return items, None
    if isinstance(y, str) and hasattr(items, "columns"):
        return _column_apart(items, y)
    if y is True:
        if carried is None:
            given = X if isinstance(X, (str, Path)) else _what(X)
            raise ZaohuaError(f"{given}: carries no labels: give y, one for each item")
        return items, carried
    return items, _own_labels(items, y)


def _column_apart(table: Any, name: str) -> tuple[Any, Any]:
    """A table without one of its columns, and that column."""
    if name not in table.columns:
        raise unknown("column", name, table.columns)
    rest = [other for other in table.columns if other != name]
    return table[rest], table[name].to_list() if hasattr(table[name], "to_list") else list(table[name])


def _own_labels(items: Any, y: Any) -> Any:
    """Labels or other conditions given apart from the items, checked for their number."""
    if isinstance(y, (list, tuple)) and any(
        isinstance(c, (Image.Image, Sound, Path)) or getattr(c, "ndim", 0) > 1 for c in y
    ):
        y = _read_values(y)
    if hasattr(y, "__array__") and not hasattr(y, "__len__"):
        y = np.asarray(y)
    if isinstance(y, (str, bytes, Path)) or not hasattr(y, "__len__"):
        raise ZaohuaError(f"y must be True, or a list or an array with one label for each item, not {y!r}")
    if not isinstance(y, FileItems):
        y = _array(y) if hasattr(y, "ndim") else list(y)
    if len(y) != len(items):
        raise ZaohuaError(f"{len(items)} items but {len(y)} labels: give one for each item")
    if isinstance(y, FileItems) or getattr(y, "ndim", 1) > 1:
        return y
    if isinstance(items, FileItems):
        items.labels = list(y)
        return items.labels
    return list(y)


def _read_path(source: str | Path, labelled: bool, split: str | None) -> tuple[Any, Sequence[Any] | None]:
    path, pattern = Path(source).expanduser(), FilePattern.of(source)
    if pattern is not None:
        return _read_pattern(pattern, split)
    if not path.exists():
        if isinstance(source, str) and source in datasets.SETS:
            found, labels = datasets.load(source, split or "train")
            items = _read_values(found, labels)
            return items, items.labels if isinstance(items, FileItems) else labels
        raise _nothing_at(path, source)
    if path.is_dir():
        idx = find_idx(path, split or "train")
        if idx is not None:
            return read_idx(idx[0]), None if idx[1] is None else read_idx(idx[1]).tolist()
        for read_other in _other_than_images(path):
            found = read_other(path, labelled, split)
            if found is not None:
                return found, found.labels
        files = read_folder(path, labelled, split)
        return files, files.labels
    if path.suffix.casefold() in ROLLS:
        return read_rolls(path, split), None
    if split is not None:
        raise ZaohuaError(f"{path}: a file has no split {split!r}")
    return _read_file(path)


def _nothing_at(path: Path, source: str | Path) -> ZaohuaError:
    """The error about a path that isn't there and no data set either: what it may have been meant to be."""
    stars = next((i for i, part in enumerate(path.parts) if set(part) & set("*?[")), None)
    if stars is not None:
        folder, suffix = Path(*path.parts[:stars]), path.suffix if kind_of(path.suffix.casefold()) else ".wav"
        return ZaohuaError(
            f"{str(source)!r} is no file, and stars stand for nothing here: give the folder {folder}, "
            f"or say what names are made of, as in '{folder / ('{label}_{i}' + suffix)}'"
        )
    beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    close = nearest(path.name, [*datasets.names(), *beside])
    hint = f"did you mean {' or '.join(map(repr, close))}?" if close else f"data sets: {', '.join(datasets.names())}"
    return ZaohuaError(f"{str(source)!r} is neither a file or folder nor a data set; {hint}")


def _other_than_images(folder: Path) -> tuple[Any, ...]:
    """What reads a folder, unless it is of images: it holds some, and not fewer than sounds, as a record's cover is."""
    endings = Counter(path.suffix.casefold() for path in walk(folder))
    images, sounds, lost, others = (
        sum(endings[suffix] for suffix in kind) for kind in (SUFFIXES, SOUNDS, UNREAD, TEXTS | MIDI)
    )
    if lost:
        error = unread(folder, max(sorted(UNREAD), key=lambda suffix: endings[suffix]))
        if sounds:
            warnings.warn(f"{lost} sounds left out: {error}", ZaohuaWarning, stacklevel=2)
        elif lost > images + others:
            raise error
    if sounds > images:
        return (read_sound_folder,)
    return () if images else (read_midi_folder, read_text_folder)


def _read_pattern(pattern: FilePattern, split: str | None) -> tuple[Any, Sequence[Any]]:
    """The files whose names are of a form, and the labels that the names say."""
    kind = kind_of(pattern.suffix)
    if kind is not None:
        found = kind.items(*matching(pattern, kind.suffixes, split, kind.noun))
        return found, found.labels
    if pattern.suffix in UNREAD:
        raise unread(pattern.text, pattern.suffix)
    raise ZaohuaError(f"{pattern.text}: a pattern ends as its files do, such as .wav, .png, .mid or .txt")


def _read_file(path: Path) -> tuple[Any, Sequence[Any] | None]:
    suffix = path.suffix.casefold()
    if suffix in (".npz", ".npy"):
        images, labels = read_npz(path)
        return images, None if labels is None else labels.tolist()
    if suffix in SUFFIXES:
        raise ZaohuaError(f"{path}: is a single image: give the folder that it is in")
    if suffix in TEXTS:
        return TextFiles([path]), None
    kind = kind_of(suffix)
    if kind is not None:
        return kind.items([path]), None
    if suffix in TABLES:
        return read_table(path), None
    if suffix in UNREAD:
        raise unread(path, suffix)
    if is_idx(path):
        beside = idx_labels(path)
        return read_idx(path), None if beside is None else read_idx(beside).tolist()
    raise ZaohuaError(
        f"{path}: can't be read as data: give a folder of images, sounds, texts or MIDI files, a "
        ".csv or .parquet, an .npz or .npy, an IDX file, a .txt or .jsonl, a sound, or a .json or .mat "
        "of piano rolls"
    )


def _read_values(X: Any, labels: Any = None) -> Any:
    """Arrays, and lists of arrays, pictures, sounds or files, as an array or the class of such items; else as it is."""
    if isinstance(X, FileItems):
        return X.copy()  # so that those that were given stay as they are
    if isinstance(X, (list, tuple)):
        if not len(X):
            raise ZaohuaError("no items: the list is empty")
        files = listed(X, labels)
        if files is not None:
            return files
        if any(isinstance(item, Image.Image) for item in X):
            _all_of(X, Image.Image, "images of Pillow's")
            return ImageFiles(X)
        if any(isinstance(item, Sound) for item in X):
            _all_of(X, Sound, "sounds")
            return SoundFiles(X, labels)
        if all(hasattr(item, "ndim") for item in X):
            arrays = [_array(item) for item in X]
            if len({array.shape for array in arrays}) == 1:
                return np.stack(arrays)
            if all(a.dtype == np.uint8 and (a.ndim == 2 or (a.ndim == 3 and a.shape[2] in (3, 4))) for a in arrays):
                return ImageFiles([Image.fromarray(array) for array in arrays])
            raise ZaohuaError(
                f"arrays of different shapes: {arrays[0].shape} and "
                f"{next(a.shape for a in arrays if a.shape != arrays[0].shape)}"
            )
        is_rows = all(isinstance(row, (list, tuple)) and row and isinstance(row[0], (int, float)) for row in X)
        return np.array(X) if is_rows and len({len(row) for row in X}) == 1 else list(X)
    if hasattr(X, "__array__") and not hasattr(X, "ndim") and not is_table(X):
        return np.asarray(X)
    if isinstance(X, Image.Image):
        raise ZaohuaError("a single image: give a list of them")
    if hasattr(X, "toarray"):
        raise ZaohuaError("a sparse matrix can't be learnt from: give X.toarray()")
    return X if is_table(X) or not hasattr(X, "ndim") else _array(X)


def _array(value: Any) -> np.ndarray:
    """An array of numpy's from one of any library (torch, pandas)."""
    return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)


def _all_of(items: Sequence[Any], kind: type, name: str) -> None:
    for i, item in enumerate(items):
        if not isinstance(item, kind):
            raise ZaohuaError(f"the list holds {name}, but number {i} is {_what(item)}")


def _what(value: Any) -> str:
    """What a value is, as a message names it."""
    shape = getattr(value, "shape", None)
    kind = type(value).__name__
    return f"{kind} of shape {tuple(shape)}" if shape is not None else kind
