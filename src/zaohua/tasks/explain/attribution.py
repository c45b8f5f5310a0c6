"""Which parts of an item a number depends on: integrated gradients, and occlusion.

Integrated gradients are the gradient of f along the straight way from a base to the item, times the difference of the
two. Their sum is f(item) - f(base), which is checked: the integral is made finer until it holds.

Source: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", 2017 (arXiv:1703.01365).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError

Function = Callable[[Tensor], Tensor]
"""Function of inputs (n, ...) to numbers (n,)."""
COMPLETE = 1e-3
"""Largest gap between the sum and the difference that it explains, in nats or relative to it if that is above one."""
STEPS, MOST, AT_ONCE = 32, 256, 32
"""Points of the integral at first, at most, and at once."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """Attributions of a number to the values of an item.

    Attributes:
        values: the share of each, of the shape of the item.
        at: the number at the item.
        base: the number at the base.
        steps: points of the integral.
    """

    values: np.ndarray
    at: float
    base: float
    steps: int

    @property
    def gap(self) -> float:
        """What the sum of the values lacks of the difference of the numbers."""
        return float(self.values.sum() - (self.at - self.base))


def integrated_gradients(f: Function, x: Tensor, base: Tensor) -> Attribution:
    """Integrate the gradients of f from a base to an item, by the rule of Gauss and Legendre.

    Args:
        f: a differentiable function.
        x, base: the item and the base, (1, ...).

    Raises:
        ZaohuaError: f has no gradient, or the integral doesn't converge.
    """
    with torch.no_grad():
        at, start = (float(f(point)) for point in (x, base))
    steps = STEPS
    while True:
        values = _integral(f, x, base, steps)
        found = Attribution(values, at, start, steps)
        if abs(found.gap) <= COMPLETE * max(1.0, abs(at - start)):
            return found
        if steps >= MOST:
            raise ZaohuaError(
                f"it jumps between levels, and {abs(found.gap):.2g} of {at - start:.2g} would have no gradient"
            )
        steps *= 2


def _integral(f: Function, x: Tensor, base: Tensor, steps: int) -> np.ndarray:
    places, weights = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(steps))
    total = torch.zeros(x.shape[1:], dtype=torch.float64)
    for some, weight in zip(places.split(AT_ONCE), weights.split(AT_ONCE), strict=True):
        share = ((some + 1) / 2).to(x.dtype).view(-1, *[1] * (x.ndim - 1))
        points = (base + share * (x - base)).detach().requires_grad_(True)
        with torch.enable_grad():
            value = f(points).sum()
            if not value.requires_grad:
                raise ZaohuaError("this likelihood has no gradient with respect to the item")
            (slope,) = torch.autograd.grad(value, points)
        total += (slope.double() * (weight / 2).view(share.shape)).sum(0)
    found: np.ndarray = (total * (x - base)[0].double()).numpy()
    return found


def occlusion(f: Function, x: Tensor, base: Tensor, block: int) -> np.ndarray:
    """Return how much f loses when each block of an item is replaced by the base, of the shape of its axes.

    Args:
        f: any function.
        x, base: the item and the base, (1, C, *axes).
        block: side of the blocks.
    """
    axes = x.shape[2:]
    blocks = np.stack(np.unravel_index(np.arange(np.prod(axes)), axes)) // block
    index = np.ravel_multi_index(tuple(blocks), tuple(-(-side // block) for side in axes)).reshape(axes)
    masks = torch.from_numpy(np.stack([index == k for k in range(index.max() + 1)]))
    with torch.no_grad():
        hidden = torch.where(masks[:, None], base, x)
        lost = (f(x) - torch.cat([f(part) for part in hidden.split(AT_ONCE)])).double().numpy()
    found: np.ndarray = lost[index]
    return found
