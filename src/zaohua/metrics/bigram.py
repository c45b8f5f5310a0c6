"""Bigram model: a Markov chain over symbols, the simplest model of sequences that knows what follows what.

The counts are smoothed by a Dirichlet prior around the frequencies of single symbols (MacKay and Peto, "A hierarchical
Dirichlet language model", 1995): p(b | a) = (n(a, b) + s p(b)) / (n(a) + s), with p(b) = (n(b) + 1) / (n + k).
"""

from __future__ import annotations

from collections.abc import Iterable

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
        for symbols in sequences:
            pairs = np.asarray(symbols, np.int64)
            counts += np.bincount(pairs[:-1] * size + pairs[1:], minlength=size * size)
        pairs_of = counts.reshape(size, size)
        single = (pairs_of.sum(0) + 1) / (pairs_of.sum() + size)
        smoothed = (pairs_of + strength * single) / (pairs_of.sum(1, keepdims=True) + strength)
        self._nats = -np.log(smoothed)

    def nats(self, symbols: np.ndarray) -> np.ndarray:
        """Return -log p of every symbol but the first, float64 (n - 1,)."""
        return np.asarray(self._nats[symbols[:-1], symbols[1:]])
