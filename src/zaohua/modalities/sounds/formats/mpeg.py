"""MP3 files: frames, counted, and a decoder that is kept quiet.

Where no header says how many frames there are, libsndfile guesses it from the first one.

Source: ISO/IEC 11172-3, section 2.4.1.3 (the header of a frame), and 13818-3 for half and quarter rates.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

KILOBITS = {
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates of full sampling rates, and of lower ones."""
RATES = (44_100, 48_000, 32_000)
LOWER = {3: 0, 2: 1, 0: 2}
"""How often the rate is halved, by version."""
TAGS = (b"Xing", b"Info", b"VBRI")
"""What a first frame holds that says how many there are."""
GUESSED = 2 * 1152
"""Samples by which a guess is wrong at any rate: two frames."""
CHATTER = re.compile(rb"(Note: |Warning: |\[src/libmpg123/).*\n?")
"""What libmpg123 writes to stderr, at windows of whole files too."""


class Frame(NamedTuple):
    """Its bytes, and the samples of each channel that are in it."""

    size: int
    samples: int


def frame(head: bytes) -> Frame | None:
    """The frame of layer III that begins with these 4 bytes; None if none does."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, bits, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version not in LOWER or bits in (0, 15) or rate == 3:
        return None
    full = version == 3
    samples = 1152 if full else 576
    size = samples * 125 * KILOBITS[full][bits - 1] // (RATES[rate] >> LOWER[version])
    return Frame(size + (head[2] >> 1 & 1), samples)


def longer(path: Path, samples: int) -> bool:
    """Whether an MP3 file that doesn't say how long it is has more samples than so many; looked at only so far."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = 0
        if data[:3] == b"ID3":
            at = 10 + sum((byte & 127) << 7 * place for place, byte in enumerate(reversed(data[6:10])))
        first = frame(data[at : at + 4])
        if first is None or any(tag in data[at : at + first.size] for tag in TAGS):
            return False
        found = 0
        while found <= samples + GUESSED and (one := frame(data[at : at + 4])) is not None:
            at += one.size
            found += one.samples if at <= len(data) else 0
        return found > samples + GUESSED


class Quiet:
    """A context in which libmpg123 doesn't write to stderr, by any number of threads at once.

    What others write there meanwhile follows when the last one leaves it.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._back: Callable[[], None] = _nothing

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._back = _divert()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._back()


def _nothing() -> None:
    """There is no stderr that anything could be kept off."""


def _divert() -> Callable[[], None]:
    """Let stderr be a file; returns what undoes it, and passes on what isn't libmpg123's."""
    try:
        spool = tempfile.TemporaryFile()
        stderr = os.dup(2)
    except OSError:
        return _nothing
    os.dup2(spool.fileno(), 2)

    def back() -> None:
        os.dup2(stderr, 2)
        os.close(stderr)
        with spool, contextlib.suppress(OSError):  # nobody may be listening any more
            spool.seek(0)
            os.write(2, CHATTER.sub(b"", spool.read()))

    return back


quiet = Quiet()
"""The one for the one stderr."""
