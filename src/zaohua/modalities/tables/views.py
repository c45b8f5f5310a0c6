"""Complete representation of a numeric column for networks, and the features of all columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from scipy.special import ndtri

from zaohua.core.json import Json
from zaohua.core.spec import Feature
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.modes import Modes
from zaohua.modalities.tables.numbers import Numbers
from zaohua.modalities.tables.quantiles import Quantiles

SPIKE = 0.05
"""Minimum fraction of the cells for a value to become a state of its own."""
KINDS: dict[str, type[Quantiles] | type[Modes]] = {"quantile": Quantiles, "modes": Modes}
"""Representations by name."""


class View:
    """Complete representation of a numeric column: continuous states, frequent values and missing cells.

    Attributes:
        numbers: representation of the continuous states; None if all cells are frequent values or missing.
        spikes: frequent values, which are states of their own, increasing.
        missing: True if the last state is a missing cell.
    """

    def __init__(self, column: Column, numbers: Numbers | None, spikes: np.ndarray, missing: bool) -> None:
        self.column, self.numbers, self.spikes, self.missing = column, numbers, spikes, missing

    @classmethod
    def fit(cls, column: Column, codes: np.ndarray, kind: str) -> Self:
        """Fit the representation to a column's encoded cells (n,)."""
        values = codes[~np.isnan(codes)]
        x, counts = np.unique(values, return_counts=True)
        spikes = x[(counts >= SPIKE * len(codes)) & (counts > 1)] if len(x) > 1 else x[:0]
        rest = values[~np.isin(values, spikes)]
        numbers = KINDS[kind].fit(rest, column, spikes) if len(rest) else None
        return cls(column, numbers, spikes, len(values) < len(codes))

    @property
    def ranges(self) -> int:
        """Number of continuous states."""
        return 0 if self.numbers is None else self.numbers.states

    @property
    def states(self) -> int:
        """Number of all states."""
        return self.ranges + len(self.spikes) + self.missing

    def to_tensor(self, codes: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Convert encoded cells (n,) to states and z, which is NaN in states without a continuous value.

        Args:
            codes: the encoded cells of the column; an infinite one is unknown, and becomes state -1.
            u: uniform numbers (n, 2), for the position of a number within its step, and for a random state.
        """
        state, z = np.full(len(codes), self.states - 1), np.full(len(codes), np.nan)
        at = np.clip(np.searchsorted(self.spikes, codes), 0, max(0, len(self.spikes) - 1))
        is_spike = (self.spikes[at] == codes) if len(self.spikes) else np.zeros(len(codes), bool)
        state[is_spike] = self.ranges + at[is_spike]
        state[np.isinf(codes)] = -1
        rest = ~is_spike & np.isfinite(codes)
        if self.numbers is not None and rest.any():
            spread = codes[rest] + self.column.step * (u[rest, 0] - 0.5)
            state[rest], z[rest] = self.numbers.to_tensor(spread, u[rest, 1])
        return state, z

    def from_tensor(self, state: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Convert states and z to encoded cells, infinite where unknown: a state of -1, or a range without z."""
        out = np.full(len(state), np.nan)
        ranged = (state >= 0) & (state < self.ranges)
        out[(state < 0) | (ranged & np.isnan(z))] = np.inf
        ranged &= ~np.isnan(z)
        if self.numbers is not None and ranged.any():
            out[ranged] = self.column.snap(self.numbers.from_tensor(state[ranged], z[ranged]))
        is_spike = (state >= self.ranges) & (state < self.ranges + len(self.spikes))
        out[is_spike] = self.spikes[state[is_spike] - self.ranges]
        return out

    def edges(self) -> tuple[float, ...] | None:
        """Return the values of Phi(z) at the borders between multiples of the step; see `spec.Feature`."""
        if not (self.column.step and isinstance(self.numbers, Quantiles) and self.ranges == 1):
            return None
        step, low = self.column.step, self.column.low - self.column.step / 2
        below = low + np.floor((self.numbers.x - low) / step + 1e-6) * step
        return tuple(np.unique([0.0, *np.interp(below, self.numbers.x, self.numbers.f), 1.0]).tolist())

    def cells(self, state: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what converts densities of z to densities or masses of the column's own numbers.

        Returns:
            low, high: interval of z that corresponds to an integer; NaN for other numbers.
            log_slope: log dz/dx, plus the term of a random choice of the state, per step for integers; 0 in states
                without z.
        """
        low, high, slope = np.full(len(z), np.nan), np.full(len(z), np.nan), np.zeros(len(z))
        ranged = (state >= 0) & (state < self.ranges) & ~np.isnan(z)
        if self.numbers is None or not ranged.any():
            return low, high, slope
        if self.column.is_discrete and isinstance(self.numbers, Quantiles):
            x, half = self.from_tensor(state, z)[ranged], self.column.step / 2
            edges = [self.numbers.cdf(x + side, state[ranged]) for side in (-half, half)]
            low[ranged], high[ranged] = ndtri(edges[0]), ndtri(edges[1])
        slope[ranged] = self.numbers.log_slope(state[ranged], z[ranged])
        slope[ranged] += np.log(self.column.step) if self.column.is_discrete else 0.0
        return low, high, slope

    def to_json(self) -> Json:
        """Return the fitted values as JSON values."""
        return {
            "numbers": None if self.numbers is None else self.numbers.to_json(),
            "spikes": self.spikes.tolist(),
            "missing": self.missing,
        }

    @classmethod
    def from_json(cls, column: Column, data: Json, kind: str) -> Self:
        """Create a representation from the result of `to_json`."""
        values = data["numbers"]
        numbers = None if values is None else KINDS[kind](**{name: np.array(value) for name, value in values.items()})
        return cls(column, numbers, np.array(data["spikes"], dtype=np.float64), data["missing"])


def features_of(columns: Sequence[Column], views: Sequence[View | None]) -> tuple[list[Feature], list[list[int]]]:
    """Return the features of columns in turn, and the indices of the features of each column.

    Args:
        columns: the columns.
        views: representation of each; None for categorical columns.
    """
    features: list[Feature] = []
    indices: list[list[int]] = []
    for column, view in zip(columns, views, strict=True):
        name, first = str(column.name), len(features)
        if column.is_category:
            features.append(Feature(name, "category", column.size, missing=column.missing_code))
        elif view is not None:
            if view.states > 1 or not view.ranges:
                missing = view.states - 1 if view.missing else None
                features.append(Feature(f"{name}?", "category", view.states, missing=missing))
            if view.ranges:
                given = (first, view.ranges) if len(features) > first else None
                features.append(Feature(name, "real", 1, given=given, edges=view.edges()))
        indices.append(list(range(first, len(features))))
    return features, indices
