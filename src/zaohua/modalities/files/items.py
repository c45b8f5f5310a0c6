"""Items from files of which some may be broken: those are left out, counted and named, and their labels with them."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from zaohua.core.errors import ZaohuaError, ZaohuaWarning

Source = TypeVar("Source")
THREADS = min(8, os.cpu_count() or 1)


def in_turn(work: Callable[[Any], Any], items: Sequence[Any], ahead: int) -> Iterator[Any]:
    """work(item) for each, in order, by threads at most so many items ahead: decoders don't hold Python's lock."""
    with ThreadPoolExecutor(THREADS) as pool:
        for at in range(0, len(items), ahead):
            yield from pool.map(work, items[at : at + ahead])


def in_threads(work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """All results of `in_turn`."""
    return list(in_turn(work, items, 4096))  # in parts: a million waiting calls take memory


class FileItems(Generic[Source]):
    """What a class of items that are still in files shares.

    Args:
        sources: where each item is.
        labels: their labels, one for each, or None.

    Attributes:
        sources: those that are left.
        labels: the labels of those, or None.
        skipped: (name, reason) of those left out.
    """

    noun: ClassVar[str]
    """What the items are, in the plural."""

    def __init__(self, sources: Sequence[Source], labels: Sequence[Any] | None = None):
        self.sources, self.labels = list(sources), None if labels is None else list(labels)
        self.skipped: list[tuple[str, str]] = []
        self._total, self._reported = len(self.sources), 0
        self._kept: tuple[Any, Any] | None = None

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def paths(self) -> list[str]:
        """Names of the sources that are left, for people."""
        return [str(source) for source in self.sources]

    def drop_failed(self, results: Sequence[object]) -> list[bool]:
        """Drop the sources whose result is a text, the reason; which ones stay.

        Raises:
            ZaohuaError: more than a tenth of all have been dropped by now.
        """
        keep = [not isinstance(result, str) for result in results]
        self.skipped += [
            (name, result) for name, result in zip(self.paths, results, strict=True) if isinstance(result, str)
        ]
        self.sources = [source for source, ok in zip(self.sources, keep, strict=True) if ok]
        if self.labels is not None:
            self.labels[:] = [label for label, ok in zip(self.labels, keep, strict=True) if ok]
        if len(self.skipped) > self._total / 10 or not self.sources:
            raise ZaohuaError(f"{self._summary()}: more than a tenth is broken, so repair or remove those")
        return keep

    @property
    def groups(self) -> np.ndarray | None:
        """Which whole each item is a part of, numbered from 0, int64 (n,); None where each is one by itself."""
        return None

    def copy(self) -> Self:
        """The same items with labels of their own: what leaves one of the two stays in the other."""
        other = copy.copy(self)
        other.sources, other.labels = list(self.sources), None if self.labels is None else list(self.labels)
        other.skipped, other._kept = list(self.skipped), None
        return other

    def keep(self, key: Any, codes: Any) -> None:
        """Keep what these items were encoded to for the next call of `kept` with this key.

        A codec's `fit` decodes, since broken files must go before their labels are read, and `encode` follows.
        """
        self._kept = (key, codes)

    def kept(self, key: Any) -> Any:
        """What was kept with this key, once."""
        kept, self._kept = self._kept, None
        return kept[1] if kept is not None and kept[0] == key else None

    def report(self) -> None:
        """Warn of what has been left out since the last time."""
        if len(self.skipped) > self._reported:
            self._reported = len(self.skipped)
            warnings.warn(f"{self._summary()} left out", ZaohuaWarning, stacklevel=4)

    def _summary(self) -> str:
        shown = ", ".join(f"{name} ({reason})" for name, reason in self.skipped[:5])
        more = f" and {len(self.skipped) - 5} more" if len(self.skipped) > 5 else ""
        return f"{len(self.skipped)} of {self._total} {self.noun} ({shown}{more})"
