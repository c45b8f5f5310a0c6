"""Answers, gathered as they are found: their mean and their spread, without keeping all of them as numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


class Answers:
    """Answers for n items, k each, in any order.

    Args:
        n: number of items.
        items: converts tensors (b, C, *axes) to items, an array.
    """

    def __init__(self, n: int, items: Callable[[Tensor], np.ndarray]) -> None:
        self.items = items
        self.counts = [0] * n
        self.means: list[Tensor | None] = [None] * n
        self.squares: list[Tensor | None] = [None] * n
        self.rows: list[list[np.ndarray]] = [[] for _ in range(n)]

    def add(self, item: int, x: Tensor) -> None:
        """Add an answer (C, *axes) for an item, by Welford's update of mean and squared distances."""
        self.rows[item].append(self.items(x[None])[0])
        self.counts[item] += 1
        mean, squares = self.means[item], self.squares[item]
        if mean is None:
            self.means[item] = x
            return
        away = x - mean
        mean = mean + away / self.counts[item]
        self.means[item] = mean
        self.squares[item] = away * (x - mean) if squares is None else squares + away * (x - mean)

    def mean(self) -> Tensor:
        """Return the means, (n, C, *axes)."""
        return torch.stack([mean for mean in self.means if mean is not None])

    def deviation(self) -> Tensor:
        """Return the standard deviations of at least two answers each, (n, C, *axes)."""
        return torch.stack(
            [
                (squares / (count - 1)).sqrt()
                for squares, count in zip(self.squares, self.counts, strict=True)
                if squares is not None
            ]
        )

    def samples(self) -> list[np.ndarray]:
        """Return the answers as sets of n items."""
        return [np.stack(rows) for rows in zip(*self.rows, strict=True)]
