"""Operators: how a thing becomes what is seen of it, observation = operator(x) + noise.

An operator maps tensors (B, C, *axes) to tensors. It serves twice: to restore with a model that was never trained for
it, which needs `near`, and to train a model for it, which needs the operator alone.

`near` is the proximal point of an observation: of all x, the one that balances agreement with what was seen and
nearness to a guess. For a linear operator A, noise of standard deviation sigma and a guess with covariance K it is

    x + K A^T (A K A^T + sigma^2)^-1 (seen - A x)

the mean of x given what is seen, if x is normal around the guess. It has a closed form where K is a multiple of 1 and
A A^T is diagonal (`gram`), as it is or in an orthonormal basis (`turned`). Otherwise it takes conjugate gradients.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from zaohua.core.noise import Noise
from zaohua.operators.covariance import Covariance, Isotropic
from zaohua.operators.solving import conjugate_gradients
from zaohua.operators.step import Step

FLOOR = 1e-3
"""Least noise of a system that may be singular, as a multiple of the guess's standard deviation."""

Sigma = float | Tensor
"""Standard deviation of noise: one number, or a tensor that broadcasts to the observation."""


class Operator(Step):
    """Base of operators. A new one defines `__call__`, and if need be `adjoint`, `gram` or `near`."""

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Return what is seen of x (B, C, *axes)."""

    @property
    def linear(self) -> bool:
        """True if A(x + y) = A(x) + A(y), so that it has an adjoint."""
        return True

    def obstacle(self, shape: tuple[int, ...]) -> str:
        """Say in a clause why `near` can't be computed for items of a shape (C, *axes); empty if it can."""
        return ""

    def drawn(self, shape: tuple[int, ...], noise: Noise) -> Operator:
        """Return the operator with its choices made for `noise.n` items of a shape (C, *axes); by default the same."""
        return self

    def before(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of items of which a shape is seen; by default the same."""
        return shape

    def after(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of what is seen of items of a shape (C, *axes)."""
        return tuple(self(torch.zeros(1, *shape)).shape[1:])

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

    def gram(self, shape: tuple[int, ...]) -> Tensor | float | None:
        """Return the diagonal of A A^T where it is diagonal in the basis of `turned`; None where it isn't.

        Args:
            shape: shape of the items, (C, *axes).
        """
        return None

    @property
    def in_own_basis(self) -> bool:
        """True if `turned` changes nothing."""
        return True

    def turned(self, y: Tensor, shape: tuple[int, ...], back: bool = False) -> Tensor:
        """Express observations in the orthonormal basis in which A A^T is diagonal; by default it is their own.

        Args:
            y: observations (B, ...), or with `back` numbers of that basis.
            shape: shape of the items, (C, *axes).
            back: whether to go the other way.
        """
        return y

    def within(self, y: Tensor) -> Tensor:
        """Set values of an observation that the operator never makes to zero, such as those that a mask hides."""
        return y

    def noise_after(self, sigma: float, shape: tuple[int, ...]) -> Sigma | None:
        """Return the standard deviation that independent noise of the items has in the observation.

        Args:
            sigma: its standard deviation in the items.
            shape: shape of the items, (C, *axes).

        Returns:
            The standard deviation; None if the noise is no longer independent from value to value.
        """
        gram = self.gram(shape) if self.linear and self.in_own_basis else None
        return None if gram is None else sigma * gram**0.5

    def near(
        self, seen: Tensor, x: Tensor, sigma: Sigma, covariance: Covariance, error: Tensor | float = 0.0
    ) -> Tensor:
        """Return the proximal point of an observation, see the top of this file.

        Args:
            seen: the observation, of the shape of `self(x)`.
            x: the guess, (B, C, *axes).
            sigma: standard deviation of the observation's noise; 0 for none.
            covariance: covariance of the guess's error.
            error: a guess of the noise.
        """
        shape, rest = tuple(x.shape[1:]), self.within(seen - error - self(x))
        gram = self.gram(shape)
        noise = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).square()
        if gram is not None and isinstance(covariance, Isotropic) and (self.in_own_basis or _even(noise)):
            variance = covariance.variance.to(x.dtype)
            total = variance * torch.as_tensor(gram, dtype=x.dtype, device=x.device)
            least = float(total.max()) * FLOOR**2
            u = self.turned(rest, shape) / (total + noise).clamp(min=max(least, 1e-30))
            return x + variance * self.adjoint(self.turned(u, shape, back=True), shape)
        least = FLOOR**2 * float(covariance.root(torch.ones_like(x[:1])).square().mean())
        noise = noise.clamp(min=max(least, 1e-30))
        u = conjugate_gradients(lambda u: self(covariance.times(self.adjoint(u, shape))) + noise * u, rest)
        return x + covariance.times(self.adjoint(u, shape))


class SameShape(Operator):
    """Base of operators whose observations have the shape of the items."""

    def after(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the same shape."""
        return shape


class Identity(SameShape):
    """Operator that changes nothing: only noise is seen."""

    name = "identity"

    def __call__(self, x: Tensor) -> Tensor:
        """Return x."""
        return x

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return y."""
        return y

    def gram(self, shape: tuple[int, ...]) -> float:
        """Return 1."""
        return 1.0


def _even(noise: Tensor) -> bool:
    """Return True if noise has the same variance in all values of an item."""
    return noise.ndim == 0 or noise[0].numel() == 1


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
