"""The training items nearest to an item, and the test whether a model's samples copy training items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zaohua.estimator.tensors import Encoded
from zaohua.metrics.copy_rate import ACCUSED, copy_rate
from zaohua.metrics.pairwise import squared_distances
from zaohua.tasks.explain.subject import Subject

SHOWN = 6
"""Number of neighbours."""
SAMPLES = 64
"""Number of samples of the test."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Training items nearest to an item.

    Attributes:
        nearest: the training items, the nearest first.
        distances: theirs.
        held_out: distance of the nearest of all held-out items.
        rank: share of the held-out items that are at least as far from their nearest training item as this one is.
        is_training: whether the item equals a training item.
        copied: share of the model's samples that are much nearer to a training item than to held-out ones.
        expected: the share that would be by chance.
        p: p value of copying.
        n: numbers of samples, training items and held-out items.
    """

    nearest: Encoded
    distances: np.ndarray
    held_out: float
    rank: float
    is_training: bool
    copied: float
    expected: float
    p: float
    n: tuple[int, int, int]

    @property
    def accused(self) -> bool:
        """Whether the test says that the model copies."""
        return self.p < ACCUSED


def neighbours(subject: Subject, samples: int = SAMPLES) -> Neighbours:
    """Find the training items nearest to the item, and test samples of the model for copies.

    Args:
        subject: the model and the item.
        samples: number of samples of the test.
    """
    own = subject.vectors(subject.encoded)
    train, test = subject.near
    to_train = distances(own, train)[0]
    order = np.argsort(to_train, kind="stable")[:SHOWN]
    others = np.arange(len(test)) != subject.index
    usual = distances(test, train).min(1)
    drawn = subject.vectors(subject.model.encode_items(subject.model.sample(samples, random_state=1)))
    found = copy_rate(drawn, train, test)
    return Neighbours(
        subject.reference.train[0].take(order),
        to_train[order],
        float(distances(own, test[others]).min()),
        float(np.mean(usual >= to_train[order[0]])),
        bool(to_train[order[0]] <= 1e-6 * max(float(np.median(usual)), 1e-30)),
        found.rate,
        found.expected,
        found.p,
        (samples, len(train), len(test)),
    )


def distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return Euclidean distances of rows of x to rows of y, float64 (n, m)."""
    out = np.empty((len(x), len(y)))
    for rows, block in squared_distances(x, y):
        out[rows] = np.sqrt(np.maximum(block, 0))
    return out
