"""FLAC files: comments."""

from __future__ import annotations

from typing import BinaryIO

from zaohua.storage.provenance import vorbis
from zaohua.storage.provenance.edits import LARGEST, Edit, Found, Unfit, read_at
from zaohua.storage.provenance.origin import Origin

BEGIN = b"fLaC"
COMMENTS, LAST, MOST = 4, 0x80, 128
"""Kind of a block of comments, the mark of the last block, and how many blocks are looked at."""


def insert(file: BinaryIO, origin: Origin, record: str) -> list[Edit]:
    """Return the changes that say what made a file."""
    at, data = _comments(file)
    return [_changed(file, at, data, vorbis.with_record(data, origin, record))]


def find(file: BinaryIO) -> Found:
    """Return what a file says."""
    try:
        at, data = _comments(file)
        rest, record, source = vorbis.without_record(data)
    except Unfit:
        return Found()
    return Found(record, [] if record is None else [_changed(file, at, data, rest)], source)


def _comments(file: BinaryIO) -> tuple[int, bytes]:
    """Return where the block of comments begins, and its data."""
    at = len(BEGIN)
    for _ in range(MOST):
        head = read_at(file, at, 4)
        length = int.from_bytes(head[1:], "big")
        if len(head) < 4:
            break
        if head[0] & ~LAST == COMMENTS and length <= LARGEST:
            return at, read_at(file, at + 4, length)
        if head[0] & LAST:
            break
        at += 4 + length
    raise Unfit


def _changed(file: BinaryIO, at: int, old: bytes, new: bytes) -> Edit:
    return Edit(at, 4 + len(old), read_at(file, at, 1) + len(new).to_bytes(3, "big") + new)
