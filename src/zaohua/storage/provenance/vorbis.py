"""Comments as FLAC and OGG files hold them: a vendor and a list of NAME=value."""

from __future__ import annotations

import struct

from zaohua.storage.provenance.edits import Unfit
from zaohua.storage.provenance.origin import Origin

NAME = b"ZAOHUA="
SOURCE = b"DIGITALSOURCETYPE="


def with_record(comments: bytes, origin: Origin, record: str) -> bytes:
    """Return comments with a record at their end.

    Raises:
        Unfit: they are damaged.
    """
    vendor, listed, rest = _parsed(comments)
    ours = [NAME + record.encode()]
    if origin.source and not any(text.upper().startswith(SOURCE) for text in listed):
        ours.append(SOURCE + origin.source.encode())
    return _joined(vendor, [*listed, *ours]) + rest


def without_record(comments: bytes) -> tuple[bytes, str | None, str | None]:
    """Return comments without a record, the record, and the digital source type, each None if there is none.

    Raises:
        Unfit: they are damaged.
    """
    vendor, listed, rest = _parsed(comments)
    source = next((text[len(SOURCE) :].decode("utf-8", "replace") for text in listed if text.startswith(SOURCE)), None)
    at = next((i for i, text in enumerate(listed) if text.startswith(NAME)), None)
    if at is None:
        return comments, None, source
    record = listed[at][len(NAME) :].decode("utf-8", "replace")
    return _joined(vendor, listed[:at]) + rest, record, source


def _parsed(comments: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Return the vendor, the list and what follows."""

    def text(at: int) -> tuple[bytes, int]:
        if at + 4 > len(comments):
            raise Unfit
        end = at + 4 + int(struct.unpack("<I", comments[at : at + 4])[0])
        if end > len(comments):
            raise Unfit
        return comments[at + 4 : end], end

    vendor, at = text(0)
    if at + 4 > len(comments):
        raise Unfit
    n, at, listed = int(struct.unpack("<I", comments[at : at + 4])[0]), at + 4, list[bytes]()
    for _ in range(n):  # each takes at least four bytes, or is Unfit
        found, at = text(at)
        listed.append(found)
    return vendor, listed, comments[at:]


def _joined(vendor: bytes, listed: list[bytes]) -> bytes:
    parts = [struct.pack("<I", len(text)) + text for text in (vendor, *listed)]
    return parts[0] + struct.pack("<I", len(listed)) + b"".join(parts[1:])
