"""MIDI files: a text at the beginning of the first track."""

from __future__ import annotations

from typing import BinaryIO

from zaohua.storage.provenance.edits import Edit, Found, Unfit, read_at
from zaohua.storage.provenance.origin import LONGEST, Origin

BEGIN = b"MThd"
TEXT = b"zaohua "
EVENT = b"\x00\xff\x01"
"""A text at once."""


def insert(file: BinaryIO, origin: Origin, record: str) -> list[Edit]:
    """Return the changes that say what made a file."""
    track, length = _track(file)
    if track is None:
        raise Unfit
    text = TEXT + record.encode()
    event = EVENT + bytes([0x80 | len(text) >> 7, len(text) & 0x7F]) + text
    return [Edit(track + 4, 4, (length + len(event)).to_bytes(4, "big")), Edit(track + 8, 0, event)]


def find(file: BinaryIO) -> Found:
    """Return what a file says."""
    track, length = _track(file)
    if track is None:
        return Found()
    head = read_at(file, track + 8, 5)
    if len(head) < 5 or head[:3] != EVENT or not head[3] & 0x80 or head[4] & 0x80:
        return Found()
    size = (head[3] & 0x7F) << 7 | head[4]
    text = read_at(file, track + 13, min(size, LONGEST))
    if len(text) < size or not text.startswith(TEXT) or length < 5 + size:
        return Found()
    edits = [Edit(track + 4, 4, (length - 5 - size).to_bytes(4, "big")), Edit(track + 8, 5 + size)]
    return Found(text[len(TEXT) :].decode("latin-1"), edits)


def _track(file: BinaryIO) -> tuple[int | None, int]:
    """Return where the first track begins, and its length; (None, 0) if it isn't there."""
    at = 8 + int.from_bytes(read_at(file, 4, 4), "big")
    head = read_at(file, at, 8)
    return (at, int.from_bytes(head[4:], "big")) if len(head) == 8 and head[:4] == b"MTrk" else (None, 0)
