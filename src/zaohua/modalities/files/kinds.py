"""What the ending of a file says that it holds, and lists of files that are read one by one."""

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
"""Endings of sounds that aren't read."""


class FileKind(NamedTuple):
    """A kind of files that are read one by one.

    Attributes:
        suffixes: endings, in lower case, dot included.
        noun: what they hold, in the plural.
        items: the class of the items of some such files, given their paths and maybe their labels.
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
    """The kind of files that end so (in lower case); None for those that aren't read one by one."""
    return next((kind for kind in KINDS if suffix in kind.suffixes), None)


def unread(where: object, suffix: str) -> ZaohuaError:
    """The error about sounds that aren't read.

    Args:
        where: the file, the folder or the pattern that was given.
        suffix: their ending, one of `UNREAD`.
    """
    return ZaohuaError(
        f"{where}: {suffix} files aren't read: convert them to .wav, .flac or .mp3, as by `ffmpeg -i x{suffix} x.wav`"
    )


def listed(X: Sequence[Any], labels: Sequence[Any] | None = None) -> Any:
    """The items of a list of files; None if it isn't one.

    Args:
        X: any list. Of files is one that has a `Path`, or of texts that all end as files of one kind do, of which at
            least one is there: other texts are texts.
        labels: one for each, or None.

    Raises:
        ZaohuaError: something in a list of files is no file that is there, or they are of several kinds.
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
    )  # unlike Path's, False for texts that can't be paths


def _file(item: Any, at: int) -> Path:
    if not isinstance(item, (str, Path)):
        raise ZaohuaError(f"the list holds files, but number {at} is a {type(item).__name__}")
    path = Path(item).expanduser()
    if path.is_dir():
        raise ZaohuaError(f"{path}: is a folder: give it by itself, not in a list of files")
    if not os.path.isfile(path):
        raise ZaohuaError(f"{path}: there is no such file (number {at} of the list)")
    return path
