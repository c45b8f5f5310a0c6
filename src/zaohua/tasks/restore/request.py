"""What is asked of a solver: observations, how they came about, and how many answers are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from zaohua.core.noise import derive_seed
from zaohua.core.seeds import RandomState
from zaohua.estimator.base import GenerativeModel
from zaohua.modalities.condition_base import ConditionCodes
from zaohua.modalities.records.codes import picked
from zaohua.operators.degradation import Degradation

Progress = Callable[[int, int], None]
"""(evaluations done, all evaluations): called after each evaluation of a network, first with 0."""


@dataclass(frozen=True, eq=False)
class Request:
    """Restoration of n observations.

    Attributes:
        model: fitted, with the options for this call.
        X: the observations, as they were given.
        degradation: how they came about, in the items' own units; without steps if they are only masked.
        mask: what is seen of them, as it was given; None for all.
        y: conditions of the items, as they were given; None for none.
        n_samples: number of answers for each observation.
        gamma: 0 for best guesses, 1 for draws with the right spread.
        steps: steps from noise to data.
        random_state: seed of the answers; None for the model's own.
        batch_size: number of items, or of tiles, computed at once; None chooses by their size.
        by_channel: True to restore each colour of pictures by itself, with a model of grey ones.
        progress: what is told how far the work is; None for nothing.
        first: index of the first of these observations among all.
        total: number of all observations; None if these are all.
    """

    model: GenerativeModel
    X: Any
    degradation: Degradation
    mask: Any = None
    y: Any = None
    n_samples: int = 1
    gamma: float = 0.0
    steps: int = 50
    random_state: RandomState = None
    batch_size: int | None = None
    by_channel: bool = False
    progress: Progress | None = None
    first: int = 0
    total: int | None = None

    def conditions(self, n: int) -> ConditionCodes | None:
        """Return the codes of the conditions of these n items; None for none.

        Raises:
            ZaohuaError: a condition is unknown, there are more or fewer than items, or the model needs some.
        """
        if self.y is None and getattr(self.model, "condition_dropout", None) == 0:
            self.model.require_conditions(None)  # it never learnt what items are like without
        codes = self.model.sample_conditions(self.total or n, self.y)[1]
        if codes is None or self.total is None:
            return codes
        return picked(codes, np.arange(self.first, self.first + n))

    def seeds(self, n: int) -> list[list[int]]:
        """Return the seeds of the answers for these n items, [answer][item]; the first are the same for more."""
        own = self.model.seeds_for_sampling(self.random_state, self.first + n)[self.first :]
        return [[derive_seed(seed, "answer", answer) for seed in own] for answer in range(self.n_samples)]

    def parts(self, given: Sequence[tuple[Any, Any]]) -> list[Request]:
        """Return a request for each observation, or each set of one.

        Args:
            given: the observations and the mask of each, as for `restore`.
        """
        return [
            replace(self, X=x, mask=mask, first=i, total=len(given), progress=self._share(i, len(given)))
            for i, (x, mask) in enumerate(given)
        ]

    def _share(self, part: int, parts: int) -> Progress | None:
        """Return what tells the progress of all of a number of parts, while one is at work."""
        whole = self.progress
        if whole is None:
            return None

        def progress(done: int, total: int) -> None:
            whole(part * FINE + round(FINE * done / max(total, 1)), parts * FINE)

        return progress


FINE = 1000
"""Units of progress of one of several parts."""
