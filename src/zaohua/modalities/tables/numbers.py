"""Representations of a numeric column for networks: a discrete *state* and, in some states, a continuous value z.

    "quantile"   a state per range between wide gaps, most often one, with a standard normal z = Phi^-1(F(x)), where F
                 is the CDF of the range
    "modes"      a state per mode, z = (x - mean) / (4 deviations) (Xu et al. 2019, arXiv:1907.00503)

In both, frequent values (at least 5 % of all cells, such as the zeros of a column of fees) are states of their own
without z, and so are missing cells. Numbers that are multiples of a step are spread evenly over it (dequantised).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from zaohua.core.json import Json

KNOTS = 1000
"""Maximum number of segments of a distribution function, and of numbers that a mixture is fitted to."""
MODES = 10
"""Maximum number of modes, and of ranges."""
LOG_2_PI = float(np.log(2 * np.pi))


class Numbers(Protocol):
    """Interface of the representations of a column's numbers.

    Attributes:
        states: number of continuous states; states of frequent values and missing cells follow.
    """

    states: int

    def to_tensor(self, x: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Convert numbers x (n,) to states int (n,) and z float64 (n,), with uniform u (n,) for random states."""
        ...

    def from_tensor(self, state: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Invert `to_tensor`, without rounding to the column's step."""
        ...

    def log_slope(self, state: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Compute log dz/dx at z, plus the term of a random choice of the state in a likelihood bound, (n,)."""
        ...

    def to_json(self) -> Json:
        """Return the fitted values as JSON values."""
        ...
