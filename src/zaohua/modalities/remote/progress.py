"""Progress of a transfer on standard error: bytes and their rate."""

from __future__ import annotations

import sys
import time

EVERY = 0.2
"""Seconds between two lines in a terminal."""


class Progress:
    """Line that tells how far a transfer is; in files and pipes, one at its beginning and one at its end.

    Args:
        name: what is fetched.
        total: its size in bytes; None if that isn't known.
    """

    def __init__(self, name: str, total: int | None):
        self.name, self.total, self.got = name, total, 0
        self._start = self._last = time.monotonic()
        self._tty = sys.stderr.isatty()
        if not self._tty:
            self._print(f"fetching {name}" + ("" if total is None else f" ({megabytes(total)})"))

    def add(self, n: int) -> None:
        """Count bytes that have arrived."""
        self.got += n
        now = time.monotonic()
        if self._tty and now - self._last > EVERY:
            self._last = now
            of = "" if self.total is None else f" of {megabytes(self.total)}"
            self._print(f"\r\x1b[Kfetching {self.name}: {megabytes(self.got)}{of}, {self._rate()}", end="")

    def end(self) -> None:
        """Tell that all has arrived."""
        clear = "\r\x1b[K" if self._tty else ""
        self._print(f"{clear}fetched {self.name}: {megabytes(self.got)}, {self._rate()}")

    def _rate(self) -> str:
        return f"{megabytes(self.got / max(time.monotonic() - self._start, 1e-3))}/s"

    def _print(self, text: str, end: str = "\n") -> None:
        print(text, file=sys.stderr, end=end, flush=True)


def megabytes(n: float) -> str:
    """Format a number of bytes: "12.3 MB", "4.5 GB"."""
    return f"{n / 1e9:,.1f} GB" if n >= 1e9 else f"{n / 1e6:,.1f} MB"
