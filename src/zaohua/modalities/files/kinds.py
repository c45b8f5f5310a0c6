"""Kinds of files by their suffix, and lists of files as items."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.images.files import ImageFiles
from zaohua.modalities.images.folder import SUFFIXES as IMAGES
from zaohua.modalities.music.midi import SUFFIXES as MIDI
from zaohua.modalities.music.midi import MidiFiles
from zaohua.modalities.sounds.files import SUFFIXES as SOUNDS
from zaohua.modalities.sounds.files import SoundFiles
from zaohua.modalities.texts.files import TextFiles

UNREAD = frozenset({".m4a", ".m4b", ".aac", ".wma", ".amr", ".ac3", ".ape", ".wv", ".mka", ".weba"})
"""Suffixes of sound files that aren't supported."""


class FileKind(NamedTuple):
    """Kind of files with one item (or, for texts, several) per file.

    Attributes:
        suffixes: suffixes in lower case, with the dot.
        noun: noun for the items, in the plural.
        items: class of lists of such files, called with paths and optional labels.
    """

    suffixes: frozenset[str]
    noun: str
    items: Any


KINDS = (
    FileKind(SOUNDS, "sounds", SoundFiles),
    FileKind(IMAGES, "images", ImageFiles),
    FileKind(MIDI, "MIDI files", MidiFiles),
    FileKind(frozenset({".txt"}), "texts", TextFiles),
)


def kind_of(suffix: str) -> FileKind | None:
    """Return the kind of files with a suffix (in lower case); None if there is none."""
    return next((kind for kind in KINDS if suffix in kind.suffixes), None)


def unread(where: object, suffix: str) -> ZaohuaError:
    """Create the error about sound files that aren't supported.

    Args:
        where: the file, folder or pattern that was given.
        suffix: suffix of the files, one of `UNREAD`.
    """
    return ZaohuaError(
        f"{where}: {suffix} files aren't read: convert them to .wav, .flac or .mp3, as by `ffmpeg -i x{suffix} x.wav`"
    )


def listed(X: Sequence[Any], labels: Sequence[Any] | None = None) -> Any:
    """Return the items of a list of file names; None if X isn't one.

    Args:
        X: any list. It counts as a list of files if it contains a `Path`, or if all strings have suffixes of one kind
            and at least one of the files exists. Other strings are texts.
        labels: one label per item, or None.

    Raises:
        ZaohuaError: a file in a list of files doesn't exist, or they are of several kinds.
    """
    if not _is_of_files(X):
        return None
    paths = [_file(item, i) for i, item in enumerate(X)]
    kind = kind_of(paths[0].suffix.casefold())
    for i, path in enumerate(paths):
        suffix = path.suffix.casefold()
        if suffix in UNREAD:
            raise unread(path, suffix)
        if kind is None:
            raise ZaohuaError(f"{path}: can't be one of a list of files: these are sounds, images, MIDI files or .txt")
        if suffix not in kind.suffixes:
            raise ZaohuaError(f"the list holds files of {kind.noun}, but number {i} is {path}")
    return None if kind is None else kind.items(paths, labels)


def _is_of_files(X: Sequence[Any]) -> bool:
    if any(isinstance(item, Path) for item in X):
        return True
    if not isinstance(X[0], str):
        return False
    suffix = Path(X[0]).suffix.casefold()
    kind = kind_of(suffix)
    suffixes = UNREAD if kind is None else kind.suffixes
    return all(isinstance(item, str) and Path(item).suffix.casefold() in suffixes for item in X) and any(
        os.path.isfile(os.path.expanduser(item)) for item in X
    )  # unlike Path.is_file, False for texts that can't be paths


def _file(item: Any, at: int) -> Path:
    if not isinstance(item, (str, Path)):
        raise ZaohuaError(f"the list holds files, but number {at} is a {type(item).__name__}")
    path = Path(item).expanduser()
    if path.is_dir():
        raise ZaohuaError(f"{path}: is a folder: give it by itself, not in a list of files")
    if not os.path.isfile(path):
        raise ZaohuaError(f"{path}: there is no such file (number {at} of the list)")
    return path
