"""JPEG files: a comment, and a packet of XMP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from zaohua.storage.provenance import xmp
from zaohua.storage.provenance.edits import MOST, Edit, Found, read_at, size_of
from zaohua.storage.provenance.origin import Origin

BEGIN = b"\xff\xd8\xff"
COMMENT, SCAN, FIRST, SECOND, CLAIMS = 0xFE, 0xDA, 0xE0, 0xE1, 0xEB
"""Kinds of segments: of a comment, of pixels, of JFIF, of EXIF and XMP, and of C2PA."""
TEXT = b"zaohua "
XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXIF = b"Exif\0"
LONGEST = 65_533


class Segment(NamedTuple):
    """A segment: its kind, where it begins, and its data, which are at most 64 kB."""

    kind: int
    at: int
    data: bytes

    @property
    def whole(self) -> int:
        """Its length with its head."""
        return len(self.data) + 4


def insert(file: BinaryIO, origin: Origin, record: str) -> list[Edit]:
    """Return the changes that say what made a file: behind its JFIF and EXIF data, which come first."""
    segments, at = [*_segments(file)], 2
    for segment in segments:
        if segment.kind == FIRST or (segment.kind == SECOND and segment.data.startswith(EXIF)):
            at = segment.at + segment.whole
    new = _segment(COMMENT, TEXT + record.encode())
    packets = [segment for segment in segments if segment.kind == SECOND and segment.data.startswith(XMP)]
    if not packets:
        return [Edit(at, 0, _segment(SECOND, XMP + xmp.packet(origin, record)) + new)]
    edits, merged = [Edit(at, 0, new)], xmp.merged(packets[0].data[len(XMP) :], origin, record)
    if merged is not None and len(merged) + len(XMP) <= LONGEST:
        edits.append(Edit(packets[0].at, packets[0].whole, _segment(SECOND, XMP + merged)))
    return edits


def find(file: BinaryIO) -> Found:
    """Return what a file says, as far as it can be read."""
    found = Found()
    for segment in _segments(file):
        if segment.kind == COMMENT and segment.data.startswith(TEXT):
            found.record = segment.data[len(TEXT) :].decode("latin-1")
            found.edits.append(Edit(segment.at, segment.whole))
        elif segment.kind == CLAIMS and segment.data.startswith(b"JP"):
            found.signed = True
            found.edits.append(Edit(segment.at, segment.whole))
        elif segment.kind == SECOND and segment.data.startswith(XMP):
            given = segment.data[len(XMP) :]
            found.source = found.source or xmp.source_of(given)
            rest = xmp.without(given)
            if rest != given:
                found.record = found.record or xmp.record_of(given)
                new = b"" if rest is None else _segment(SECOND, XMP + rest)
                found.edits.append(Edit(segment.at, segment.whole, new))
    return found


def _segments(file: BinaryIO) -> Iterator[Segment]:
    """Yield the segments before the pixels, or to where the file is cut or damaged."""
    at, end = 2, size_of(file)
    for _ in range(MOST):
        head = read_at(file, at, 4)
        length = int.from_bytes(head[2:], "big")
        if len(head) < 4 or head[0] != 0xFF or head[1] == SCAN or length < 2 or at + 2 + length > end:
            return
        yield Segment(head[1], at, read_at(file, at + 4, length - 2))
        at += 2 + length


def _segment(kind: int, data: bytes) -> bytes:
    return bytes([0xFF, kind]) + (len(data) + 2).to_bytes(2, "big") + data
