"""Lists of items that are still in files; broken files are dropped with their labels, counted and reported."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import note

Source = TypeVar("Source")
ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
PartsT = TypeVar("PartsT", bound="FileItems[Any]")
THREADS = min(8, os.cpu_count() or 1)


def in_turn(work: Callable[[ItemT], ResultT], items: Sequence[ItemT], ahead: int) -> Iterator[ResultT]:
    """Yield work(item) for each item in order, computed in threads at most `ahead` items ahead.

    Decoders release Python's global lock, so that threads run in parallel.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        for at in range(0, len(items), ahead):
            yield from pool.map(work, items[at : at + ahead])


def in_threads(work: Callable[[ItemT], ResultT], items: Sequence[ItemT]) -> list[ResultT]:
    """Return work(item) for all items, computed in threads."""
    return list(in_turn(work, items, 4096))  # in chunks, because a million pending calls take memory


class FileItems(Generic[Source]):
    """Base of the lists of items that are still in files.

    Items that are dropped, and items that are parts of others (windows of a recording, pages of a file), keep the row
    that they have in the list as it was read. So whatever belongs to the items is found by `rows`.

    Args:
        sources: location of each item.
        labels: one label per item, or None.

    Attributes:
        sources: locations of the remaining items.
        rows: index of each remaining item among the items as they were read, int64 (n,).
        n_read: number of items that were read.
        skipped: (name, reason) of each dropped item.
    """

    noun: ClassVar[str]
    """Noun for the items, in the plural."""

    def __init__(self, sources: Sequence[Source], labels: Sequence[object] | None = None):
        self.sources, self.rows, self.n_read = list(sources), np.arange(len(sources)), len(sources)
        self._labels = None if labels is None else list(labels)
        self.skipped: list[tuple[str, str]] = []
        self._total, self._reported = len(self.sources), 0
        self._cached: tuple[object, object] | None = None

    def __len__(self) -> int:
        return len(self.sources)

    def __repr__(self) -> str:
        names = ", ".join(self.paths[:3]) + (" ..." if len(self) > 3 else "")
        return f"<{len(self):,} {self.noun}: {names}>"

    @property
    def labels(self) -> list[object] | None:
        """Labels of the remaining items, or None."""
        return None if self._labels is None else [self._labels[row] for row in self.rows.tolist()]

    @property
    def paths(self) -> list[str]:
        """Readable names of the remaining items."""
        return [str(source) for source in self.sources]

    @property
    def files(self) -> list[Path] | None:
        """The file of each remaining item; None if any is in memory."""
        found = [self.file_of(source) for source in self.sources]
        files = [file for file in found if file is not None]
        return files if len(files) == len(found) else None

    @staticmethod
    def file_of(source: Source) -> Path | None:
        """Return the file that a source lies in; None if it is in memory."""
        return source if isinstance(source, Path) else None

    def drop_failed(self, results: Sequence[object]) -> list[bool]:
        """Remove sources whose result is an error message (str); return a mask of those kept.

        Raises:
            ZaohuaError: more than a tenth of all sources have been dropped so far.
        """
        mask = [not isinstance(result, str) for result in results]
        self.skipped += [
            (name, result) for name, result in zip(self.paths, results, strict=True) if isinstance(result, str)
        ]
        if not all(mask):
            self._keep([at for at, ok in enumerate(mask) if ok])
        if self._total == 1 and self.skipped:
            raise ZaohuaError(f"{self.skipped[0][0]}: can't be read: {self.skipped[0][1]}")
        if len(self.skipped) > self._total / 10 or not self.sources:
            raise ZaohuaError(f"{self._summary()}: more than a tenth is broken, so repair or remove those")
        return mask

    @property
    def groups(self) -> np.ndarray | None:
        """Index of the file that each item is from, int64 (n,); None if all are from files of their own."""
        indices: dict[object, int] = {}
        files = [self.file_of(source) or id(source) for source in self.sources]
        groups = np.array([indices.setdefault(file, len(indices)) for file in files])
        return groups if len(indices) < len(groups) else None

    def _keep(self, at: Sequence[int]) -> None:
        """Keep the items at these indices, in this order; a subclass does the same with what it knows of each item."""
        self.sources, self.rows = [self.sources[i] for i in at], self.rows[np.asarray(at, np.int64)]

    def copy(self) -> Self:
        """Return a copy with its own sources: dropping items of one doesn't affect the other."""
        other = copy.copy(self)
        other.sources, other.skipped, other._cached = list(self.sources), list(self.skipped), None
        return other

    def anew(self, labels: Sequence[object] | None = None) -> Self:
        """Return a copy whose rows count from 0, as if these items were read now, with these labels or their own."""
        other, given = self.copy(), self.labels if labels is None else labels
        other.rows, other.n_read = np.arange(len(self)), len(self)
        other._labels = None if given is None else list(given)
        return other

    def take(self, at: Sequence[int] | np.ndarray) -> Self:
        """Return the items at these indices, each as often as it is named, as if these were read now."""
        other = self.copy()
        other._keep([int(i) for i in at])
        other._total, other._reported, other.skipped = len(other.sources), 0, []
        return other.anew()

    def replaced_by(self, parts: PartsT, owners: Sequence[int]) -> PartsT:
        """Return parts of these items, such as windows of pictures, with the rows and labels of their owners.

        Args:
            parts: the parts, as new items.
            owners: the index of the item that each is a part of.
        """
        parts.rows, parts.n_read, parts._labels = self.rows[np.asarray(owners, np.int64)], self.n_read, self._labels
        return parts

    def cache(self, key: object, codes: object) -> None:
        """Store the encoded items for the next call of `pop_cached` with this key.

        A codec's `fit` must decode, to drop broken files before their labels are read; `encode` reuses the result.
        """
        self._cached = (key, codes)

    def pop_cached(self, key: object) -> Any:
        """Return the items that were cached with this key, and clear the cache; None if there are none."""
        cached, self._cached = self._cached, None
        return cached[1] if cached is not None and cached[0] == key else None

    def report(self) -> None:
        """Note the items that were dropped since the last call."""
        if len(self.skipped) > self._reported:
            self._reported = len(self.skipped)
            note(f"{self._summary()} left out")

    def _summary(self) -> str:
        shown = ", ".join(f"{name} ({reason})" for name, reason in self.skipped[:5])
        more = f" and {len(self.skipped) - 5} more" if len(self.skipped) > 5 else ""
        return f"{len(self.skipped)} of {self._total} {self.noun} ({shown}{more})"


def kept_rows(items: object) -> np.ndarray | None:
    """Return which of the items that were read each remaining one is, or is a part of, int64 (k,); None for all."""
    rows = getattr(items, "rows", None)
    return rows if isinstance(rows, np.ndarray) else None


def groups_of(*collections: object) -> np.ndarray | None:
    """Return the group, such as a recording or a file, that each item is of by the first collection that knows them.

    Items of a group are held out together: several captions of a picture, windows of a recording.
    """
    found = (collection.groups for collection in collections if isinstance(collection, FileItems))
    return next((groups for groups in found if groups is not None), None)
