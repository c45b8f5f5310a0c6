"""Real items of an evaluation, those of training and those held out, as the model's codec represents them.

Pictures have the model's size and channels, and two levels if it was trained on binary ones; sounds have its rate and
length. So the loss of information in the codec doesn't count against a model, and models whose items differ in kind
aren't compared.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import ItemNoise, derive_seed, seeds_from_content

if TYPE_CHECKING:
    from torch import Tensor

    from zaohua.evaluation.given import Given
    from zaohua.evaluation.model import Codes, Model

IN_MEMORY = "data in memory"
"""Name of data without a path or a name."""
TOGETHER = 1024
"""Number of items decoded at once."""


class Items(ABC):
    """Real items; subclasses declare the types of their attributes, as fields or properties.

    Attributes:
        values: the items in the form in which they are measured, (n, ...).
        codes: codes of the items that a model can score.
        labels: their labels, or None.
        columns: the codec's description of each column of a table.
        groups: index of the recording or text that each item is a part of, int64 (n,); None if each is its own.
        most: maximum number of items of a split; a larger split is subsampled at random.
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
        """Select the items at `rows`, in that order."""

    def some(self, n: float, seed: int) -> Self:
        """Return n items drawn at random without replacement, in order; all items if there are at most n."""
        return self if n >= len(self) else self.take(some(np.arange(len(self)), n, seed))


@dataclass(frozen=True, eq=False)
class EncodedItems(Items):
    """Encoded real items, and their values, which are computed when first used.

    Attributes:
        codes: codes of the items.
        labels: their labels, or None.
        to_values: function from a batch of codes to the array (b, ...) in which the items are measured.
        groups: index of the file that each item is from, int64 (n,); None if all are from files of their own.
    """

    codes: Codes
    labels: list[Hashable] | None
    to_values: Callable[[Tensor], np.ndarray]
    groups: np.ndarray | None = None

    @functools.cached_property
    def values(self) -> np.ndarray:
        """The items in the form in which they are measured, (n, ...)."""
        starts = range(0, len(self), TOGETHER)
        batches = [np.arange(start, min(start + TOGETHER, len(self))) for start in starts]
        return np.concatenate([self.to_values(self.codes[batch]) for batch in batches])

    @classmethod
    def of(cls, model: Model, items: object, labels: object, to_values: Callable[[Model, Tensor], np.ndarray]) -> Self:
        """Encode items by a model's codec.

        Args:
            model: fitted model.
            items: result of `zaohua.read`.
            labels: one label per item, or None.
            to_values: function from the model and a batch of codes to the array in which the items are measured.
        """
        codes, own, parts = model.encode_labelled(items, labels)
        groups = next((g for g in (getattr(part, "groups", None) for part in (parts, own)) if g is not None), None)
        return cls(codes, None if own is None else list(own), functools.partial(to_values, model), groups)

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: np.ndarray) -> Self:
        """Select the items at `rows`, in that order."""
        labels = None if self.labels is None else [self.labels[i] for i in rows]
        groups = None if self.groups is None else self.groups[rows]
        taken = replace(self, codes=self.codes[rows], labels=labels, groups=groups)
        if "values" in vars(self):
            vars(taken)["values"] = self.values[rows]
        return taken


@dataclass(frozen=True, eq=False)
class Pictures(EncodedItems):
    """Real pictures with values uint8 (n, H, W) or (n, H, W, C)."""


@dataclass(frozen=True, eq=False)
class Splits:
    """Training items and held-out items of a data set.

    Attributes:
        data: name of the data.
        split: split of the held-out items: "test", "validation", or "given" if they were given separately.
        train: training items; if there is a test split, they include those held out for validation.
        test: held-out items.
        modality: name of the kind of data; empty for items of a codec that belongs to none.
        noun: noun for the items, in the plural.
        given: parts of the conditions, of models that have any (see `fidelity`).
    """

    data: str
    split: str
    train: Any
    test: Any
    modality: str = ""
    noun: str = "items"
    given: Sequence[Given] = ()


def held_out_rows(models: Sequence[Model], n: int, groups: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the items that all models held out of n, and of those that they were trained on.

    Raises:
        ZaohuaError: the models held out other items.
    """
    nothing = np.zeros(0, np.int64), np.arange(n)
    each = [
        model.hold_out(n, derive_seed(model.seed_, "split"), groups)  # type: ignore[attr-defined]  # of models that train
        if getattr(model, "validation_fraction", 0)
        else nothing
        for model in models
    ]
    for model, (held, _) in zip(models, each, strict=True):
        if not np.array_equal(held, each[0][0]):
            raise ZaohuaError(
                f"{name_of(models[0])} and {name_of(model)} held out other items: give some on which neither was "
                f"trained ({option('data')}), or train both with the same {option('random_state')} and "
                f"{option('validation_fraction')}"
            )
    return each[0]


def name_of(model: Model) -> str:
    """Return the run folder of a model, or its class."""
    return str(getattr(model, "run_", None) or type(model).__name__)


def prepared(model: Model, codes: Tensor) -> Tensor:
    """Convert codes to tensors for the networks, with noise that is determined by their content."""
    noise = ItemNoise(seeds_from_content(codes, derive_seed("evaluate")))
    return model.codec_.prepare(codes, noise)


def some(rows: np.ndarray, n: float, seed: int = 0) -> np.ndarray:
    """Return n of `rows` drawn at random without replacement, in order; all if there are at most n."""
    return rows if n >= len(rows) else np.sort(np.random.default_rng(seed).choice(rows, int(n), replace=False))
