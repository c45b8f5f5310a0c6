"""Standard input as a file, for data that another program pipes in."""

from __future__ import annotations

import bz2
import functools
import gzip
import lzma
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO, cast

from zaohua.core.errors import ZaohuaError

PACKED: dict[bytes, Callable[[Path], IO[bytes]]] = {
    b"\x1f\x8b": lambda path: cast(BinaryIO, gzip.open(path, "rb")),
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
"""First bytes of compressed streams, and what opens them."""
STDIN = Path("-")
"""The path that stands for standard input."""


class _Folder:
    """Temporary folder, which is deleted when the process ends."""

    def __init__(self) -> None:
        self.made = tempfile.TemporaryDirectory(prefix="zaohua-")
        self.path = Path(self.made.name)


@functools.cache
def received() -> tuple[_Folder, Path]:
    """Store standard input, which can be read once only, in a temporary file."""
    if sys.stdin is None or sys.stdin.isatty():
        raise ZaohuaError("'-' is standard input, but nothing is piped into it: give a file")
    folder = _Folder()
    path = folder.path / "stdin"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    _unpack(path)
    if not path.stat().st_size:
        raise ZaohuaError("'-' is standard input, but what is piped into it is empty")
    return folder, path


def _unpack(path: Path) -> None:
    """Replace a compressed file by what it holds."""
    with path.open("rb") as file:
        start = file.read(8)
    opener = next((opener for magic, opener in PACKED.items() if start.startswith(magic)), None)
    if opener is None:
        return
    inner = path.with_name("unpacked")
    try:
        with opener(path) as packed, inner.open("wb") as file:
            shutil.copyfileobj(packed, file)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ZaohuaError(f"'-' is standard input, but what is piped into it can't be unpacked ({error})") from None
    inner.replace(path)


def piped() -> Path:
    """Return a temporary file of what is piped in, a .jsonl if it begins as JSON does, else a .txt.

    Raises:
        ZaohuaError: nothing is piped in.
    """
    folder, path = received()
    with path.open("rb") as file:
        ending = ".jsonl" if file.read(64).lstrip()[:1] in (b"{", b"[") else ".txt"
    link = folder.path / f"stdin{ending}"
    if not link.exists():
        link.hardlink_to(path)
    return link
