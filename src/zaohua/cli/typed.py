"""Read conditions that are given in words: labels, texts and numbers as they are typed, others as files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note

if TYPE_CHECKING:
    from zaohua.modalities.condition_base import ConditionCodec
    from zaohua.modalities.files.items import FileItems

Collection: TypeAlias = "list[object] | np.ndarray | FileItems[object]"
"""Conditions: labels, texts or numbers, arrays, or files."""


def read_words(codec: ConditionCodec, words: Sequence[str]) -> tuple[Collection, list[object]]:
    """Read the conditions that words stand for, as a codec takes them, and their names.

    The codec alone decides whether a word is a label, a text, numbers or a file. A file or folder may hold several
    conditions, and commas separate several labels or numbers.

    Raises:
        ZaohuaError: a word stands for no such condition.
    """
    typed = [codec.typed(word, several=True) for word in words]
    values = [value for found in typed for value in found or ()]
    if all(found is None for found in typed):
        return read_files(codec, words)
    if codec.modality == "texts":
        _tell_texts(words)
    return values, list(values)


def read_files(codec: ConditionCodec, words: Sequence[str], option: str = "--y") -> tuple[Collection, list[object]]:
    """Read conditions from files and folders; those that are broken leave, and are named."""
    from zaohua import modalities
    from zaohua.modalities.files.items import FileItems

    kind = modalities.modality_of(type(codec))
    if kind is None:
        raise ZaohuaError(f"conditions of this run's {type(codec).__name__} can't be given on the command line")
    parts: list[Collection] = []
    names: list[object] = []
    for word in words:
        path = Path(word).expanduser()
        if not os.path.exists(path):
            raise ZaohuaError(f"{option} {word}: is no file or folder, and this run was conditioned on {kind.noun}")
        one = path.is_file() and path.suffix.casefold() in kind.suffixes
        parts.append(modalities.read([path] if one else path, modality=kind.name)[0])
        names += [f"{word}[{i}]" for i in range(len(parts[-1]))]
    found = _joined(parts)
    if not isinstance(found, FileItems):
        return found, names
    codec.encode(found)  # files that are broken leave, and are named
    found.report()
    return found, [Path(path) for path in found.paths]


def singles(found: Collection, names: Sequence[object]) -> list[object]:
    """Return conditions one by one: files as paths.

    Raises:
        ZaohuaError: one is a part of a file, such as a page, which has no path of its own.
    """
    if isinstance(found, (list, np.ndarray)):
        return list(found)
    inside = next((name for name in names if not os.path.exists(str(name))), None)
    if inside is not None:
        raise ZaohuaError(f"--y {inside}: is a part of a file: save it as a file of its own")
    return list(names)


def pick(found: Collection, rows: list[int]) -> Collection:
    """Pick some of the conditions, maybe more than once."""
    if isinstance(found, np.ndarray):
        return np.asarray(found[rows])
    sources = _sources(found)
    return _like(found, [sources[row] for row in rows])


def plain(y: object) -> object:
    """Return conditions as JSON holds them: names of files, sorted lists of labels."""
    if isinstance(y, Mapping):
        return {name: plain(value) for name, value in y.items()}
    if isinstance(y, (set, frozenset)):
        return sorted(y, key=str)
    if isinstance(y, np.ndarray):
        return y.tolist()
    if isinstance(y, list):
        return [plain(value) for value in y]
    return str(y) if isinstance(y, Path) else y


def _tell_texts(words: Sequence[str]) -> None:
    """Note texts that may be meant otherwise: names of files, and empty ones."""
    for word in words:
        if word and len(word) < 256 and os.path.exists(Path(word).expanduser()):
            note(f"--y {word} is taken for a text, not for the file of that name (--y-file reads texts from a file)")
    if any(not word.strip() for word in words):
        note("an empty text is no condition")


def _joined(parts: list[Collection]) -> Collection:
    """Join conditions of several arrays, or of several folders and files."""
    if len({type(part) for part in parts}) > 1:
        raise ZaohuaError("--y takes files or arrays, not both at once")
    if not isinstance(parts[0], np.ndarray):
        return _like(parts[0], [source for part in parts for source in _sources(part)])
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    if len({array.shape[1:] for array in arrays}) > 1:
        raise ZaohuaError(f"--y: arrays of different shapes: {' and '.join(str(array.shape) for array in arrays)}")
    return np.concatenate(arrays)


def _sources(found: Collection) -> Sequence[object]:
    """Return what a collection is made of: locations of files, or the values themselves."""
    return cast(Sequence[object], getattr(found, "sources", found))


def _like(found: list[object] | FileItems[object], sources: list[object]) -> Collection:
    """Make a collection of other sources: a list, or a class of files."""
    return sources if isinstance(found, list) else type(found)(sources)
