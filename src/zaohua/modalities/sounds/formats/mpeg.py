"""MP3 files: parsing of frame headers, and suppression of the decoder's messages.

libsndfile estimates the length of a file without a length header from its first frame, which may be wrong.

Source: ISO/IEC 11172-3, section 2.4.1.3 (the header of a frame), and 13818-3 for half and quarter rates.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

KILOBITS = {
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates by index, for full sampling rates (True) and for lower ones."""
RATES = (44_100, 48_000, 32_000)
LOWER = {3: 0, 2: 1, 0: 2}
"""Number of halvings of the sampling rate, by version."""
TAGS = (b"Xing", b"Info", b"VBRI")
"""Marks of a first frame that gives the number of frames."""
GUESSED = 2 * 1152
"""Tolerance of libsndfile's estimate of the length, in samples: two frames."""
MARKS = (b"Note: ", b"Warning: ", b"[src/libmpg123/")
"""Beginnings of the lines that libmpg123 writes to stderr, even about excerpts of intact files."""
WAIT = 0.2
"""Seconds to wait for the rest of what was written to stderr."""


class Frame(NamedTuple):
    """Frame of an MP3 file: its size in bytes, and its number of samples per channel."""

    size: int
    samples: int


def parse_frame(head: bytes) -> Frame | None:
    """Parse the 4-byte header of a layer III frame; return None if it isn't one."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, bits, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version not in LOWER or bits in (0, 15) or rate == 3:
        return None
    full = version == 3
    samples = 1152 if full else 576
    size = samples * 125 * KILOBITS[full][bits - 1] // (RATES[rate] >> LOWER[version])
    return Frame(size + (head[2] >> 1 & 1), samples)


def is_longer(path: Path, samples: int) -> bool:
    """Return True if an MP3 file without a length header has more than `samples` samples; stop reading there."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = 0
        if data[:3] == b"ID3":
            at = 10 + sum((byte & 127) << 7 * i for i, byte in enumerate(reversed(data[6:10])))
        first = parse_frame(data[at : at + 4])
        if first is None or any(tag in data[at : at + first.size] for tag in TAGS):
            return False
        count = 0
        while count <= samples + GUESSED and (current := parse_frame(data[at : at + 4])) is not None:
            at += current.size
            count += current.samples if at <= len(data) else 0
        return count > samples + GUESSED


class SilencedDecoder:
    """Context that suppresses libmpg123's messages on stderr; reentrant, and shared by threads.

    The decoder writes to the file descriptor itself, which all threads share. So everything written to stderr goes
    through a pipe meanwhile, from which a thread passes on at once all but these messages.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._restore: Callable[[], None] = _do_nothing

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._restore = _redirect_stderr()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._restore()


def _do_nothing() -> None:
    """Do nothing, for processes without a stderr."""


def _redirect_stderr() -> Callable[[], None]:
    """Redirect stderr to a pipe that passes on all but libmpg123's messages; return a function that restores it."""
    try:
        stderr = os.dup(2)
        source, sink = os.pipe()
    except OSError:
        return _do_nothing
    os.dup2(sink, 2)
    os.close(sink)
    thread = threading.Thread(target=_pass_on, args=(source, stderr), daemon=True)
    thread.start()

    def restore() -> None:
        os.dup2(stderr, 2)  # closes the last end of the pipe, unless a process that was started meanwhile has it, too
        thread.join(WAIT)

    return restore


def _pass_on(source: int, target: int) -> None:
    """Pass on what comes from a pipe until it ends, without lines of libmpg123; then close both ends."""
    held, begins = b"", True
    with contextlib.suppress(OSError):  # stderr may have been closed
        while data := os.read(source, 1 << 16):
            *lines, held = (held + data).splitlines(keepends=True) or [b""]
            if held.endswith(b"\n"):
                lines, held = [*lines, held], b""
            for line in lines:
                if not (begins and line.startswith(MARKS)):
                    os.write(target, line)
                begins = True
            if held and not (begins and any(mark.startswith(held[: len(mark)]) for mark in MARKS)):
                os.write(target, held)
                held, begins = b"", False
        os.write(target, b"" if begins and held.startswith(MARKS) else held)
    os.close(source)
    os.close(target)


silenced = SilencedDecoder()
"""The only instance, because there is only one stderr."""
