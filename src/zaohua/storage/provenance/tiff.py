"""TIFF files: a packet of XMP in a directory of tags that is written anew at the end."""

from __future__ import annotations

import struct
from typing import BinaryIO

from zaohua.storage.provenance import xmp
from zaohua.storage.provenance.edits import LARGEST, Edit, Found, Unfit, read_at, size_of
from zaohua.storage.provenance.origin import Origin

BEGIN = (b"II*\0", b"MM\0*")
XMP = 700
"""Tag of a packet."""
MARK = b"zaohua\0\0"
"""Before our packet, with the place of the first directory, and the length of the file, as they were."""


def insert(file: BinaryIO, origin: Origin, record: str) -> list[Edit]:
    """Return the changes that say what made a file; what is there stays where it is."""
    order, place, entries, following = _directory(file)
    if any(_tag(order, entry) == XMP for entry in entries):
        raise Unfit
    packet, end = xmp.packet(origin, record), size_of(file)
    start = end + end % 2
    data = start + len(MARK) + 8
    entries = sorted(
        [*entries, struct.pack(f"{order}HHII", XMP, 1, len(packet), data)], key=lambda entry: _tag(order, entry)
    )
    directory = data + len(packet) + len(packet) % 2
    if directory + 2 + 12 * len(entries) + 4 >= 2**32:
        raise Unfit
    new = b"".join(
        [
            b"\0" * (end % 2),
            MARK,
            struct.pack(f"{order}II", place, end),
            packet,
            b"\0" * (len(packet) % 2),
            struct.pack(f"{order}H", len(entries)),
            *entries,
            following,
        ]
    )
    return [Edit(4, 4, struct.pack(f"{order}I", directory)), Edit(end, 0, new)]


def find(file: BinaryIO) -> Found:
    """Return what a file says."""
    found = Found()
    try:
        order, _, entries, _ = _directory(file)
    except Unfit:
        return found
    for entry in entries:
        tag, _, length, place = struct.unpack(f"{order}HHII", entry)
        if tag != XMP or length > LARGEST:
            continue
        given = read_at(file, place, length)
        found.source = xmp.source_of(given)
        mark = read_at(file, place - len(MARK) - 8, len(MARK) + 8) if place > len(MARK) + 8 else b""
        if mark.startswith(MARK):
            found.record = xmp.record_of(given)
            before, end = struct.unpack(f"{order}II", mark[len(MARK) :])
            if 8 <= end <= place:
                found.edits = [Edit(4, 4, struct.pack(f"{order}I", before)), Edit(end, size_of(file) - end)]
    return found


def _directory(file: BinaryIO) -> tuple[str, int, list[bytes], bytes]:
    """Return the order of bytes, and the place, the entries and the end of the first directory."""
    head = read_at(file, 0, 8)
    order = "<" if head.startswith(b"II") else ">"
    if len(head) < 8:
        raise Unfit
    place = int(struct.unpack(f"{order}I", head[4:])[0])
    count = read_at(file, place, 2)
    if len(count) < 2:
        raise Unfit
    n = int(struct.unpack(f"{order}H", count)[0])
    data = read_at(file, place + 2, 12 * n + 4)
    if len(data) < 12 * n + 4:
        raise Unfit
    return order, place, [data[12 * i : 12 * i + 12] for i in range(n)], data[12 * n :]


def _tag(order: str, entry: bytes) -> int:
    return int(struct.unpack(f"{order}H", entry[:2])[0])
