"""A file system of little room, to see what happens when it is full."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

MIB = 1 << 20


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Whether the folder is a file system of its own with little room."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "zaohua-durability", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


def fill(ballast: Path) -> None:
    """Take all room that a disk has left."""
    with ballast.open("wb", buffering=0) as file:
        for size in (MIB, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
