"""Operators: how a thing becomes what is seen of it, observation = operator(x) + noise.

An operator maps tensors (B, C, *axes) to tensors. It serves twice: to restore with a model that was never trained for
it, which needs `near`, and to train a model for it, which needs the operator alone.

`near` is the proximal point of an observation: of all x, the one that balances agreement with what was seen and
nearness to a guess. For a linear operator A, noise of standard deviation sigma and a guess with covariance K it is

    x + K A^T (A K A^T + sigma^2)^-1 (seen - A x)

the mean of x given what is seen, if x is normal around the guess. It has a closed form where K is a multiple of 1 and
A A^T is diagonal (`gram`): masks, means of blocks, grey values. Otherwise it takes conjugate gradients.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor

from zaohua.core.noise import Noise
from zaohua.core.with_fields import WithFields
from zaohua.operators.solving import conjugate_gradients

FLOOR = 1e-3
"""Least noise in systems solved by conjugate gradients, as a multiple of the guess's standard deviation."""

Sigma = float | Tensor
"""Standard deviation of noise: one number, or a tensor that broadcasts to the observation."""


@dataclass(frozen=True)
class Units:
    """Item's own units of tensors: an item's value is low + (x + 1) * scale.

    Attributes:
        low: the item's value at x = -1, such as black.
        scale: size of one unit of x, 127.5 for 8-bit pictures.
    """

    low: float = -1.0
    scale: float = 1.0

    def to_tensor(self, value: float) -> float:
        """Return x of an item's value."""
        return (value - self.low) / self.scale - 1


class Covariance(ABC):
    """Covariance of a guess of x, (B, ...)."""

    @abstractmethod
    def times(self, v: Tensor) -> Tensor:
        """Multiply vectors (B, ...)."""

    @abstractmethod
    def root(self, e: Tensor) -> Tensor:
        """Turn standard normal numbers (B, ...) into numbers with this covariance."""


class Isotropic(Covariance):
    """Covariance that is a multiple of 1.

    Args:
        variance: the multiple, 0-d.
    """

    def __init__(self, variance: Tensor) -> None:
        self.variance = variance

    def times(self, v: Tensor) -> Tensor:
        """Multiply vectors by the variance."""
        return self.variance.to(v.dtype) * v

    def root(self, e: Tensor) -> Tensor:
        """Scale standard normal numbers."""
        return self.variance.sqrt().to(e.dtype) * e


class Operator(WithFields, ABC):
    """Base of operators. A new one defines `__call__`, and if need be `adjoint`, `gram` or `near`."""

    name: ClassVar[str] = ""
    """What it is called in texts, such as "downscale 4"."""
    linear: ClassVar[bool] = True
    """Whether A(x + y) = A(x) + A(y), so that it has an adjoint."""

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Return what is seen of x (B, C, *axes)."""

    def in_units(self, units: Units) -> Self:
        """Return the operator for tensors, given values in the items' own units; by default none."""
        return self

    def drawn(self, shape: tuple[int, ...], noise: Noise) -> Operator:
        """Return the operator with its random choices made for n items of a shape (C, *axes); by default none."""
        return self

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Apply the transpose of a linear operator, by differentiation unless a closed form is defined.

        Args:
            y: observations, (B, ...).
            shape: shape of the items, (C, *axes).
        """
        with torch.enable_grad():
            x = torch.zeros(len(y), *shape, dtype=y.dtype, device=y.device, requires_grad=True)
            (out,) = torch.autograd.grad(self(x), x, y)
        return out

    def gram(self, seen: Tensor, shape: tuple[int, ...]) -> Tensor | float | None:
        """Return A A^T where it is diagonal, as numbers that broadcast to `seen` (B, ...); None where it isn't.

        Args:
            seen: observations.
            shape: shape of the items, (C, *axes).
        """
        return None

    def near(self, seen: Tensor, x: Tensor, sigma: Sigma, covariance: Covariance) -> Tensor:
        """Return the proximal point of an observation, see the top of this file.

        Args:
            seen: the observation, of the shape of `self(x)`.
            x: the guess, (B, C, *axes).
            sigma: standard deviation of the observation's noise; 0 for none.
            covariance: covariance of the guess's error.
        """
        shape, rest = tuple(x.shape[1:]), seen - self(x)
        gram = self.gram(seen, shape)
        if gram is not None and isinstance(covariance, Isotropic):
            variance = covariance.variance.to(x.dtype)
            total = torch.as_tensor(variance * gram + sigma**2, dtype=x.dtype, device=x.device)
            return x + variance * self.adjoint(rest / total.clamp(min=1e-20), shape)
        width = covariance.root(torch.ones_like(x[:1])).square().mean()
        noise = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).square().clamp(min=float(FLOOR**2 * width))
        u = conjugate_gradients(lambda u: self(covariance.times(self.adjoint(u, shape))) + noise * u, rest)
        return x + covariance.times(self.adjoint(u, shape))


class Identity(Operator):
    """Operator that changes nothing: only noise is seen."""

    name = "identity"

    def __call__(self, x: Tensor) -> Tensor:
        """Return x."""
        return x

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return y."""
        return y

    def gram(self, seen: Tensor, shape: tuple[int, ...]) -> float:
        """Return 1."""
        return 1.0


class Chain(Operator):
    """Several operators, one after the other.

    Args:
        operators: the first is applied first.
    """

    name = "chain"

    def __init__(self, operators: tuple[Operator, ...]) -> None:
        self.operators = operators

    @property
    def is_linear(self) -> bool:
        """True if all are linear."""
        return all(operator.linear for operator in self.operators)

    def __call__(self, x: Tensor) -> Tensor:
        """Apply all in turn."""
        for operator in self.operators:
            x = operator(x)
        return x

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Apply all adjoints in reverse."""
        shapes = [shape]
        for operator in self.operators[:-1]:
            shapes.append(tuple(operator(y.new_zeros(1, *shapes[-1])).shape[1:]))
        for operator, before in zip(reversed(self.operators), reversed(shapes), strict=True):
            y = operator.adjoint(y, before)
        return y


@dataclass(frozen=True, eq=False)
class Observation:
    """What is seen of B items: operator(x) + sigma e.

    Attributes:
        seen: observations, (B, ...).
        operator: a deterministic operator.
        sigma: standard deviation of the noise, in units of tensors.
    """

    seen: Tensor
    operator: Operator
    sigma: Sigma = 0.0
