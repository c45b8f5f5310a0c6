"""Several operators, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor

from zaohua.core.noise import Noise
from zaohua.operators.base import Identity, Operator, Sigma
from zaohua.operators.covariance import Covariance, Isotropic
from zaohua.operators.step import Units


class Chain(Operator):
    """Several operators, one after the other.

    Args:
        operators: the first is applied first.
    """

    name = "chain"

    def __init__(self, operators: tuple[Operator, ...]) -> None:
        self.operators = operators

    def __str__(self) -> str:
        """Write the operators as text."""
        return " | ".join(map(str, self.operators))

    @property
    def linear(self) -> bool:
        """True if all are linear."""
        return all(operator.linear for operator in self.operators)

    @property
    def in_own_basis(self) -> bool:
        """True if the last operator is: the others' A A^T is a multiple of 1 where `gram` is defined."""
        return self.operators[-1].in_own_basis

    def in_units(self, units: Units) -> Self:
        """Return the chain with all operators in units of tensors."""
        return self.replaced(operators=tuple(operator.in_units(units) for operator in self.operators))

    def drawn(self, shape: tuple[int, ...], noise: Noise) -> Operator:
        """Return the chain with all choices made."""
        drawn: list[Operator] = []
        for operator in self.operators:
            drawn.append(operator.drawn(shape, noise))
            shape = drawn[-1].after(shape)
        return Chain(tuple(drawn))

    def before(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of items of which a shape is seen."""
        for operator in reversed(self.operators):
            shape = operator.before(shape)
        return shape

    def __call__(self, x: Tensor) -> Tensor:
        """Apply all in turn."""
        for operator in self.operators:
            x = operator(x)
        return x

    def adjoint(self, y: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Apply all adjoints in reverse."""
        for operator, before in zip(reversed(self.operators), reversed(self.shapes(shape)), strict=True):
            y = operator.adjoint(y, before)
        return y

    def shapes(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Return the shape that each operator is given, for items of a shape."""
        shapes = [shape]
        for operator in self.operators[:-1]:
            shapes.append(operator.after(shapes[-1]))
        return shapes

    def gram(self, shape: tuple[int, ...]) -> Tensor | float | None:
        """Return the product of those of all, if all but the last are multiples of 1."""
        product = 1.0
        for operator, before in zip(self.operators, self.shapes(shape), strict=True):
            gram = operator.gram(before) if operator.linear else None
            if operator is self.operators[-1]:
                return gram if gram is None else product * gram
            if not isinstance(gram, float):
                return None
            product *= gram
        return product

    def turned(self, y: Tensor, shape: tuple[int, ...], back: bool = False) -> Tensor:
        """Turn to the basis of the last operator."""
        return self.operators[-1].turned(y, self.shapes(shape)[-1], back)

    def within(self, y: Tensor) -> Tensor:
        """Take away what the last operator can't have made."""
        return self.operators[-1].within(y)

    def noise_after(self, sigma: float, shape: tuple[int, ...]) -> Sigma | None:
        """Return the standard deviation of noise after all operators."""
        out: Sigma | None = sigma
        for operator, before in zip(self.operators, self.shapes(shape), strict=True):
            if not isinstance(out, float):
                return None
            out = operator.noise_after(out, before)
        return out

    def obstacle(self, shape: tuple[int, ...]) -> str:
        """Say why `near` can't be computed: what isn't linear must be last, after what it can be undone through."""
        *_, last = self.operators
        wrong = next((operator for operator in self.operators[:-1] if not operator.linear), None)
        if wrong is not None:
            return f"'{wrong}' comes before '{last}', and isn't linear"
        if not last.linear and not self._head_is_balanced(shape):
            return f"'{last}' isn't linear, and follows '{self._head()}'"
        shapes = zip(self.operators, self.shapes(shape), strict=True)
        return next(filter(None, (operator.obstacle(before) for operator, before in shapes)), "")

    def near(
        self, seen: Tensor, x: Tensor, sigma: Sigma, covariance: Covariance, error: Tensor | float = 0.0
    ) -> Tensor:
        """Return the proximal point, see `Operator.near`.

        If the last operator isn't linear, but A A^T of the others before it is diagonal, then the proximal point of
        what they make is sought, and spread by A^T.
        """
        if self.linear:
            return super().near(seen, x, sigma, covariance, error)
        shape, head, last = tuple(x.shape[1:]), self._head(), self.operators[-1]
        gram = head.gram(shape)
        assert gram is not None and isinstance(covariance, Isotropic), self.obstacle(shape) or "full covariance"
        scale = torch.as_tensor(gram, dtype=x.dtype, device=x.device)
        made = head(x)
        target = last.near(seen, made, sigma, Isotropic(covariance.variance.to(x.dtype) * scale), error)
        return x + head.adjoint((target - made) / scale.clamp(min=1e-12), shape)

    def _head(self) -> Operator:
        """Return all operators but the last."""
        return chained(self.operators[:-1])

    def _head_is_balanced(self, shape: tuple[int, ...]) -> bool:
        """Return True if A A^T of all operators but the last is diagonal."""
        head = self._head()
        return head.in_own_basis and head.gram(shape) is not None


def chained(operators: Sequence[Operator]) -> Operator:
    """Return several operators as one: itself if it is alone, and the identity for none."""
    if not operators:
        return Identity()
    return operators[0] if len(operators) == 1 else Chain(tuple(operators))
