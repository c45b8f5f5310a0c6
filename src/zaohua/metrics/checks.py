"""Checks of two sets of features that reveal when distances between them are misleading."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zaohua.metrics.features import Matrix, as_features, pair, same_width
from zaohua.metrics.pairwise import nearest

ROUNDING = 1e-6
"""Items count as equal if they differ by at most this fraction of the spread of the real features."""


def flags(samples: ArrayLike, real: ArrayLike, train: ArrayLike | None = None) -> list[str]:
    """Return warnings about features that make metrics of these samples misleading.

    Args:
        samples: features of the samples, (n, d).
        real: features of the real items to compare with, (m, d).
        train: features of the training items; needed only to detect exact copies of them.

    Returns:
        One line per problem; empty if there is none.

    Raises:
        ZaohuaError: the arrays differ in width, or hold values that aren't finite.
    """
    x, y = pair(samples, real, ("samples", "real"), least=1)
    spread = float(np.linalg.norm(y.std(0)))
    warnings = []
    for name, features in (("samples", x), ("real items", y)):
        warnings += _few(features, name) + _constant(features, name)
    if len(x) > 1 and np.linalg.norm(x - x[0], axis=1).max() <= ROUNDING * spread:
        warnings.append(f"all {len(x)} samples are the same: the model has collapsed, or sampling ignores its noise")
    if train is not None:
        z = as_features(train, "train", least=1)
        same_width(x, z)
        if nearest(x, z)[1].max() <= ROUNDING * spread:
            warnings.append(f"all {len(x)} samples are exact copies of training items: low distances mean nothing")
    return warnings


def _few(x: Matrix, name: str) -> list[str]:
    """Return a warning if there are too few items for a covariance of full rank."""
    n, d = x.shape
    if n > d:
        return []
    return [f"{n} {name} for {d} features: too few for a covariance, so the Fréchet distance depends on the number"]


def _constant(x: Matrix, name: str) -> list[str]:
    """Return a warning if some features are constant; skipped for a single item, where all of them are."""
    constant = int((np.ptp(x, axis=0) == 0).sum()) if len(x) > 1 else 0
    return (
        [f"{constant} of {x.shape[1]} features are the same for all {name}: they carry no information"]
        if constant
        else []
    )
