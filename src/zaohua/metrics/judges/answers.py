"""Judges that answer what condition an item was made for: a label, several labels, or numbers.

Each returns counts of every item, whose sums over items give a figure (see `statistics`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zaohua.core.errors import unknown
from zaohua.metrics.judges.training import outputs, trained
from zaohua.metrics.judges.views import WIDTH, View


class LabelJudge:
    """Classifier of items by one label.

    Args:
        x: real items to learn from.
        labels: their labels, at least two different ones.
        seed: seed of the training.
        folder: cache folder; None for none.
    """

    measures = ("accuracy",)

    def __init__(self, x: View, labels: Sequence[Hashable], seed: int = 0, folder: Path | None = None):
        self.classes = sorted(set(labels), key=str)
        self._index = {label: i for i, label in enumerate(self.classes)}
        target = torch.tensor([self._index[label] for label in labels])

        def loss(network: nn.Module, rows: np.ndarray) -> Tensor:
            return F.cross_entropy(network(x[rows]), target[rows], label_smoothing=0.05)

        self._network = _network(x, len(self.classes), loss, "labels", list(map(str, labels)), seed, folder)

    def count(self, x: View, asked: Sequence[Hashable]) -> dict[str, np.ndarray]:
        """Return whether each item is recognised as what was asked for, and 1, float64 (n, 2)."""
        for label in set(asked) - set(self.classes):
            raise unknown("label", label, self.classes)
        found = outputs(self._network, x.__getitem__, len(x)).argmax(1)
        right = found == np.array([self._index[label] for label in asked])
        return {"accuracy": np.stack([right, np.ones(len(right))], 1).astype(np.float64)}


class TagJudge:
    """Classifier of items by several labels, each of which is there or not.

    Args:
        x: real items to learn from.
        tags: the labels of each.
        seed: seed of the training.
        folder: cache folder; None for none.
    """

    measures = ("tags_f1",)

    def __init__(self, x: View, tags: Sequence[Iterable[Hashable]], seed: int = 0, folder: Path | None = None):
        self.tags = sorted({tag for some in tags for tag in some}, key=str)
        target = torch.from_numpy(self._there(tags)).float()

        def loss(network: nn.Module, rows: np.ndarray) -> Tensor:
            return F.binary_cross_entropy_with_logits(network(x[rows]), target[rows])

        key = [sorted(map(str, some)) for some in tags]
        self._network = _network(x, len(self.tags), loss, "tags", key, seed, folder)

    def _there(self, tags: Sequence[Iterable[Hashable]]) -> np.ndarray:
        return np.array([[tag in found for tag in self.tags] for found in map(set, tags)])

    def count(self, x: View, asked: Sequence[Iterable[Hashable]]) -> dict[str, np.ndarray]:
        """Return the numbers of right, of wrong and of missing labels of each item, float64 (n, 3)."""
        found, there = outputs(self._network, x.__getitem__, len(x)) > 0, self._there(asked)
        counts = [(found & there).sum(1), (found & ~there).sum(1), (~found & there).sum(1)]
        return {"tags_f1": np.stack(counts, 1).astype(np.float64)}


class NumberJudge:
    """Regressor of one or several numbers.

    Args:
        x: real items to learn from.
        numbers: theirs, (n,) or (n, k); of a missing number nothing is learnt.
        seed: seed of the training.
        folder: cache folder; None for none.
    """

    measures = ("correlation", "number_error")

    def __init__(self, x: View, numbers: Sequence[object], seed: int = 0, folder: Path | None = None):
        values = _columns(numbers)
        self.mean, scale = np.nanmean(values, 0), np.nanstd(values, 0)
        self.scale = np.where(scale > 0, scale, 1.0)
        target = torch.from_numpy((values - self.mean) / self.scale).float()
        there = ~torch.isnan(target)

        def loss(network: nn.Module, rows: np.ndarray) -> Tensor:
            off = (network(x[rows]) - torch.nan_to_num(target[rows])) * there[rows]
            error: Tensor = off.square().sum() / there[rows].sum().clamp(min=1)
            return error

        self._network = _network(x, values.shape[1], loss, "numbers", values.tolist(), seed, folder)

    def count(self, x: View, asked: Sequence[object]) -> dict[str, np.ndarray]:
        """Return the terms of correlations, (n, 6 k), and of the squared error in units of variance, (n, 2)."""
        wanted = (_columns(asked) - self.mean) / self.scale
        there = ~np.isnan(wanted)
        wanted, found = np.nan_to_num(wanted), outputs(self._network, x.__getitem__, len(x)) * there
        terms = np.stack([there, found, wanted, found**2, wanted**2, found * wanted], -1)
        error = np.stack([((found - wanted) ** 2).sum(1), there.sum(1)], 1)
        return {"correlation": terms.reshape(len(found), -1), "number_error": error.astype(np.float64)}


def _columns(numbers: Sequence[object]) -> np.ndarray:
    """Return numbers as float64 (n, k)."""
    array = np.array([np.asarray(value, np.float64) for value in numbers])
    return array.reshape(len(array), -1)


Loss = Callable[[nn.Module, np.ndarray], Tensor]


def _network(
    x: View,
    size: int,
    loss: Callable[[nn.Module, np.ndarray], Tensor],
    kind: str,
    answers: object,
    seed: int,
    folder: Path | None,
) -> nn.Module:
    """Return a trained tower with a linear layer to `size` numbers."""

    def make() -> nn.Module:
        return nn.Sequential(x.tower(), nn.SiLU(), nn.Linear(WIDTH, size))

    return trained(make, loss, len(x), x.cost, [kind, x.digest, answers], seed, folder)
