"""Standard input as a file, for data that another program pipes in."""

from __future__ import annotations

import functools
import shutil
import sys
import tempfile
from pathlib import Path

from zaohua.core.errors import ZaohuaError

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
    if not path.stat().st_size:
        raise ZaohuaError("'-' is standard input, but what is piped into it is empty")
    return folder, path


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
