"""What is asked of a solver: observations, how they came about, and how many answers are wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zaohua.core.noise import derive_seed
from zaohua.core.seeds import RandomState
from zaohua.estimator.base import GenerativeModel
from zaohua.modalities.condition_base import ConditionCodes
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
        progress: what is told how far the work is; None for nothing.
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
    progress: Progress | None = None

    def conditions(self, n: int) -> ConditionCodes | None:
        """Return the codes of the conditions of n items; None for none.

        Raises:
            ZaohuaError: a condition is unknown, there are more or fewer than n, or the model needs some.
        """
        if self.y is None and getattr(self.model, "condition_dropout", None) == 0:
            self.model.require_conditions(None)  # it never learnt what items are like without
        return self.model.sample_conditions(n, self.y)[1]

    def seeds(self, n: int) -> list[list[int]]:
        """Return the seeds of the answers for n items, [answer][item]; the first of them are the same for more."""
        own = self.model.seeds_for_sampling(self.random_state, n)
        return [[derive_seed(seed, "answer", answer) for seed in own] for answer in range(self.n_samples)]
