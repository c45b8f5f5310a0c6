"""Pictures and sounds that a column holds as encoded bytes, unpacked to files that are read as any others.

A data set of them is read as an archive is: its files are written to a temporary folder, once for each data set.
"""

from __future__ import annotations

import itertools
import os
import weakref
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.files.temporary import TemporaryFolder
from zaohua.modalities.modality import Modality

STARTS = {b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg", b"ID3": ".mp3", b"\x89PNG": ".png", b"\xff\xd8": ".jpg"}
"""First bytes of files whose names aren't known, and their usual endings."""
USUAL = {"images": ".png", "sounds": ".mp3"}
"""Endings of files that begin otherwise; for pictures it is of no importance."""
BATCH = 512
"""Files between two checks of the room on the disk."""
_kept: weakref.WeakKeyDictionary[Any, dict[str, list[Path | None]]] = weakref.WeakKeyDictionary()
_folders: list[TemporaryFolder] = []


def unpacked(owner: object, name: str, cells: Iterable[object], kind: Modality) -> list[Path | None]:
    """Return the files of a column, which are written once for each data set; None where a cell holds none.

    Args:
        owner: the data set.
        name: name of the column.
        cells: dictionaries of `bytes` and `path`, bytes, or None. A path without bytes is the file itself.
        kind: kind of data of the column.

    Raises:
        ZaohuaError: a cell holds something else, or the disk has no room.
    """
    try:
        known = _kept.setdefault(owner, {})
    except TypeError:  # it can't be hashed, or referred to
        known = {}
    if name not in known:
        known[name] = list(_written(name, cells, kind))
    return known[name]


def is_encoded(cell: object) -> bool:
    """Return True for a cell that holds an encoded file, as `datasets` stores pictures and sounds."""
    return isinstance(cell, Mapping) and {"bytes", "path"} == set(cell)


def _written(name: str, cells: Iterable[object], kind: Modality) -> Iterator[Path | None]:
    folder = TemporaryFolder("".join(c if c.isalnum() else "_" for c in name) or "files")
    _folders.append(folder)
    rows = enumerate(cells)
    for batch in iter(lambda: list(itertools.islice(rows, BATCH)), []):
        found = [_content(cell, name, row) for row, cell in batch]
        advice = "give fewer items"
        folder.check_room(sum(len(data) for data, _ in found if data is not None), f"column {name!r}", advice)
        for (row, _), (data, path) in zip(batch, found, strict=True):
            ending = os.path.splitext(path)[1].casefold()
            if data is None:
                yield Path(path) if ending in kind.suffixes and os.path.isfile(path) else None
                continue
            file = folder.path / f"{row:06d}{ending if ending in kind.suffixes else _ending(data, kind)}"
            file.write_bytes(data)
            yield file


def _content(cell: object, name: str, row: int) -> tuple[bytes | None, str]:
    """Return the bytes of a cell, None if it has none, and the path of its file."""
    data, path = (cell.get("bytes"), cell.get("path")) if isinstance(cell, Mapping) else (cell, None)
    if not isinstance(data, (bytes, type(None))) or not isinstance(path, (str, type(None))):
        raise ZaohuaError(f"column {name!r}, item {row}: holds no encoded file, but {type(cell).__name__}")
    return data, path or ""


def _ending(data: bytes, kind: Modality) -> str:
    return next((ending for start, ending in STARTS.items() if data.startswith(start)), USUAL.get(kind.name, ""))
