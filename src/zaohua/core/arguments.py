"""Checks of the arguments of public functions, with messages like those of fields (`core.params`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from zaohua.core.arrays import named
from zaohua.core.errors import ZaohuaError

if TYPE_CHECKING:
    from torch import Tensor

RandomState: TypeAlias = int | np.random.RandomState | np.random.Generator | None
"""What stands for random numbers, as in scikit-learn: a seed, a source to draw a seed from, or None."""


def whole_number(name: str, value: object, low: int = 1) -> int:
    """Return an argument that is a whole number.

    Args:
        name: name of the argument.
        value: its value.
        low: least value.

    Raises:
        ZaohuaError: it isn't one, or is below `low`.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low:
        raise ZaohuaError(f"{name} must be a whole number of at least {low}, not {value!r}")
    return int(value)


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
            f"not {random_state!r}"
        )
    return int(random_state)


def tensor(name: str, value: object, advice: str) -> Tensor:
    """Return an argument that is a tensor.

    Args:
        name: name of the argument.
        value: its value.
        advice: how to get a tensor, for the message.

    Raises:
        ZaohuaError: it isn't one.
    """
    from torch import Tensor

    if not isinstance(value, Tensor):
        raise ZaohuaError(f"{name} must be a tensor, not {named(value)}: {advice}")
    return value
