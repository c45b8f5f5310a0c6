"""Pages of OGG files, checked: libsndfile passes over damaged ones without a word, and what it reads is shorter.

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
"""Of a page: kind, stream, number in it, CRC, how many lengths follow."""
FIRST = 2
"""Bit of the kind of a stream's first page."""
MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Page(NamedTuple):
    """Where it is, whether it is a stream's first, whose, which, its CRC as said, and its bytes as they are."""

    at: int
    first: bool
    stream: int
    number: int
    said: int
    data: bytes


def pages(data: bytes | mmap.mmap) -> Iterator[Page | int]:
    """The pages from the beginning; at last, if one is cut off or something else is between them, where."""
    at = 0
    while at < len(data):
        if data[at : at + 4] != MARK:
            if data.find(MARK, at) >= 0:  # behind the last page people's programs leave tags
                yield at
            return
        head = data[at : at + HEAD.size]
        if len(head) < HEAD.size:
            yield at
            return
        kind, stream, number, said, lengths = HEAD.unpack(head)
        size = HEAD.size + lengths + sum(data[at + HEAD.size : at + HEAD.size + lengths])
        page = data[at : at + size]
        if len(page) < size:
            yield at
            return
        yield Page(at, bool(kind & FIRST), stream, number, said, page)
        at += size


def crc(page: bytes) -> int:
    """The CRC of a page with none in its header; zlib's is the same with all bits the other way round."""
    blank = page[:22] + bytes(4) + page[26:]
    found = zlib.crc32(blank.translate(MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{found:032b}"[::-1], 2)


def damage(path: Path) -> str | None:
    """What is wrong with an OGG file's pages, if anything is: each is looked at."""
    following: dict[int, int] = {}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for page in pages(data):
            if isinstance(page, int):
                return f"cut off, or damaged from byte {page} of {len(data)}"
            if crc(page.data) != page.said:
                return f"damaged near byte {page.at} of {len(data)}"
            expected = following.get(page.stream, page.number)
            if page.number != expected and not page.first:
                return f"pieces are missing near byte {page.at} of {len(data)}"
            following[page.stream] = page.number + 1 & 0xFFFFFFFF
    return None
