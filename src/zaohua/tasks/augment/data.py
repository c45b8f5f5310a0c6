"""Labelled items, some of whose labels may be missing, and their folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.core.missing import missing
from zaohua.modalities.pairs import take

Label = Hashable


@dataclass(frozen=True, eq=False)
class Labelled:
    """Items with their labels.

    Attributes:
        items: the items, as models take them.
        y: the label of each; None where it is missing.
    """

    items: Any
    y: Sequence[Any]

    @classmethod
    def of(cls, items: Any, y: Sequence[Any]) -> Labelled:
        """Return items with labels of any spelling of what is missing."""
        return cls(items, [None if missing(label) else label for label in y])

    def __len__(self) -> int:
        return len(self.y)

    @property
    def known(self) -> np.ndarray:
        """Indices of the items with a label, int64 (k,)."""
        return np.flatnonzero([label is not None for label in self.y])

    @property
    def counts(self) -> Counter[Label]:
        """How many items have each label."""
        return Counter(label for label in self.y if label is not None)

    def take(self, rows: np.ndarray) -> Labelled:
        """Return the items at these indices, in their order."""
        return Labelled(take(self.items, rows), [self.y[row] for row in rows.tolist()])

    def without(self, column: str | None) -> Any:
        """Return the items without a column of their table."""
        return self.items if column is None else self.items[[name for name in self.items.columns if name != column]]

    def unlabelled_but(self, rows: np.ndarray) -> Labelled:
        """Return all items, of which only those at these indices keep their label."""
        kept = set(rows.tolist())
        return Labelled(self.items, [label if row in kept else None for row, label in enumerate(self.y)])


def some_of_each(data: Labelled, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw n labelled items in which classes are as frequent as in the data; their indices in increasing order."""
    wanted, rows = apportioned(data.counts, n), list[np.ndarray]()
    for label, count in wanted.items():
        own = np.array([row for row in data.known.tolist() if data.y[row] == label])
        rows.append(rng.choice(own, count, replace=False))
    return np.sort(np.concatenate(rows))


def apportioned(counts: Counter[Label], n: int) -> dict[Label, int]:
    """Divide n among classes in the ratio of their counts, by the largest remainders."""
    total = sum(counts.values())
    shares = {label: n * count / total for label, count in counts.items()}
    out = {label: int(share) for label, share in shares.items()}
    by_rest = sorted(shares, key=lambda label: out[label] - shares[label])
    for label in by_rest[: n - sum(out.values())]:
        out[label] += 1
    return out


def labels_like(data: Labelled, n: int, rng: np.random.Generator) -> list[Any]:
    """Return n labels in random order, with the ratio of the classes in the data."""
    labels = [label for label, count in apportioned(data.counts, n).items() for _ in range(count)]
    return [labels[i] for i in rng.permutation(len(labels))]


def folds(data: Labelled, count: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows to learn from and the labelled rows to measure by, for each fold; classes are divided evenly.

    Items without a label are always learnt from.

    Raises:
        ZaohuaError: a class has fewer items than there are folds.
    """
    fewest, times = min(data.counts.items(), key=lambda pair: pair[1])
    if times < count:
        raise ZaohuaError(f"{times} items of {fewest!r} can't be divided into {count} folds: give more, or fewer folds")
    place, at = np.full(len(data), -1), 0
    for label in data.counts:
        own = rng.permutation([row for row in data.known.tolist() if data.y[row] == label])
        place[own] = (at + np.arange(len(own))) % count
        at += len(own)
    for fold in range(count):
        yield np.flatnonzero(place != fold), np.flatnonzero(place == fold)
