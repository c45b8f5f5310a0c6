"""GIF files: a comment behind the table of colours."""

from __future__ import annotations

from typing import BinaryIO

from zaohua.storage.provenance.edits import Edit, Found, Unfit, read_at
from zaohua.storage.provenance.origin import LONGEST, Origin

BEGIN = b"GIF8"
OLD, NEW = b"87a", b"89a"
"""Versions: the old one has no comments."""
TEXT = b"zaohua "


def insert(file: BinaryIO, origin: Origin, record: str) -> list[Edit]:
    """Return the changes that say what made a file; the comment also tells its version before."""
    head = read_at(file, 0, 13)
    if len(head) < 13 or head[3:6] not in (OLD, NEW):
        raise Unfit
    text = TEXT + head[3:6] + b" " + record.encode()
    blocks = b"".join(bytes([len(text[at : at + 255])]) + text[at : at + 255] for at in range(0, len(text), 255))
    return [Edit(3, 3, NEW), Edit(_place(head), 0, b"\x21\xfe" + blocks + b"\0")]


def find(file: BinaryIO) -> Found:
    """Return what a file says in a first comment."""
    head = read_at(file, 0, 13)
    place = _place(head) if len(head) == 13 else 0
    data = read_at(file, place, 2 * LONGEST)
    if not data.startswith(b"\x21\xfe"):
        return Found()
    at, text = 2, b""
    while at < len(data) and data[at]:
        text += data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
    version = text[len(TEXT) : len(TEXT) + 3]
    if at >= len(data) or not text.startswith(TEXT) or version not in (OLD, NEW):
        return Found()
    return Found(text[len(TEXT) + 4 :].decode("latin-1"), [Edit(3, 3, version), Edit(place, at + 1)])


def _place(head: bytes) -> int:
    """Return where the table of colours ends."""
    return 13 + (3 << (head[10] & 7) + 1 if head[10] & 0x80 else 0)
