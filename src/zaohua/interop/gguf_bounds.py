"""Check of a .gguf before it is parsed: all counts and lengths in it must fit into the file.

The package gguf trusts them, so that a file of a few bytes could make it run for ever or fill the memory.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from zaohua.core.errors import ZaohuaError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of the values of each type that has a fixed size."""
TEXT, LIST = 8, 9
LEAST_VALUE, LEAST_TENSOR = 13, 24
"""Bytes that an entry of each kind has at least."""
MOST_DIMENSIONS = 4
MOST_ENTRIES = 1 << 24
"""Entries of a list of metadata above which it isn't read."""


def check(path: Path) -> None:
    """Check the counts and lengths in a file.

    Raises:
        ZaohuaError: it is no .gguf, is cut, or has more of something than fits into it.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(24)
        if head[:4] != MAGIC:
            raise ZaohuaError(f"{path} isn't a .gguf: it doesn't begin with {MAGIC.decode()}")
        if len(head) < 24:
            raise ZaohuaError(f"{path} is cut: it has {size} bytes")
        version, tensors, values = struct.unpack_from("<IQQ", head, 4)
        if version not in VERSIONS:
            raise ZaohuaError(f"{path} is a .gguf of version {version}; known: {VERSIONS[0]} and {VERSIONS[1]}")
        if values * LEAST_VALUE + tensors * LEAST_TENSOR > size:
            raise ZaohuaError(f"{path} is damaged: it should hold {tensors:,} tensors and {values:,} settings")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            scan = _Scan(data, path)
            for _ in range(values):
                scan.value()
            for _ in range(tensors):
                scan.tensor()


class _Scan:
    """A walk over the header of a file, from the end of its counts."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self.data, self.path, self.at = data, path, 24

    def value(self) -> None:
        """Pass a name and its value."""
        self.text()
        kind = self.number("<I", 4)
        if kind == LIST:
            kind, count = self.number("<I", 4), self.number("<Q", 8)
            if count > MOST_ENTRIES:
                raise ZaohuaError(f"{self.path} is damaged: a list in it should have {count:,} entries")
            if kind == TEXT:
                for _ in range(count):
                    self.text()
            else:
                self.skip(count * self.size_of(kind))
        elif kind == TEXT:
            self.text()
        else:
            self.skip(self.size_of(kind))

    def tensor(self) -> None:
        """Pass the description of a tensor."""
        self.text()
        dimensions = self.number("<I", 4)
        if dimensions > MOST_DIMENSIONS:
            raise ZaohuaError(f"{self.path} is damaged: a tensor in it should have {dimensions:,} dimensions")
        entries = 1
        for _ in range(dimensions):
            entries *= self.number("<Q", 8)
        if entries > 64 * len(self.data):  # fewer than a bit for each isn't known
            raise ZaohuaError(f"{self.path} is damaged: a tensor in it should have {entries:,} numbers")
        self.skip(4)
        self.number("<Q", 8)

    def text(self) -> None:
        """Pass a text."""
        self.skip(self.number("<Q", 8))

    def number(self, form: str, size: int) -> int:
        """Read a number."""
        start = self.at
        self.skip(size)
        value: int = struct.unpack_from(form, self.data, start)[0]
        return value

    def skip(self, size: int) -> None:
        """Pass bytes."""
        self.at += size
        if self.at > len(self.data):
            raise ZaohuaError(f"{self.path} is damaged: it ends in the middle of its header")

    def size_of(self, kind: int) -> int:
        """Return the bytes of a value."""
        if kind not in SIZES:
            raise ZaohuaError(f"{self.path} is damaged: it holds a value of the unknown type {kind}")
        return SIZES[kind]
