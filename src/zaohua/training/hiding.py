"""Conditions that are hidden from some items in training, from which models learn to do without them."""

from __future__ import annotations

from torch import Tensor

from zaohua.core.noise import Noise
from zaohua.core.spec import DataSpec

HIDDEN = 0.1
"""Fraction of items whose condition is hidden, unless a model has a field for it."""


def draw_kept(noise: Noise, fraction: float, y_spec: DataSpec | None) -> Tensor:
    """Draw which of n items keep their condition.

    Args:
        noise: noise of the items.
        fraction: fraction of items that lose it.
        y_spec: description of the condition.

    Returns:
        bool (n,). Of records bool (n, parts): an item loses all parts at once, and else each part by itself, so that
        p(x | some parts) is learnt for any of them.
    """
    kept = noise.uniform() >= fraction
    if y_spec is None or not y_spec.is_record:
        return kept
    return kept[:, None] & (noise.uniform(len(y_spec.parts)) >= fraction)
