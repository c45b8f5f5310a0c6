"""Changes of a file at some places, by which nothing else of it is touched or kept in memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

BLOCK = 1 << 20
"""Bytes that are read at once."""
LARGEST = 1 << 20
"""Maximum number of bytes of a piece of metadata that is read; larger ones are left alone."""
MOST = 100_000
"""Maximum number of pieces of a file that are looked at."""


class Unfit(Exception):
    """The file has no place for an origin, which is written beside it then."""


class Edit(NamedTuple):
    """Change at one place of a file.

    Attributes:
        at: the place.
        length: number of bytes that are removed there.
        data: bytes that are inserted there.
    """

    at: int
    length: int
    data: bytes = b""


@dataclass
class Found:
    """What a file holds.

    Attributes:
        record: the record of an origin, or None.
        edits: the changes that remove it, and signatures.
        source: digital source type that a packet of XMP states, ours or another's, or None.
        signed: whether it holds claims of C2PA.
    """

    record: str | None = None
    edits: list[Edit] = field(default_factory=list)
    source: str | None = None
    signed: bool = False


def read_at(file: BinaryIO, at: int, length: int) -> bytes:
    """Read bytes at a place; fewer at the end of the file."""
    file.seek(at)
    return file.read(length)


def size_of(file: BinaryIO) -> int:
    """Return the length of a file."""
    return file.seek(0, os.SEEK_END)


def edited(file: BinaryIO, edits: Sequence[Edit]) -> Iterator[bytes]:
    """Yield a changed file in blocks."""
    at = 0
    for edit in [*sorted(edits, key=lambda edit: edit.at), Edit(size_of(file), 0)]:
        while at < edit.at:
            block = read_at(file, at, min(BLOCK, edit.at - at))
            at += len(block)
            yield block
        yield edit.data
        at = edit.at + edit.length


def digest(file: BinaryIO, edits: Sequence[Edit] = ()) -> str:
    """Return the sha256 of a changed file, in hexadecimal."""
    found = hashlib.sha256()
    for block in edited(file, edits):
        found.update(block)
    return found.hexdigest()


def change(path: Path, edits: Sequence[Edit]) -> None:
    """Change a file."""
    temporary = path.with_name(f"{path.name}.edited")
    try:
        with path.open("rb") as file, temporary.open("wb") as out:
            out.writelines(edited(file, edits))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
