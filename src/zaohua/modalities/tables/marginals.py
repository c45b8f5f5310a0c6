"""Distribution functions of whole numeric columns: frequent values are steps, and gaps have no width."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.quantiles import LEAST_DENSITY, Quantiles
from zaohua.modalities.tables.views import View


class Marginal(NamedTuple):
    """Distribution function of a column's numbers, piecewise linear.

    Attributes:
        x, u: knots, in order. A frequent value is two knots of equal x, a gap without numbers two of equal u.
    """

    x: np.ndarray
    u: np.ndarray

    @classmethod
    def fit(cls, column: Column, values: np.ndarray) -> Marginal:
        """Fit the distribution of a column's encoded numbers (n,); without any they are the column's lowest."""
        if not len(values):
            return cls(np.full(2, column.low), np.array([0.0, 1.0]))
        view = View.fit(column, values, "quantile")
        states, _ = view.to_tensor(values, np.full((len(values), 2), 0.5))
        mass = np.bincount(states, minlength=view.states) / len(values)
        spikes, weights = view.spikes, mass[view.ranges :][: len(view.spikes)]
        if not isinstance(view.numbers, Quantiles):
            x, u = spikes[:0], np.zeros(0)
            inside = np.zeros(len(spikes))
        else:
            x, f = view.numbers.x, view.numbers.f
            u = np.interp(f, np.arange(view.ranges + 1), np.concatenate([[0.0], mass[: view.ranges].cumsum()]))
            inside = np.interp(spikes, x, u)
        below = np.concatenate([[0.0], weights.cumsum()])
        every = np.concatenate([x, spikes, spikes])
        heights = np.concatenate([u + below[np.searchsorted(spikes, x)], inside + below[:-1], inside + below[1:]])
        order = np.lexsort((heights, every))
        return cls(every[order], np.maximum.accumulate(heights[order]))

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Return the numbers at probabilities u (n,)."""
        out: np.ndarray = np.interp(u, self.u, self.x)
        return out

    def cdf(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the distribution function and the log density at numbers x (n,)."""
        piece = np.clip(np.searchsorted(self.x, x, side="right") - 1, 0, len(self.x) - 2)
        width = np.maximum(np.diff(self.x)[piece], 1e-300)
        return np.interp(x, self.x, self.u), np.log(np.maximum(np.diff(self.u)[piece] / width, LEAST_DENSITY))
