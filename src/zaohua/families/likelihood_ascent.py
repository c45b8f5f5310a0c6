"""Maximum likelihood where no formula gives it: Newton's method on unconstrained parameters, many columns at once.

Each column of data has its own parameters and its own likelihood, so that gradients of the sum over columns are the
gradients of each, and the Hessian is a small block for each column. Both come from autograd. Where a block isn't
positive definite the absolute values of its eigenvalues are taken, so that every step goes downhill.

Source: Nocedal and Wright, "Numerical Optimization", 2nd edition, 2006, chapter 3.4; absolute eigenvalues: Gill,
Murray and Wright, "Practical Optimization", 1981, chapter 4.4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.distributions import Transform

from zaohua.errors import ZaohuaError

ROUNDS = 200
HALVINGS = 40
LONGEST = 2.0
"""Length of a step at most, in unconstrained units: a factor of 7 for a logarithm."""
DONE = 1e-15
"""Expected gain of one more step, in nats per value, below which a column is done."""

Parameters = dict[str, Tensor]


def maximise(mean_nll: Callable[[Parameters], Tensor], start: Mapping[str, Tensor], transforms: Mapping[str, Transform],
             name: str) -> list[Parameters]:
    """Minimise the mean negative log-likelihood of each of p columns.

    Args:
        mean_nll: from parameters, float64 (p,) each, to nats per value (p,); twice differentiable.
        start: the parameters to begin with, (p,) each.
        transforms: from all real numbers to the parameter of each name.
        name: of the model, for the error.

    Returns:
        The parameters before the first step and after each one, (p,) each; the last are the estimate.

    Raises:
        ZaohuaError: a likelihood is not finite at the start or its maximum isn't found.
    """
    def constrained(theta: Tensor) -> Parameters:
        return {key: transforms[key](row) for key, row in zip(start, theta, strict=True)}

    theta = torch.stack([transforms[key].inv(value) for key, value in start.items()])
    path = [{key: value.clone() for key, value in start.items()}]
    for _ in range(ROUNDS):
        value, gradient, hessian = _derivatives(lambda t: mean_nll(constrained(t)), theta)
        if not torch.isfinite(gradient).all():
            break
        step, gain = _step(gradient, hessian)
        if (gain < DONE).all():
            return path
        with torch.no_grad():
            moved = _search(lambda t: mean_nll(constrained(t)), theta, value, step, gain)
            if torch.equal(moved, theta):  # rounding hides what gain there is
                return path
            theta = moved
            path.append(constrained(theta))
    raise ZaohuaError(f"{name}: the likelihood has no maximum that could be found: are there values very far from the "
                      "others, or almost no different ones? Take them out or choose another distribution")


def _derivatives(f: Callable[[Tensor], Tensor], theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Values (p,), gradients (k, p) and Hessians (k, k, p) at theta (k, p)."""
    theta = theta.detach().requires_grad_()
    value = f(theta)
    (gradient,) = torch.autograd.grad(value.sum(), theta, create_graph=True)
    rows = [torch.autograd.grad(row.sum(), theta, retain_graph=True)[0] for row in gradient]
    return value.detach(), gradient.detach(), torch.stack(rows)


def _step(gradient: Tensor, hessian: Tensor) -> tuple[Tensor, Tensor]:
    """Newton's step (k, p), downhill and not too long, and the gain (p,) that it promises."""
    widths, axes = torch.linalg.eigh(hessian.permute(2, 0, 1))
    widths = widths.abs().clamp(min=1e-10)
    along = (axes.mT @ gradient.T.unsqueeze(2)).squeeze(2)
    step = -(axes @ (along / widths).unsqueeze(2)).squeeze(2).T
    gain = (along**2 / widths).sum(1) / 2
    return step * (LONGEST / step.norm(dim=0).clamp(min=LONGEST)), gain


def _search(f: Callable[[Tensor], Tensor], theta: Tensor, value: Tensor, step: Tensor, gain: Tensor) -> Tensor:
    """Where each column is after its step, halved until it gains something; where it was if nothing does."""
    moved, size = theta.clone(), torch.ones_like(value)
    waiting = gain >= DONE
    for _ in range(HALVINGS):
        trial = theta + size * step
        better = waiting & (f(trial) < value)
        moved[:, better] = trial[:, better]
        waiting = waiting & ~better
        if not waiting.any():
            break
        size = torch.where(waiting, size / 2, size)
    return moved
