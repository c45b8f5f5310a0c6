"""Noise of unknown size: estimated for each observation, and told."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from zaohua.core.notes import note
from zaohua.operators.degradation import Degradation
from zaohua.operators.estimating import noise_level
from zaohua.operators.noise import GaussianNoise
from zaohua.operators.step import Units


def with_levels(degradation: Degradation, x: Tensor, seen: Tensor | None, units: Units) -> tuple[Degradation, ...]:
    """Return a degradation with the size of its noise: one for all observations, or one for each if it is unknown.

    Args:
        degradation: in units of tensors.
        x: observations, (n, C, *axes).
        seen: where they are seen; None for everywhere.
        units: the items' own units, for what is told.
    """
    unknown = [isinstance(step, GaussianNoise) and step.sigma is None for step in degradation.steps]
    if not any(unknown):
        return (degradation,)
    levels = noise_level(x, seen).flatten().tolist()
    own = np.array(levels) * units.scale
    few = f"{own[0]:.3g}" if len(own) == 1 else f"{own.min():.3g} to {own.max():.3g}"
    note(f"noise of sigma {few} estimated")
    return tuple(
        Degradation(
            tuple(
                step.replaced(sigma=level) if missing else step
                for step, missing in zip(degradation.steps, unknown, strict=True)
            )
        )
        for level in levels
    )
