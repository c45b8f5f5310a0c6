"""Noise of a loss that is drawn once for many items and replayed to each of them by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from torch import Tensor

from zaohua.core.noise import Noise

Request: TypeAlias = tuple[str, tuple[int, ...]]
"""What was drawn: the kind of numbers, and the shape of one item's."""
PREDICTABLE = ("normal", "uniform")
"""Kinds of numbers that need nothing that a loss has computed."""


class UnexpectedDraw(Exception):
    """A loss drew something else than the last time."""


class RecordedNoise:
    """Noise that keeps what a loss draws.

    Args:
        noise: where the numbers come from.

    Attributes:
        requests: what was drawn, in order.
        draws: the numbers, (n, ...) each.
    """

    def __init__(self, noise: Noise):
        self.noise, self.n = noise, noise.n
        self.requests: list[Request] = []
        self.draws: list[Tensor] = []

    def normal(self, *shape: int) -> Tensor:
        """Draw standard normal numbers, float32 (n, *shape)."""
        return self._keep("normal", shape, self.noise.normal(*shape))

    def uniform(self, *shape: int) -> Tensor:
        """Draw uniform numbers in [0, 1), float32 (n, *shape)."""
        return self._keep("uniform", shape, self.noise.uniform(*shape))

    def bernoulli(self, p: Tensor) -> Tensor:
        """Draw booleans that are True with probability p (n, *shape)."""
        return self._keep("bernoulli", tuple(p.shape[1:]), self.noise.bernoulli(p))

    def foresee(self, requests: Sequence[Request]) -> bool:
        """Draw what a loss is expected to draw, without it; return False if that can't be foreseen."""
        if not all(kind in PREDICTABLE for kind, _ in requests):
            return False
        for kind, shape in requests:
            (self.normal if kind == "normal" else self.uniform)(*shape)
        return True

    def _keep(self, kind: str, shape: tuple[int, ...], numbers: Tensor) -> Tensor:
        self.requests.append((kind, shape))
        self.draws.append(numbers)
        return numbers


class ReplayedNoise:
    """What was recorded, once more.

    Args:
        requests: what was drawn.
        draws: the numbers.
        n: number of items that they are for.
    """

    def __init__(self, requests: Sequence[Request], draws: Sequence[Tensor], n: int):
        self.requests, self.draws, self.n, self.turn = requests, draws, n, 0

    def normal(self, *shape: int) -> Tensor:
        """Return the next numbers, which must have been drawn so."""
        return self._next("normal", shape)

    def uniform(self, *shape: int) -> Tensor:
        """Return the next numbers, which must have been drawn so."""
        return self._next("uniform", shape)

    def bernoulli(self, p: Tensor) -> Tensor:
        """Return the next booleans, which must have been drawn so."""
        return self._next("bernoulli", tuple(p.shape[1:]))

    def _next(self, kind: str, shape: tuple[int, ...]) -> Tensor:
        if self.turn == len(self.requests) or self.requests[self.turn] != (kind, shape):
            raise UnexpectedDraw(f"{kind} {shape}")
        self.turn += 1
        return self.draws[self.turn - 1]
