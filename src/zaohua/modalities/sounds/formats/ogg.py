"""Integrity checks of OGG files: libsndfile skips damaged pages silently, and returns too few samples.

Source: RFC 3533, section 6 (the header of a page, and its CRC of the polynomial 0x04C11DB7).
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MARK = b"OggS"
HEAD = struct.Struct("<4xxB8xIIIB")
"""Header of a page: flags, stream, sequence number, CRC, number of the lengths that follow."""
FIRST = 2
"""Flag of a stream's first page."""
MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Page(NamedTuple):
    """Page of an OGG file.

    Attributes:
        at: offset of the page in the file.
        first: True for the first page of a stream.
        stream: serial number of the stream.
        number: sequence number of the page in the stream.
        crc: CRC stored in the header.
        data: bytes of the page, header included.
    """

    at: int
    first: bool
    stream: int
    number: int
    crc: int
    data: bytes


def pages(data: bytes | mmap.mmap) -> Iterator[Page | int]:
    """Yield the pages; if a page is truncated, or other data lies between pages, end with the offset of the fault."""
    at = 0
    while at < len(data):
        if data[at : at + 4] != MARK:
            if data.find(MARK, at) >= 0:  # tags after the last page are allowed
                yield at
            return
        head = data[at : at + HEAD.size]
        if len(head) < HEAD.size:
            yield at
            return
        flags, stream, number, stored, lengths = HEAD.unpack(head)
        size = HEAD.size + lengths + sum(data[at + HEAD.size : at + HEAD.size + lengths])
        page = data[at : at + size]
        if len(page) < size:
            yield at
            return
        yield Page(at, bool(flags & FIRST), stream, number, stored, page)
        at += size


def crc(page: bytes) -> int:
    """Compute the CRC of a page, whose own CRC field counts as zero; it is zlib's CRC with all bits reversed."""
    blank = page[:22] + bytes(4) + page[26:]
    reversed_crc = zlib.crc32(blank.translate(MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reversed_crc:032b}"[::-1], 2)


def find_damage(path: Path) -> str | None:
    """Check all pages of an OGG file; return a description of the first fault, or None."""
    next_number: dict[int, int] = {}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for page in pages(data):
            if isinstance(page, int):
                return f"cut off, or damaged from byte {page} of {len(data)}"
            if crc(page.data) != page.crc:
                return f"damaged near byte {page.at} of {len(data)}"
            expected = next_number.get(page.stream, page.number)
            if page.number != expected and not page.first:
                return f"pieces are missing near byte {page.at} of {len(data)}"
            next_number[page.stream] = page.number + 1 & 0xFFFFFFFF
    return None
