"""Matcher: which of ten conditions fits an item, by two networks that bring both to vectors.

It learns from real pairs to give an item and its condition a larger inner product than the item and those of others
(Radford et al., "Learning transferable visual models from natural language supervision", arXiv:2103.00020). The rate of
right choices is the R-precision of Xu et al., "AttnGAN", arXiv:1711.10485.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zaohua.metrics.judges.training import outputs, trained
from zaohua.metrics.judges.views import View, view_of

CHOICES = 10
"""Number of conditions to choose from."""


class _Towers(nn.Module):
    """Two towers, and the factor of their inner products."""

    def __init__(self, x: View, y: View):
        super().__init__()
        self.x, self.y = x.tower(), y.tower()
        self.factor = nn.Parameter(torch.tensor(2.0))

    def vectors(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return vectors of length 1."""
        return F.normalize(self.x(x), dim=-1), F.normalize(self.y(y), dim=-1)


class Matcher:
    """Judge of pairs.

    Args:
        x: real items to learn from.
        conditions: theirs: texts, or an array with a tensor for each.
        choices: conditions of test items, the wrong ones to choose from.
        seed: seed of the training and of the choices.
        folder: cache folder; None for none.
    """

    measures = ("matched",)

    def __init__(
        self,
        x: View,
        conditions: Sequence[str] | np.ndarray,
        choices: Sequence[str] | np.ndarray,
        seed: int = 0,
        folder: Path | None = None,
    ):
        y, self.seed = view_of(conditions), seed
        same = numbered(conditions)

        def loss(network: nn.Module, rows: np.ndarray) -> Tensor:
            assert isinstance(network, _Towers)
            a, b = network.vectors(x[rows], y[rows])
            alike = torch.from_numpy(same[rows][:, None] == same[rows][None])
            logits = network.factor.exp() * a @ b.T
            other = logits.masked_fill(alike & ~torch.eye(len(rows), dtype=torch.bool), -torch.inf)
            right = torch.arange(len(rows))
            return (F.cross_entropy(other, right) + F.cross_entropy(other.T, right)) / 2

        key = ["matcher", x.digest, y.digest]
        found = trained(lambda: _Towers(x, y), loss, len(x), x.cost + y.cost, key, seed, folder)
        assert isinstance(found, _Towers)
        self._towers = found
        self._numbers = numbered(choices)
        first = np.unique(self._numbers, return_index=True)[1]
        self._first = first[np.random.default_rng(seed).permutation(len(first))]
        self._choices = self._vectors(choices)

    @property
    def choices(self) -> int:
        """Number of conditions that an item is given to choose from."""
        return min(CHOICES, len(self._first))

    def _vectors(self, conditions: Sequence[str] | np.ndarray) -> np.ndarray:
        view = view_of(conditions)
        return outputs(lambda y: F.normalize(self._towers.y(y), dim=-1), view.__getitem__, len(view))

    def count(self, x: View, asked: np.ndarray) -> dict[str, np.ndarray]:
        """Return whether each item fits its condition better than wrong ones, and 1, float64 (n, 2).

        Args:
            x: the items.
            asked: indices of their conditions among the `choices`, int64 (n,).
        """
        found = outputs(lambda one: F.normalize(self._towers.x(one), dim=-1), x.__getitem__, len(x))
        rng, right = np.random.default_rng(self.seed), np.zeros(len(found))
        for i, (vector, row) in enumerate(zip(found, asked, strict=True)):
            wrong = wrong_choices(self._numbers, self._first, int(row), rng)
            scores, own = self._choices[wrong] @ vector, self._choices[row] @ vector
            right[i] = (own > scores).all()
        return {"matched": np.stack([right, np.ones(len(right))], 1)}


def wrong_choices(numbers: np.ndarray, first: np.ndarray, row: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the indices of up to nine different conditions that aren't that of an item.

    Args:
        numbers: a number for each condition, the same for equal ones.
        first: an index of each different condition.
        row: index of the item's condition.
        rng: generator.
    """
    drawn = rng.choice(first, min(CHOICES, len(first)), replace=False)
    wrong: np.ndarray = drawn[numbers[drawn] != numbers[row]][: CHOICES - 1]
    return wrong


def numbered(conditions: Sequence[str] | np.ndarray) -> np.ndarray:
    """Return a number for each condition, the same for equal ones, int64 (n,)."""
    numbers: dict[Hashable, int] = {}
    keys = (value.tobytes() if isinstance(value, np.ndarray) else value for value in conditions)
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)
