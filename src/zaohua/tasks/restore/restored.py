"""The result of a restoration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Restored:
    """Restored items, of the type of the model's own items, as `sample` returns them.

    Attributes:
        best: the best guess for each observation: the mean of all answers, where items have one.
        samples: the answers, `n_samples` sets of items, of which each is a guess or a draw.
        deviation: standard deviation of the answers in the items' own units, float32 in the shape of `best` (a list of
            arrays, if that is one); None if the answers aren't draws, or there is only one.
        how: what was done, in a sentence: by which solver, exactly or approximately, and best guesses or draws.
    """

    best: Any
    samples: list[Any]
    deviation: np.ndarray | list[np.ndarray] | None
    how: str
