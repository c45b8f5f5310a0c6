"""Maximum likelihood without a closed form: Newton's method on unconstrained parameters, many columns at once.

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

ROUNDS, HALVINGS = 100, 30
LONGEST = 2.0
"""Maximum length of a step, in unconstrained units: a factor of 7 for a logarithm."""
FLATTEST = 1e-6
"""Least curvature, in nats per value; lower values are indistinguishable from 0 with fewer than a million samples."""
FARTHEST = 25.0
"""Maximum distance from the start, in unconstrained units; a likelihood that still grows there has no maximum."""
DONE = 1e-8
"""Tolerance: expected gain of the last step, in nats per value; the error is about its square."""

Parameters = dict[str, Tensor]


def maximise(
    log_density: Callable[[Parameters, Tensor], Tensor],
    x: Tensor,
    start: Mapping[str, Tensor],
    transforms: Callable[[Parameters], Mapping[str, Transform]],
) -> list[Parameters]:
    """Fit a distribution to each of p columns by maximum likelihood.

    Args:
        log_density: from parameters (p,) and data (n, p) to nats (n, p); twice differentiable.
        x: the data, float64 (n, p).
        start: initial parameters, (p,) each.
        transforms: map from all real numbers to each parameter, given the initial values of the columns.

    Returns:
        The parameters before the first step and after each step, (p,) each. The last are the estimate, NaN in columns
        where no maximum was found.
    """
    path, active = [dict(start)], torch.arange(x.shape[1])
    makers = transforms(dict(start))
    theta = torch.stack([makers[key].inv(value) for key, value in start.items()])
    begin = theta.clone()
    for _ in range(ROUNDS):
        columns = x[:, active]
        makers = transforms({key: value[active] for key, value in start.items()})

        def loss(at: Tensor, columns: Tensor = columns, makers: Mapping[str, Transform] = makers) -> Tensor:
            """Mean negative log density of each column that isn't done, for parameters (k, columns)."""
            return -log_density({key: makers[key](row) for key, row in zip(start, at, strict=True)}, columns).mean(0)

        value, gradient, hessian = _derivatives(loss, theta[:, active])
        finite = torch.isfinite(hessian).all(0).all(0)
        step, gain = _step(gradient, torch.where(finite, hessian, 0))
        moved, found = _search(loss, theta[:, active], value, step)
        moved[:, ~finite | ((moved - begin[:, active]).abs() > FARTHEST).any(0)] = torch.nan
        theta[:, active] = moved
        fitted = {key: makers[key](row) for key, row in zip(start, moved, strict=True)}
        path.append({key: last.index_copy(0, active, fitted[key]) for key, last in path[-1].items()})
        active = active[(gain > DONE) & found & moved.isfinite().all(0)]
        if not len(active):
            return path
    path[-1] = {key: last.index_fill(0, active, torch.nan) for key, last in path[-1].items()}
    return path


def _derivatives(f: Callable[[Tensor], Tensor], theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return values (p,), gradients (k, p) and Hessians (k, k, p) of f at theta (k, p)."""
    theta = theta.detach().requires_grad_()
    value = f(theta)
    (gradient,) = torch.autograd.grad(value.sum(), theta, create_graph=True)
    rows = [torch.autograd.grad(row.sum(), theta, retain_graph=True)[0] for row in gradient]
    return value.detach(), gradient.detach(), torch.stack(rows)


def _step(gradient: Tensor, hessian: Tensor) -> tuple[Tensor, Tensor]:
    """Return Newton's step (k, p), downhill and of limited length, and the expected gain (p,)."""
    widths, axes = torch.linalg.eigh(hessian.permute(2, 0, 1))
    widths = widths.abs().clamp(min=FLATTEST)
    along = (axes.mT @ gradient.T.unsqueeze(2)).squeeze(2)
    step = -(axes @ (along / widths).unsqueeze(2)).squeeze(2).T
    return step * (LONGEST / step.norm(dim=0).clamp(min=LONGEST)), (along**2 / widths).sum(1) / 2


@torch.no_grad()
def _search(f: Callable[[Tensor], Tensor], theta: Tensor, value: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """Halve each column's step until it gains; return the new parameters, and whether each column gained, (p,)."""
    moved, found = theta.clone(), torch.zeros_like(value, dtype=torch.bool)
    for halvings in range(HALVINGS):
        trial = theta + step / 2**halvings
        better = ~found & (f(trial) < value)
        moved[:, better] = trial[:, better]
        found |= better
        if found.all():
            break
    return moved, found
