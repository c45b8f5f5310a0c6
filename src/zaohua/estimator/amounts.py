"""How many items memory can hold, and how many of them are computed at once."""

from __future__ import annotations

import math

from zaohua.core.arguments import whole_number
from zaohua.core.memory import require
from zaohua.core.spec import DataSpec

AT_ONCE, VALUES_AT_ONCE = 256, 2**20
"""Maximum number of items that are computed at once, and of the values that they consist of."""


def foreseen(spec: DataSpec, n: int) -> int:
    """Return n, after a check that n items to be generated can be held.

    Raises:
        OutOfMemory: they take more memory than is free.
    """
    size = 4 * math.prod(spec.tensor_shape) if spec.shape else 0
    require(n * (size + 64), f"{n:,} items", "sample fewer at a time, each time with another seed")
    return n


def items_at_once(spec: DataSpec, wanted: int | None = None, most: int = AT_ONCE) -> int:
    """Return how many items to compute at once: the number wanted, else `most` or fewer, by their size.

    Raises:
        ZaohuaError: the number wanted is no whole number of at least 1.
    """
    if wanted is not None:
        return whole_number("batch_size", wanted, 1)
    values = math.prod(spec.tensor_shape) if spec.shape else 1
    return max(1, min(most, VALUES_AT_ONCE // max(1, values)))
