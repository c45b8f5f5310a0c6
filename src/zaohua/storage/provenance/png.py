"""PNG files: a text, and a packet of XMP."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from zaohua.storage.provenance import xmp
from zaohua.storage.provenance.edits import LARGEST, MOST, Edit, Found, Unfit, read_at, size_of
from zaohua.storage.provenance.origin import Origin

BEGIN = b"\x89PNG\r\n\x1a\n"
TEXT = b"zaohua\0"
CLAIMS = b"caBX"
XMP = b"XML:com.adobe.xmp\0\0\0\0\0"
"""Name of the text that holds a packet, which is neither compressed nor of a language."""


class Chunk(NamedTuple):
    """A chunk: its kind, where it begins, and the length of its data."""

    kind: bytes
    at: int
    length: int

    @property
    def whole(self) -> int:
        """Its length with head and checksum."""
        return self.length + 12

    def data(self, file: BinaryIO) -> bytes:
        """Read its data."""
        return read_at(file, self.at + 8, self.length)


def insert(file: BinaryIO, origin: Origin, record: str) -> list[Edit]:
    """Return the changes that say what made a file: before its pixels, where readers find texts at once."""
    chunks = [*_chunks(file)]
    pixels = next((chunk.at for chunk in chunks if chunk.kind == b"IDAT"), None)
    if pixels is None:
        raise Unfit
    new = _chunk(b"tEXt", TEXT + record.encode())
    packets = [chunk for chunk in chunks if _is_packet(file, chunk)]
    if not packets:
        return [Edit(pixels, 0, new + _chunk(b"iTXt", XMP + xmp.packet(origin, record)))]
    edits, given = [Edit(pixels, 0, new)], packets[0].data(file)[len(XMP) :]
    merged = xmp.merged(given, origin, record)
    if merged is not None:
        edits.append(Edit(packets[0].at, packets[0].whole, _chunk(b"iTXt", XMP + merged)))
    return edits


def find(file: BinaryIO) -> Found:
    """Return what a file says, as far as it can be read."""
    found = Found()
    for chunk in _chunks(file):
        if chunk.kind == b"tEXt" and chunk.length <= LARGEST and read_at(file, chunk.at + 8, len(TEXT)) == TEXT:
            found.record = chunk.data(file)[len(TEXT) :].decode("latin-1")
            found.edits.append(Edit(chunk.at, chunk.whole))
        elif chunk.kind == CLAIMS:
            found.signed = True
            found.edits.append(Edit(chunk.at, chunk.whole))
        elif _is_packet(file, chunk):
            given = chunk.data(file)[len(XMP) :]
            found.source = found.source or xmp.source_of(given)
            rest = xmp.without(given)
            if rest != given:
                found.record = found.record or xmp.record_of(given)
                found.edits.append(Edit(chunk.at, chunk.whole, b"" if rest is None else _chunk(b"iTXt", XMP + rest)))
    return found


def _is_packet(file: BinaryIO, chunk: Chunk) -> bool:
    return chunk.kind == b"iTXt" and chunk.length <= LARGEST and read_at(file, chunk.at + 8, len(XMP)) == XMP


def _chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Yield the chunks up to the end, or to where the file is cut or damaged."""
    at, end = len(BEGIN), size_of(file)
    for _ in range(MOST):
        head = read_at(file, at, 8)
        chunk = Chunk(head[4:], at, int.from_bytes(head[:4], "big"))
        if len(head) < 8 or at + chunk.whole > end:
            return
        yield chunk
        at += chunk.whole
        if chunk.kind == b"IEND":
            return


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
