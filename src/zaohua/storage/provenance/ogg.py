"""OGG files: comments of Vorbis and Opus, in pages with checksums."""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

from zaohua.storage.provenance import vorbis
from zaohua.storage.provenance.edits import LARGEST, Edit, Found, Unfit, read_at
from zaohua.storage.provenance.origin import Origin

BEGIN = b"OggS"
COMMENTS = {b"\x03vorbis": 2, b"OpusTags": 1}
"""How packets of comments begin, and how many packets stand before the sound, beside the first."""
CONTINUED, NONE = 1, 2**64 - 1
"""Flag of a page that goes on with a packet, and the position of one on which no packet ends."""
POLYNOMIAL = 0x04C11DB7


class Head(NamedTuple):
    """The pages of the packets before the sound.

    Attributes:
        at: where they begin.
        length: their length.
        pages: how many they are.
        serial: number of the stream.
        packets: the comments, and what follows them.
    """

    at: int
    length: int
    pages: int
    serial: bytes
    packets: list[bytes]

    @property
    def mark(self) -> bytes:
        """How the comments begin."""
        return next(mark for mark in COMMENTS if self.packets[0].startswith(mark))

    def edit(self, comments: bytes) -> Edit:
        """Return the change to other comments, on as many pages."""
        pages = _pages([self.mark + comments, *self.packets[1:]], self.serial)
        if len(pages) != self.pages:
            raise Unfit
        return Edit(self.at, self.length, b"".join(pages))


def insert(file: BinaryIO, origin: Origin, record: str) -> list[Edit]:
    """Return the changes that say what made a file."""
    head = _head(file)
    return [head.edit(vorbis.with_record(head.packets[0][len(head.mark) :], origin, record))]


def find(file: BinaryIO) -> Found:
    """Return what a file says."""
    try:
        head = _head(file)
        rest, record, source = vorbis.without_record(head.packets[0][len(head.mark) :])
        return Found(record, [] if record is None else [head.edit(rest)], source)
    except Unfit:
        return Found()


def _head(file: BinaryIO) -> Head:
    """Read the packets before the sound, but the first, which has a page of its own."""
    first = read_at(file, 0, 27)
    if len(first) < 27:
        raise Unfit
    at = start = 27 + first[26] + sum(read_at(file, 27, first[26]))
    packets, whole, pages = [b""], 0, 0
    while at - start < LARGEST:
        page = read_at(file, at, 27)
        if len(page) < 27 or not page.startswith(BEGIN):
            break
        lacing = read_at(file, at + 27, page[26])
        data, place = read_at(file, at + 27 + page[26], sum(lacing)), 0
        for size in lacing:
            packets[-1] += data[place : place + size]
            place += size
            if size < 255:
                whole += 1
                packets.append(b"")
        at, pages = at + 27 + page[26] + sum(lacing), pages + 1
        wanted = next((n for mark, n in COMMENTS.items() if packets[0].startswith(mark)), 0)
        if not wanted or (whole >= wanted and packets[wanted]) or whole > wanted:
            break
        if whole == wanted:
            return Head(start, at - start, pages, first[14:18], packets[:wanted])
    raise Unfit


def _pages(packets: list[bytes], serial: bytes) -> list[bytes]:
    """Lay packets out on full pages, from the second of the stream on."""
    lacing = [size for packet in packets for size in [255] * (len(packet) // 255) + [len(packet) % 255]]
    data, pages, at = b"".join(packets), list[bytes](), 0
    for first in range(0, len(lacing), 255):
        sizes = lacing[first : first + 255]
        goes_on = CONTINUED if first and lacing[first - 1] == 255 else 0
        position = 0 if any(size < 255 for size in sizes) else NONE
        head = BEGIN + struct.pack("<BBQ", 0, goes_on, position) + serial + struct.pack("<I", len(pages) + 1)
        rest = bytes([len(sizes), *sizes]) + data[at : at + sum(sizes)]
        pages.append(head + struct.pack("<I", _checksum(head + b"\0\0\0\0" + rest)) + rest)
        at += sum(sizes)
    return pages


def _table() -> list[int]:
    table = []
    for value in range(256):
        value <<= 24
        for _ in range(8):
            value = value << 1 ^ (POLYNOMIAL if value & 0x80000000 else 0)
        table.append(value & 0xFFFFFFFF)
    return table


def _checksum(data: bytes) -> int:
    """Return the checksum of a page."""
    table, found = _table(), 0
    for byte in data:
        found = found << 8 & 0xFFFFFFFF ^ table[found >> 24 ^ byte]
    return found
