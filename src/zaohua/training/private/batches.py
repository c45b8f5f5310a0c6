"""Batches of a private training: each item is drawn by itself, with the same probability in each step."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from zaohua.core.record import Condition
from zaohua.training.order import Batches

if TYPE_CHECKING:
    from zaohua.training.private.mechanism import Mechanism


class PoissonBatches(Batches):
    """Batches of a random size, which may be 0: a pure function of the secret key and the draw.

    How much privacy a step costs is known for items that are drawn independently of each other. Batches cut from a
    shuffled order, where an item is in exactly one batch of an epoch, cost more.

    Args:
        mechanism: holds the key and the probability.
        args, options: as of `Batches`.
    """

    def __init__(self, mechanism: Mechanism, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.mechanism = mechanism

    def chosen(self, draw: int) -> np.ndarray:
        """Return the items of this process in a draw: every world-th block of those of all processes."""
        mechanism = self.mechanism
        rows = mechanism.secret.chosen(len(self.items), mechanism.budget.rate, "items", draw)
        blocks = [rows[low : low + mechanism.block] for low in range(0, len(rows), mechanism.block)]
        mine = [*blocks[self.rank :: self.world], rows[:0]]
        items: np.ndarray = self.items[np.concatenate(mine)]
        return items

    def indices(self, draw: int) -> np.ndarray:
        """Return the items of a draw, or any one item in place of none, which no codes could be gathered of."""
        found = self.chosen(draw)
        return found if len(found) else self.items[:1]

    def stream(self, draw: int) -> Iterator[tuple[Tensor, Condition | None]]:
        """Yield the codes and conditions of draw, draw + 1, ... without end."""
        for turn, (codes, y) in zip(itertools.count(draw), super().stream(draw), strict=False):
            size = len(self.chosen(turn))
            yield codes[:size], None if y is None else y[:size]
