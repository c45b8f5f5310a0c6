"""Diversity: mean distance between samples, relative to the mean distance between real items."""

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
    """Compute the mean distance between two samples of a class, divided by that between two real items of a class.

    Distances are Euclidean, and taken within classes, because distances between classes measure how distinct the
    classes are rather than how varied the samples are. Both means weight the classes by their frequency among real
    items. A class with fewer than two samples counts with a distance of 0.

    Args:
        samples: features of the samples, (n, d).
        real: features of real items, (m, d).
        classes: classes of the samples, (n,); default: one class for all. Give the classes that a classifier predicts,
            not the requested ones: otherwise errors of a conditional model count as diversity.
        real_classes: classes of the real items, (m,).

    Returns:
        1 if samples are as varied as real items, 0 if all samples of a class are equal, above 1 if they vary more.

    Raises:
        ZaohuaError: the arrays differ in width, or no class has two real items that differ.
    """
    x, y = pair(samples, real, ("samples", "real"))
    sample_labels, real_labels = _classes(classes, len(x)), _classes(real_classes, len(y))
    distance, usual = 0.0, 0.0
    for name in sorted(set(real_labels), key=str):
        members = y[real_labels == name]
        if len(members) > 1:
            distance += len(members) * _mean_distance(x[sample_labels == name])
            usual += len(members) * _mean_distance(members)
    if not usual:
        raise ZaohuaError("no class has two real items that differ, so there is no diversity to compare with")
    return distance / usual


def _classes(classes: Sequence[Hashable] | None, n: int) -> NDArray[np.object_]:
    values = [None] * n if classes is None else list(classes)
    if len(values) != n:
        raise ZaohuaError(f"{n} items but {len(values)} classes: give one for each")
    out = np.empty(n, object)
    out[:] = values
    return out


def _mean_distance(x: Matrix) -> float:
    """Return the mean distance of two different items; 0 if there are fewer than two."""
    if len(x) < 2:
        return 0.0
    total = sum(float(np.sqrt(distances).sum()) for _, distances in squared_distances(x, x))
    return total / (len(x) * (len(x) - 1))
