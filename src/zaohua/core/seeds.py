"""Random states as users give them: a seed, or a generator of numpy."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from zaohua.core.errors import ZaohuaError, shown

RandomState: TypeAlias = int | np.random.RandomState | np.random.Generator | None
"""What stands for random numbers, as in scikit-learn: a seed, a source to draw a seed from, or None."""


def seed_of(random_state: RandomState, name: str = "random_state") -> int | None:
    """Return the seed that a random state stands for; a generator of numpy is drawn from, once.

    Raises:
        ZaohuaError: it is neither a whole number of at least 0, a generator of numpy nor None.
    """
    if random_state is None:
        return None
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**62))
    whole = isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool)
    if not whole or random_state < 0:
        raise ZaohuaError(
            f"{name} must be a whole number of at least 0, a RandomState or Generator of numpy, or None, "
            f"not {shown(random_state)}"
        )
    return int(random_state)


def generator_of(random_state: RandomState) -> np.random.Generator:
    """Return a new generator with the seed that a random state stands for; see `seed_of`."""
    return np.random.default_rng(seed_of(random_state))
