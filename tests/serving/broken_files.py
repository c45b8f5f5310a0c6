"""Files and forms that say of themselves what isn't so."""

from __future__ import annotations

import struct
import zlib

from tests.serving.wire import asking


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 8, height: int = 8, *more: bytes) -> bytes:
    """A PNG file that says to be of a size, whatever it holds."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0" * 8 * 33))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + data + chunk(b"IEND", b"")


def animated(frames: int) -> bytes:
    """An animated PNG file of many frames."""
    control = struct.pack(">IIIIIHHBB", 0, 8, 8, 0, 0, 1, 10, 0, 0)
    one = zlib.compress(b"\0" * 8 * 33)
    parts = [chunk(b"fcTL", control) + chunk(b"fdAT", struct.pack(">I", i) + one) for i in range(frames)]
    return png(8, 8, chunk(b"acTL", struct.pack(">II", frames, 0)), *parts)


def wav(samples: int, says: int | None = None, rate: int = 8000, channels: int = 1) -> bytes:
    """A WAV file that says to hold so many bytes."""
    data = b"\0\0" * samples
    size = len(data) if says is None else says
    kind = struct.pack("<HHIIHH", 1, channels, rate, (rate * 2 * channels) % 2**32, 2 * channels % 2**16, 16)
    return (
        b"RIFF"
        + struct.pack("<I", (36 + size) % 2**32)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + kind
        + b"data"
        + struct.pack("<I", size)
        + data
    )


def form(*parts: bytes, end: bytes = b"--b--\r\n", kind: str = "multipart/form-data; boundary=b") -> bytes:
    """A request to paint parts of a picture anew, as a form."""
    return asking(b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end, "/v1/images/edits", kind)


def file(name: str, data: bytes, filename: str = "a.png") -> bytes:
    """A part of a form that holds a file."""
    return f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'.encode() + data


def text(name: str, value: str) -> bytes:
    """A part of a form that holds a text."""
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
