"""Real items to measure by: those that a model was trained on, and those that it wasn't, as its codec gives them.

Pictures have the size and channels of the model's, and two levels where it learnt those; sounds its rate and length. So
a model isn't charged for what its codec leaves out, and models that don't make the same kind of item aren't compared.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from zaohua.core.noise import ItemNoise, derive_seed, seeds_from_content

if TYPE_CHECKING:
    from torch import Tensor

    from zaohua.evaluation.model import Codes, Model

IN_MEMORY = "data in memory"
"""What data are called that have no path and no name."""
TOGETHER = 1024
"""Items that are decoded together."""


class Items(ABC):
    """Real items of a kind.

    Attributes:
        values: them, in the form in which they are measured, (n, ...).
        codes: those that a model can score, as its codec encodes them.
        labels: theirs, or None.
        columns: of rows, what the codec knows of each.
        groups: which whole each item is a part of, int64 (n,); None where each is one.
        most: how many of a split are used at most; of more, so many drawn at random.
    """

    most: float = 100_000
    values: Any
    codes: Any
    labels: Any
    columns: Sequence[Any] = ()
    groups: Any = None

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def take(self, rows: np.ndarray) -> Self:
        """Return some of them, in the order of `rows`."""

    def some(self, n: float, seed: int) -> Self:
        """Return n of them, drawn at random without replacement and in order; all of them if there are no more."""
        return self if n >= len(self) else self.take(some(np.arange(len(self)), n, seed))


@dataclass(frozen=True, eq=False)
class EncodedItems(Items):
    """Real items as a codec encodes them, and their values, computed when first used.

    Attributes:
        codes: of the items.
        labels: theirs, or None.
        to_values: a batch of codes -> the array (b, ...) in which the items are measured.
    """

    codes: Codes
    labels: list[Hashable] | None
    to_values: Callable[[Tensor], np.ndarray]

    @functools.cached_property
    def values(self) -> np.ndarray:
        """The array in which they are measured, (n, ...)."""
        starts = range(0, len(self), TOGETHER)
        batches = [np.arange(start, min(start + TOGETHER, len(self))) for start in starts]
        return np.concatenate([self.to_values(self.codes[batch]) for batch in batches])

    @classmethod
    def of(cls, model: Model, items: object, labels: object, to_values: Callable[[Model, Tensor], np.ndarray]) -> Self:
        """Encode items as a model does.

        Args:
            model: a fitted one.
            items: as `zaohua.read` returns them.
            labels: one for each, or None.
            to_values: the model and a batch of codes -> the array in which the items are measured.
        """
        codes, own, _ = model.encode_labelled(items, labels)
        return cls(codes, None if own is None else list(own), functools.partial(to_values, model))

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: np.ndarray) -> Self:
        """Return some of them, in the order of `rows`."""
        labels = None if self.labels is None else [self.labels[i] for i in rows]
        taken = replace(self, codes=self.codes[rows], labels=labels)
        if "values" in vars(self):
            vars(taken)["values"] = self.values[rows]
        return taken


@dataclass(frozen=True, eq=False)
class Pictures(EncodedItems):
    """Real pictures, whose values are uint8 (n, H, W) or (n, H, W, C)."""


@dataclass(frozen=True, eq=False)
class Splits:
    """Two splits of a data set.

    Attributes:
        data: what it is called.
        split: of the items to measure by: "test", "validation", or "given" where they were named apart.
        train: what the model learnt from; where there is a test split, with what training held out.
        test: what to measure by.
        modality: name of the kind of data; empty for items of a codec that belongs to none.
        noun: what the items are called, in the plural.
    """

    data: str
    split: str
    train: Any
    test: Any
    modality: str = ""
    noun: str = "items"


def prepared(model: Model, codes: Tensor) -> Tensor:
    """Return the tensors that a model learns from instead of some codes, with noise that follows from their content."""
    noise = ItemNoise(seeds_from_content(codes, derive_seed("evaluate")))
    return model.codec_.prepare(codes, noise)


def some(rows: np.ndarray, n: float, seed: int = 0) -> np.ndarray:
    """Return n of some rows, drawn at random without replacement and in order; all of them if there are no more."""
    return rows if n >= len(rows) else np.sort(np.random.default_rng(seed).choice(rows, int(n), replace=False))
