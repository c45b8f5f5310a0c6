"""Bigram model: a Markov chain over symbols, the simplest model of sequences that knows what follows what.

The counts are smoothed by a Dirichlet prior around the frequencies of single symbols (MacKay and Peto, "A hierarchical
Dirichlet language model", 1995): p(b | a) = (n(a, b) + s p(b)) / (n(a) + s), with p(b) = (n(b) + 1) / (n + k).
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence

import numpy as np


class Bigram:
    """Probabilities of each symbol given the one before it, learnt by counting.

    Args:
        size: number of symbols; these are 0 to size - 1.
        sequences: integer arrays (n,) to learn from; the first symbol of each is only conditioned on.
        strength: number of observations, after each symbol, that the prior counts for.
    """

    def __init__(self, size: int, sequences: Iterable[np.ndarray], strength: float = 1.0):
        counts = np.zeros(size * size, np.int64)
        held, waiting = list[np.ndarray](), 0
        for symbols in itertools.chain(sequences, [None]):
            if symbols is not None:
                held.append(symbols[:-1].astype(np.int64) * size + symbols[1:])
                waiting += len(symbols)
            if held and (symbols is None or waiting > len(counts)):  # short sequences are counted together
                counts += np.bincount(np.concatenate(held), minlength=len(counts))
                held, waiting = [], 0
        pairs_of = counts.reshape(size, size)
        single = (pairs_of.sum(0) + 1) / (pairs_of.sum() + size)
        smoothed = (pairs_of + strength * single) / (pairs_of.sum(1, keepdims=True) + strength)
        self._nats = -np.log(smoothed)

    def nats(self, symbols: np.ndarray) -> np.ndarray:
        """Return -log p of every symbol but the first, float64 (n - 1,)."""
        return np.asarray(self._nats[symbols[:-1], symbols[1:]])


class BigramClasses:
    """Classifier of sequences: a bigram model of each class, and Bayes' rule.

    Args:
        size: number of symbols.
        items: the sequences of each item, such as one for each voice; equally many.
        labels: class of each item.
    """

    def __init__(self, size: int, items: Iterable[Sequence[np.ndarray]], labels: Sequence[Hashable]):
        groups = defaultdict[Hashable, list[Sequence[np.ndarray]]](list)
        for item, label in zip(items, labels, strict=True):
            groups[label].append(item)
        self._models = {
            label: [Bigram(size, line) for line in zip(*group, strict=True)] for label, group in groups.items()
        }
        self._priors = {label: np.log(n / len(labels)) for label, n in Counter(labels).items()}

    def predict(self, items: Iterable[Sequence[np.ndarray]]) -> list[Hashable]:
        """Return the most probable class of each item."""
        return [min(self._models, key=lambda label: self._nats(label, item)) for item in items]

    def _nats(self, label: Hashable, item: Sequence[np.ndarray]) -> float:
        models = self._models[label]
        return float(
            sum(model.nats(line).sum() for model, line in zip(models, item, strict=True)) - self._priors[label]
        )


def are_classes(labels: Sequence[object] | None, most: int = 100, least: int = 5) -> bool:
    """Return True for labels of 2 to `most` classes with `least` items each, on average."""
    if labels is None or not all(isinstance(label, (str, int, np.integer)) for label in labels):
        return False
    return 2 <= len(set(labels)) <= min(most, len(labels) // least)
