"""RIFF files: WAV, with a list of facts and a packet of XMP, and WebP, with a packet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from zaohua.storage.provenance import xmp
from zaohua.storage.provenance.edits import LARGEST, MOST, Edit, Found, Unfit, read_at, size_of
from zaohua.storage.provenance.origin import Origin

BEGIN = b"RIFF"
WAV, WEBP = b"WAVE", b"WEBP"
PACKETS = {WAV: b"_PMX", WEBP: b"XMP "}
"""Chunks of packets, by the kind of file."""
CLAIMS = b"C2PA"
EXTENDED, HAS_XMP, HAS_ALPHA = b"VP8X", 0x04, 0x10
"""Chunk of a WebP with more than pixels, and its flags."""
BESIDE = (b"ICCP", b"EXIF", b"XMP ", b"ANIM", b"ANMF", b"ALPH")
"""Chunks for which a WebP is extended."""


class Chunk(NamedTuple):
    """A chunk: its kind, where it begins, and the length of its data."""

    kind: bytes
    at: int
    length: int

    @property
    def whole(self) -> int:
        """Its length with its head and the byte that fills it up to an even length."""
        return 8 + self.length + self.length % 2


def insert(file: BinaryIO, origin: Origin, record: str) -> list[Edit]:
    """Return the changes that say what made a file."""
    form, chunks = read_at(file, 8, 4), [*_chunks(file)]
    end = chunks[-1].at + chunks[-1].whole if chunks else 0
    if form not in PACKETS or end != size_of(file):
        raise Unfit
    name, edits = PACKETS[form], list[Edit]()
    packets = [chunk for chunk in chunks if chunk.kind == name]
    if packets:
        merged = xmp.merged(_data(file, packets[0]), origin, record)
        if merged is None:
            raise Unfit
        edits.append(Edit(packets[0].at, packets[0].whole, _chunk(name, merged)))
    else:
        edits.append(Edit(end, 0, _chunk(name, xmp.packet(origin, record))))
    if form == WAV and not any(_is_info(file, chunk) for chunk in chunks):
        edits.append(Edit(end, 0, _info(origin, record)))
    if form == WEBP and not packets:
        edits.append(_extended(file, chunks[0]))
    return [*edits, _resized(file, edits)]


def find(file: BinaryIO) -> Found:
    """Return what a file says, as far as it can be read."""
    found, chunks, form = Found(), [*_chunks(file)], read_at(file, 8, 4)
    for chunk in chunks:
        if chunk.kind == PACKETS.get(form) and chunk.length <= LARGEST:
            given = _data(file, chunk)
            found.source = found.source or xmp.source_of(given)
            rest = xmp.without(given)
            if rest != given:
                found.record = found.record or xmp.record_of(given)
                found.edits.append(Edit(chunk.at, chunk.whole, b"" if rest is None else _chunk(chunk.kind, rest)))
                if form == WEBP and rest is None:
                    found.edits.append(_plain(file, chunks))
        elif chunk.kind == CLAIMS:
            found.signed = True
            found.edits.append(Edit(chunk.at, chunk.whole))
        elif _is_info(file, chunk) and _is_ours(file, chunk):
            found.edits.append(Edit(chunk.at, chunk.whole))
    if found.edits:
        found.edits.append(_resized(file, found.edits))
    return found


def _chunks(file: BinaryIO) -> Iterator[Chunk]:
    """Yield the chunks up to the end, or to where the file is cut or damaged."""
    at, end = 12, size_of(file)
    for _ in range(MOST):
        head = read_at(file, at, 8)
        chunk = Chunk(head[:4], at, int.from_bytes(head[4:], "little"))
        if len(head) < 8 or at + chunk.whole > end:
            return
        yield chunk
        at += chunk.whole


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2)


def _data(file: BinaryIO, chunk: Chunk) -> bytes:
    if chunk.length > LARGEST:
        raise Unfit
    return read_at(file, chunk.at + 8, chunk.length)


def _resized(file: BinaryIO, edits: list[Edit]) -> Edit:
    """Return the change of the length of the whole."""
    length = int.from_bytes(read_at(file, 4, 4), "little") + sum(len(edit.data) - edit.length for edit in edits)
    if not 0 <= length < 2**32:
        raise Unfit
    return Edit(4, 4, length.to_bytes(4, "little"))


# ---- the list of a WAV


def _info(origin: Origin, record: str) -> bytes:
    """Return a list of the program, the date and the record, as players show it."""
    facts = {b"ISFT": f"{origin.generator} {origin.version}", b"ICRD": origin.time[:10], b"ICMT": record}
    return _chunk(b"LIST", b"INFO" + b"".join(_chunk(name, text.encode() + b"\0") for name, text in facts.items()))


def _is_info(file: BinaryIO, chunk: Chunk) -> bool:
    return chunk.kind == b"LIST" and read_at(file, chunk.at + 8, 4) == b"INFO"


def _is_ours(file: BinaryIO, chunk: Chunk) -> bool:
    return chunk.length <= LARGEST and _data(file, chunk).startswith(b"INFOISFT") and b'{"' in _data(file, chunk)


# ---- the head of a WebP


def _extended(file: BinaryIO, first: Chunk) -> Edit:
    """Return the change that says that a file holds XMP."""
    data = read_at(file, first.at + 8, 10)
    if first.kind == EXTENDED:
        return Edit(first.at + 8, 1, bytes([data[0] | HAS_XMP]))
    if first.kind == b"VP8L":  # without losses: one byte, then width and height less one in 14 bits each
        bits = int.from_bytes(data[1:5], "little")
        width, height, alpha = bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1
    elif first.kind == b"VP8 ":  # with losses: six bytes, then width and height in 14 bits of two bytes each
        width, height = ((int.from_bytes(data[at : at + 2], "little") & 0x3FFF) - 1 for at in (6, 8))
        alpha = 0
    else:
        raise Unfit
    flags = HAS_XMP | HAS_ALPHA * alpha
    size = width.to_bytes(3, "little") + height.to_bytes(3, "little")
    return Edit(first.at, 0, _chunk(EXTENDED, bytes([flags, 0, 0, 0]) + size))


def _plain(file: BinaryIO, chunks: list[Chunk]) -> Edit:
    """Return the change that says that a file holds no XMP any more."""
    first = chunks[0]
    if first.kind != EXTENDED:
        return Edit(first.at, 0)
    if sum(chunk.kind in BESIDE for chunk in chunks) == 1:
        return Edit(first.at, first.whole)
    return Edit(first.at + 8, 1, bytes([read_at(file, first.at + 8, 1)[0] & ~HAS_XMP]))
