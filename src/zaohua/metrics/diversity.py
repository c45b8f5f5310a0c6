"""Diversity: whether samples differ from one another as much as real items do."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.features import Matrix, pair
from zaohua.metrics.pairwise import squared_distances


def diversity(
    samples: ArrayLike,
    real: ArrayLike,
    classes: Sequence[Hashable] | None = None,
    real_classes: Sequence[Hashable] | None = None,
) -> float:
    """Mean Euclidean distance of two samples of a class over that of two real items of a class.

    Within classes, since distances between classes tell how clear samples are rather than how varied. Both means are
    weighted by how frequent classes are among real items; a class of which there aren't two samples has no diversity.

    Args:
        samples: their features, (n, d).
        real: features of real items, (m, d).
        classes: of the samples, (n,); all are of one when not given. Errors of a conditional model would look like
            diversity, so take the classes that a classifier sees rather than those that were asked for.
        real_classes: of the real items, (m,).

    Returns:
        1 if samples are as varied as real items, 0 if all of a class are alike; above 1 they vary more.

    Raises:
        ZaohuaError: the arrays aren't features of one kind, or no class has two real items that differ.
    """
    x, y = pair(samples, real, ("samples", "real"))
    of_x, of_y = _classes(classes, len(x)), _classes(real_classes, len(y))
    found, usual = 0.0, 0.0
    for name in sorted(set(of_y), key=str):
        there = y[of_y == name]
        if len(there) > 1:
            found += len(there) * _mean_distance(x[of_x == name])
            usual += len(there) * _mean_distance(there)
    if not usual:
        raise ZaohuaError("no class has two real items that differ, so there is no diversity to compare with")
    return found / usual


def _classes(classes: Sequence[Hashable] | None, n: int) -> NDArray[np.object_]:
    found = [None] * n if classes is None else list(classes)
    if len(found) != n:
        raise ZaohuaError(f"{n} items but {len(found)} classes: give one for each")
    out = np.empty(n, object)
    out[:] = found
    return out


def _mean_distance(x: Matrix) -> float:
    """Of two different items, 0 if there are none."""
    if len(x) < 2:
        return 0.0
    total = sum(float(np.sqrt(distances).sum()) for _, distances in squared_distances(x, x))
    return total / (len(x) * (len(x) - 1))
