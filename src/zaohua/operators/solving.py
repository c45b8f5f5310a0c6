"""Conjugate gradients for a batch of symmetric positive systems, each solved on its own."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

TOLERANCE = 1e-5
"""Norm of the residual relative to the right side at which a system counts as solved."""
MOST = 100
"""Most iterations."""


def conjugate_gradients(
    times: Callable[[Tensor], Tensor], right: Tensor, tolerance: float = TOLERANCE, most: int = MOST
) -> Tensor:
    """Solve M u = right for each item of a batch, where M is symmetric and positive (Hestenes and Stiefel, 1952).

    An item's result doesn't depend on the others: each has its own step lengths, and stays as it is once solved.

    Args:
        times: u (B, ...) -> M u, (B, ...).
        right: the right sides, (B, ...).
        tolerance: norm of the residual, relative to that of the right side, at which an item is done.
        most: most iterations.
    """
    u, residual = right * 0, right.clone()
    direction, power = residual, _dot(residual, residual)
    least = power * tolerance**2
    for _ in range(most):
        active = power > least
        if not bool(active.any()):
            break
        moved = times(direction)
        step = (power / _dot(direction, moved).clamp(min=1e-30)).where(active, power * 0)
        u, residual = u + step * direction, residual - step * moved
        now = _dot(residual, residual)
        direction = residual + (now / power.clamp(min=1e-30)) * direction
        power = now.where(active, power)
    return u


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Return the inner products of items, (B, 1, ...)."""
    return (a * b).flatten(1).sum(1).view(-1, *[1] * (a.ndim - 1))
