"""Interface of scipy's distributions."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class ScipyDistribution(Protocol):
    """What is used of a distribution in `scipy.stats`; parameters are given by name."""

    def cdf(self, x: np.ndarray, /, **parameters: np.ndarray) -> np.ndarray:
        """Return the distribution function."""
        ...

    def ppf(self, q: np.ndarray, /, **parameters: np.ndarray) -> np.ndarray:
        """Return quantiles."""
        ...

    def rvs(
        self, /, *, size: tuple[int, int], random_state: np.random.Generator, **parameters: np.ndarray
    ) -> np.ndarray:
        """Draw numbers."""
        ...
