"""Precision, recall, density and coverage: whether samples look real, and whether all that is real is among them.

Around each item of a set lies a ball that reaches to its k-th nearest neighbour in the set; together they are taken for
the region where such items are.

    precision  share of samples in the ball of some real item
    recall     share of real items in the ball of some sample
    density    mean number of real balls that a sample is in, divided by k (may exceed 1)
    coverage   share of real items whose ball holds a sample

Only all four together tell: at half the true scale samples have precision 1, coverage 1 and a very high density, but
recall 0. Nor is 1 the value of a perfect model: for 64-d Gaussians precision and recall are then about 0.7.

Kynkäänniemi et al., Improved precision and recall metric for assessing generative models, arXiv:1904.06991; Naeem et
al., Reliable fidelity and diversity metrics for generative models, arXiv:2002.09797, whose `<` is followed here: what
lies on the edge of a ball, up to rounding, is outside.
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
"""By this share squared radii are shortened, or rounding would decide whether a neighbour is in its own ball."""


@dataclass(frozen=True, eq=False)
class Manifold:
    """How two sets of features overlap.

    Attributes:
        precision: share of samples that look real.
        recall: share of real items that are like some sample.
        density: how often samples are where real items crowd.
        coverage: share of real items that have a sample in their neighbourhood.
        recalled: of each real item, whether it counts for `recall`.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    recalled: NDArray[np.bool_]

    def recall_by(self, labels: Sequence[Hashable]) -> dict[Hashable, float]:
        """Recall of the real items of each class: a class that samples lack stands out.

        Args:
            labels: of the real items, in their order.
        """
        if len(labels) != len(self.recalled):
            raise ZaohuaError(f"{len(self.recalled)} real items but {len(labels)} labels: give one for each")
        rows: dict[Hashable, list[int]] = {}
        for i, label in enumerate(labels):
            rows.setdefault(label, []).append(i)
        return {label: float(self.recalled[rows[label]].mean()) for label in sorted(rows, key=str)}


def manifold(samples: ArrayLike, real: ArrayLike, k: int = 5) -> Manifold:
    """Precision, recall, density and coverage of samples.

    Args:
        samples: their features, (n, d).
        real: features of real items, (m, d).
        k: which nearest neighbour a ball reaches to.

    Raises:
        ZaohuaError: the arrays aren't features of one kind, or have no k-th neighbours.
    """
    x, y = pair(samples, real, ("samples", "real"))
    if not 1 <= k < min(len(x), len(y)):
        raise ZaohuaError(f"k is {k}: it must be at least 1 and below the number of items, here {min(len(x), len(y))}")
    reach_x, reach_y = _radii(x, k), _radii(y, k)
    balls = np.zeros(len(x), np.int64)  # of real items, that each sample is in
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
    """Squared distance of each item to its k-th nearest neighbour, itself not counted."""
    radii = np.empty(len(x))
    for rows, distances in squared_distances(x, x):
        radii[rows] = np.partition(distances, k, axis=1)[:, k]
    return radii * (1 - EDGE)
