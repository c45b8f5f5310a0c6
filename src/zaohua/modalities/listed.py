"""Lists of files, which are read as what their endings say."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from zaohua.core.errors import ZaohuaError, named
from zaohua.modalities.modality import Modality


def of_suffix(suffix: str, kinds: Iterable[Modality]) -> Modality | None:
    """Return the modality whose files, of one item each, end so (in lower case); None if there is none."""
    return next((kind for kind in kinds if suffix in kind.suffixes), None)


def unreadable(where: object, suffix: str, kinds: Iterable[Modality]) -> ZaohuaError | None:
    """Return the error for files that have to be converted first; None for any other suffix.

    Args:
        where: the file, folder or pattern that was given.
        suffix: their ending.
        kinds: the modalities to ask.
    """
    advice = next((kind.convert[suffix] for kind in kinds if suffix in kind.convert), None)
    return None if advice is None else ZaohuaError(f"{where}: {suffix} files aren't read: {advice}")


def read_listed(
    X: Sequence[object], labels: Sequence[object] | None, kinds: Sequence[Modality]
) -> tuple[Any, Modality] | None:
    """Return the items of a list of files and their kind of data; None if the list holds something else.

    Args:
        X: a list. It is of files if it holds a `Path`, or if all its texts end as files of one kind do and at least
            one such file exists: other texts are texts.
        labels: one for each file, or None.
        kinds: the modalities to ask.

    Raises:
        ZaohuaError: a file of the list is missing, or the files are of several kinds.
    """
    if not _is_of_files(X, kinds):
        return None
    paths = [_file(item, i) for i, item in enumerate(X)]
    kind = of_suffix(paths[0].suffix.casefold(), kinds)
    for i, path in enumerate(paths):
        suffix = path.suffix.casefold()
        error = unreadable(path, suffix, kinds)
        if error is not None:
            raise error
        if kind is None:
            nouns = ", ".join(kind.noun for kind in kinds if kind.suffixes)
            raise ZaohuaError(f"{path}: can't be read as one of a list of files, which hold one item each ({nouns})")
        if suffix not in kind.suffixes:
            raise ZaohuaError(f"the list holds files of {kind.noun}, but number {i} is {path}")
    return None if kind is None else (kind.open(paths, labels), kind)


def _is_of_files(X: Sequence[object], kinds: Sequence[Modality]) -> bool:
    if any(isinstance(item, Path) for item in X):
        return True
    texts = [item for item in X if isinstance(item, str)]
    if len(texts) < len(X):
        return False
    kind = of_suffix(Path(texts[0]).suffix.casefold(), kinds)
    suffixes = {suffix for other in kinds for suffix in other.convert} if kind is None else kind.suffixes
    return all(Path(text).suffix.casefold() in suffixes for text in texts) and any(
        os.path.isfile(os.path.expanduser(text)) for text in texts
    )  # unlike Path's, False for texts that can't be paths


def _file(item: object, at: int) -> Path:
    if not isinstance(item, (str, Path)):
        raise ZaohuaError(f"the list holds files, but number {at} is {named(item)}")
    path = Path(item).expanduser()
    if path.is_dir():
        raise ZaohuaError(f"{path}: is a folder: give it by itself, not in a list of files")
    if not os.path.isfile(path):
        raise ZaohuaError(f"{path}: there is no such file (number {at} of the list)")
    return path
