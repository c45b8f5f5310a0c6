"""How much noise there is in something that is seen, told by its finest details."""

from __future__ import annotations

import torch
from torch import Tensor

FEWEST = 16
"""Fewest details that tell of noise without those that touch the ends of the range."""
MEDIAN = 0.67448975
"""Median of the absolute value of a standard normal number."""


def noise_level(x: Tensor, seen: Tensor | None = None) -> Tensor:
    """Estimate the standard deviation of normal, independent noise in each item, float (B, 1, ...).

    It is the median of the sizes of the finest details, divided by that of standard normal numbers: half of all details
    or more are of smooth parts, where there is noise alone. Details are differences of neighbours along each axis (the
    diagonal ones of Haar's wavelets, of pictures). Those that touch an end of the range [-1, 1], where noise is cut
    off, don't count, nor those that are hidden.

    Source: Donoho and Johnstone, "Ideal Spatial Adaptation by Wavelet Shrinkage", 1994, section 4.

    Args:
        x: items with noise, (B, C, *axes).
        seen: where they are seen, of a shape that broadcasts to x; None for everywhere.
    """
    seen = torch.ones_like(x, dtype=torch.bool) if seen is None else seen.expand_as(x)
    return torch.stack([_level(item, where) for item, where in zip(x, seen, strict=True)]).view(-1, *[1] * (x.ndim - 1))


def _level(x: Tensor, seen: Tensor) -> Tensor:
    """Estimate the noise of an item (C, *axes)."""
    inside = (x.abs() < 1 - 1e-6) if bool(x.abs().max() <= 1 + 1e-6) else torch.ones_like(seen)
    whole = x
    for axis in range(1, x.ndim):
        if x.shape[axis] > 1:
            x = _differences(x, axis) / 2**0.5
            seen, inside = (_both(mask, axis) for mask in (seen, inside))
    sure = seen & inside
    details = x[sure if int(sure.sum()) >= FEWEST else seen].abs()
    return details.median() / MEDIAN if len(details) else whole.new_zeros(())


def _differences(x: Tensor, axis: int) -> Tensor:
    """Return the differences of neighbours along an axis."""
    n = x.shape[axis]
    return x.narrow(axis, 1, n - 1) - x.narrow(axis, 0, n - 1)


def _both(mask: Tensor, axis: int) -> Tensor:
    """Return where both neighbours along an axis are true."""
    n = mask.shape[axis]
    return mask.narrow(axis, 1, n - 1) & mask.narrow(axis, 0, n - 1)
