"""What to know about two sets of features before their distances are believed, a line for each trouble."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zaohua.metrics.features import Matrix, as_features, pair, same_width
from zaohua.metrics.pairwise import nearest

ROUNDING = 1e-6
"""Up to this share of the spread of the real features, items count as equal."""


def flags(samples: ArrayLike, real: ArrayLike, train: ArrayLike | None = None) -> list[str]:
    """Troubles that make measures of these samples mean something else than they seem to.

    Args:
        samples: their features, (n, d).
        real: features of the real items to compare with, (m, d).
        train: features of the items that the model was trained on, if copies of them shall be noticed.

    Returns:
        A line for each trouble; none if all is well.

    Raises:
        ZaohuaError: the arrays aren't features of one kind, or hold values that aren't finite.
    """
    x, y = pair(samples, real, ("samples", "real"), least=1)
    spread = float(np.linalg.norm(y.std(0)))
    found = []
    for name, features in (("samples", x), ("real items", y)):
        found += _few(features, name) + _constant(features, name)
    if len(x) > 1 and np.linalg.norm(x - x[0], axis=1).max() <= ROUNDING * spread:
        found.append(f"all {len(x)} samples are the same: the model has collapsed, or sampling ignores its noise")
    if train is not None:
        z = as_features(train, "train", least=1)
        same_width(x, z)
        if nearest(x, z)[1].max() <= ROUNDING * spread:
            found.append(f"all {len(x)} samples are exact copies of training items: low distances are no achievement")
    return found


def _few(x: Matrix, name: str) -> list[str]:
    """Whether there are too few items for a covariance of full rank."""
    n, d = x.shape
    if n > d:
        return []
    return [f"{n} {name} for {d} features: too few for a covariance, so the Fréchet distance depends on the number"]


def _constant(x: Matrix, name: str) -> list[str]:
    """Whether some features say nothing; with one item all would."""
    constant = int((np.ptp(x, axis=0) == 0).sum()) if len(x) > 1 else 0
    return [f"{constant} of {x.shape[1]} features are the same for all {name}: they tell nothing"] if constant else []
