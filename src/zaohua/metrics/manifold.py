"""Precision, recall, density and coverage: fidelity and diversity of samples, measured separately.

The manifold of a set is approximated by a ball around each item that reaches to its k-th nearest neighbour in the set.

    precision  fraction of samples in the ball of at least one real item
    recall     fraction of real items in the ball of at least one sample
    density    mean number of real balls that contain a sample, divided by k (may exceed 1)
    coverage   fraction of real items whose ball contains at least one sample

Read all four together: samples at half the true scale have precision 1, coverage 1 and a very high density, but
recall 0. A perfect model doesn't reach 1: for 64-dimensional Gaussians its precision and recall are about 0.7.

Kynkäänniemi et al., Improved precision and recall metric for assessing generative models, arXiv:1904.06991; Naeem et
al., Reliable fidelity and diversity metrics for generative models, arXiv:2002.09797. As in the latter, balls are open:
points on the boundary, up to rounding, are outside.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.features import Matrix, pair
from zaohua.metrics.pairwise import squared_distances

EDGE = 1e-9
"""Squared radii are reduced by this fraction, so that rounding can't put the k-th neighbour inside its own ball."""


@dataclass(frozen=True, eq=False)
class Manifold:
    """Precision, recall, density and coverage of samples.

    Attributes:
        precision: fraction of samples inside the manifold of the real items.
        recall: fraction of real items inside the manifold of the samples.
        density: mean number of real balls that contain a sample, divided by k.
        coverage: fraction of real items whose ball contains a sample.
        recalled: mask of the real items that count for `recall`, (m,).
    """

    precision: float
    recall: float
    density: float
    coverage: float
    recalled: NDArray[np.bool_]

    def recall_by(self, labels: Sequence[Hashable]) -> dict[Hashable, float]:
        """Return the recall of each class, which is low for a class that the samples lack.

        Args:
            labels: labels of the real items, (m,).
        """
        if len(labels) != len(self.recalled):
            raise ZaohuaError(f"{len(self.recalled)} real items but {len(labels)} labels: give one for each")
        rows: dict[Hashable, list[int]] = {}
        for i, label in enumerate(labels):
            rows.setdefault(label, []).append(i)
        return {label: float(self.recalled[rows[label]].mean()) for label in sorted(rows, key=str)}


def manifold(samples: ArrayLike, real: ArrayLike, k: int = 5) -> Manifold:
    """Compute precision, recall, density and coverage of samples.

    Args:
        samples: features of the samples, (n, d).
        real: features of real items, (m, d).
        k: the ball of an item reaches to its k-th nearest neighbour.

    Raises:
        ZaohuaError: the arrays differ in width, or have no k-th neighbours.
    """
    x, y = pair(samples, real, ("samples", "real"))
    if not 1 <= k < min(len(x), len(y)):
        raise ZaohuaError(f"k is {k}: it must be at least 1 and below the number of items, here {min(len(x), len(y))}")
    reach_x, reach_y = _radii(x, k), _radii(y, k)
    balls = np.zeros(len(x), np.int64)  # number of real balls that contain each sample
    covered, recalled = np.zeros(len(y), bool), np.zeros(len(y), bool)
    for rows, distances in squared_distances(y, x):
        inside = distances < reach_y[rows, None]
        balls += inside.sum(0)
        covered[rows] = inside.any(1)
        recalled[rows] = (distances < reach_x).any(1)
    return Manifold(
        float((balls > 0).mean()), float(recalled.mean()), float(balls.mean() / k), float(covered.mean()), recalled
    )


def _radii(x: Matrix, k: int) -> Matrix:
    """Compute the squared distance of each item to its k-th nearest neighbour, not counting the item itself."""
    radii = np.empty(len(x))
    for rows, distances in squared_distances(x, x):
        radii[rows] = np.partition(distances, k, axis=1)[:, k]
    return radii * (1 - EDGE)
