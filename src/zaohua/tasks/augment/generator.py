"""Models that are fitted to a part of the data, and sampled with given labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.base import clone

from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import gathered
from zaohua.tasks.augment.data import Labelled, labels_like

Refit = Literal["folds", "seeds", "never"]
"""When the generator is fitted anew: in each fold and for each seed; for each seed only; never."""
Fitter = Callable[[Labelled, int], Any]
"""Function from data and a seed to a fitted model."""


@dataclass(frozen=True)
class Generator:
    """A model whose samples augment data.

    Attributes:
        model: the model; fitted if it isn't fitted anew.
        column: column of a table that holds the labels; None if labels lie apart. Copies of a conditional model learn
            the other columns given this one, which serves classifiers far better where rows are few (see `apart`).
        refit: when it is fitted anew.
        fitter: how it is fitted; None fits a copy with the same settings.
    """

    model: Any
    column: str | None = None
    refit: Refit = "folds"
    fitter: Fitter | None = None

    @property
    def apart(self) -> bool:
        """True if models learn labels as conditions instead of as a column."""
        own = self.refit == "never" or self.fitter is not None
        return self.column is None or (not own and bool(getattr(self.model, "conditional", False)))

    def fitted(self, data: Labelled, seed: int, fold: bool = False) -> Any:
        """Return a model that has seen these items and no others; the given one if it isn't fitted anew.

        Args:
            data: items to learn from.
            seed: seed of the model.
            fold: whether these are the items of a fold.
        """
        if self.refit == "never":
            return self.model
        if self.refit == "seeds" and fold:
            raise ZaohuaError("a generator that is fitted for each seed only isn't fitted to a fold")
        with gathered():  # what is left out of these items was told when all were read
            if self.fitter is not None:
                return self.fitter(data, seed)
            model = clone(self.model)
            if "random_state" in model.get_params():
                model.set_params(random_state=seed)
            return model.fit(data.without(self.column), data.y) if self.apart else model.fit(data.items)

    def draw(self, model: Any, like: Labelled, n: int, seed: int, options: Mapping[str, Any] = {}) -> Labelled:
        """Return n new items, with the ratio of the classes of some data.

        Args:
            model: result of `fitted`.
            like: labelled data.
            n: number of items.
            seed: seed of the labels and of the items.
            options: options of `sample`.
        """
        y = labels_like(like, n, np.random.default_rng(seed))
        given: Sequence[Any] | dict[str, Sequence[Any]] = y if self.apart else {str(self.column): y}
        with gathered():
            return Labelled(model.sample(y=given, random_state=seed, **options), y)
