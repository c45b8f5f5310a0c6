"""Progress of restoration on stderr: how many files are done, how fast it goes, and the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from zaohua.training.callbacks.progress import Meter

SHORT = 2.0
"""Seconds that work takes at least before anything is said of it."""


class Watch:
    """Progress of a number of files. Use it in a `with` block.

    Args:
        label: what is done, such as "denoise".
        files: number of files.
        speed: writes how much is done in a second.
        quiet: True to show nothing.

    Attributes:
        size: how much there is to do in the current file, see `Original.size`.
    """

    def __init__(self, label: str, files: int, speed: Callable[[float], str], quiet: bool) -> None:
        self.meter, self.files, self.speed = Meter(label, quiet=quiet), files, speed
        self.number, self.name, self.size, self.sizes = 0, "", 0.0, 0.0

    def __enter__(self) -> Self:
        self.began = time.perf_counter()
        self.meter.begin(0.0)
        self.meter.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.meter.__exit__(kind, error, trace)

    def file(self, number: int, name: str) -> None:
        """Begin with a file.

        Args:
            number: of the file, from 0.
            name: its name.
        """
        self.sizes += self.size
        self.number, self.name, self.size = number, name, 0.0

    def __call__(self, done: int, total: int) -> None:
        """Show how far the current file is."""
        within = done / max(total, 1)
        seconds = time.perf_counter() - self.began
        if seconds < SHORT or not self.meter.is_due():
            return
        size = self.sizes + within * self.size
        speed = f"  {self.speed(size / seconds)}" if size else ""
        many = f"{self.number + 1:,}/{self.files:,}  " if self.files > 1 else ""
        self.meter.show((self.number + within) / self.files, f"{many}{self.name}{speed}")
