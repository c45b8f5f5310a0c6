"""What is unknown of a guess: its covariance."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor


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
