"""Numbers of a table's column as networks see them: a *state*, and where the state is a range of numbers a place in it.

    "quantile"   one range, in which the place z is normally distributed: z = Phi^-1(F(x)), F the column's own CDF
    "modes"      a range around each of a few modes, z = (x - mean) / (4 deviations) (Xu et al. 2019, arXiv:1907.00503)

In both, values that stand in many cells (a twentieth of all, such as the zeros of what most people don't have) are
states of their own, and so are missing cells. Numbers that are multiples of a step are spread evenly over it.
"""

from __future__ import annotations

from typing import Any, Protocol, Self

import numpy as np
import torch
from scipy.special import ndtr, ndtri

from zaohua.core.noise import categorical
from zaohua.modalities.tables.columns import Column

SPIKE = 0.05
"""Share of the cells from which a value is a state of its own."""
KNOTS = 1000
"""Pieces of a distribution function at most."""
FEWEST, IN_A_PIECE = 10, 20
"""Pieces at least, of which each has so many numbers: with few, a density would learn the numbers by heart."""
MODES = 10
"""Modes at most."""
ROUNDS = 100
"""Of expectation maximisation."""
THRIFT = 1.0
"""Numbers that a mode has to be worth: half of its parameters."""
LOG_2_PI = float(np.log(2 * np.pi))


class Numbers(Protocol):
    """How the numbers of a column are seen.

    Attributes:
        states: number of states that are ranges; those behind them are spikes and missing cells.
    """

    states: int

    def to_tensor(self, x: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers (n,) and uniform ones (n,), by which a state is chosen -> states int (n,), places float64 (n,)."""
        ...

    def from_tensor(self, state: np.ndarray, z: np.ndarray) -> np.ndarray:
        """The inverse, but for the column's step."""
        ...

    def log_slope(self, state: np.ndarray, z: np.ndarray) -> np.ndarray:
        """log dz/dx at z, and what the choice of a state adds to a bound (n,)."""
        ...

    def to_json(self) -> dict[str, Any]:
        """What was learnt, as JSON values."""
        ...


class Quantiles:
    """A distribution function in straight pieces.

    Attributes:
        x, f: its knots, rising.
    """

    states = 1

    def __init__(self, x: np.ndarray, f: np.ndarray) -> None:
        self.x, self.f = x, f

    @classmethod
    def of(cls, values: np.ndarray, column: Column, spikes: np.ndarray) -> Self:
        """The distribution of a column's numbers that are no spikes, n >= 1."""
        x, counts = np.unique(values, return_counts=True)
        if column.step and len(x) <= KNOTS:
            return cls(*_grid(x, counts, column.step, spikes))
        if column.step:
            order = np.argsort(np.argsort(values, kind="stable"))
            values = values + column.step * ((order * 0.6180339887) % 1 - 0.5)
        pieces = max(min(len(values), FEWEST), min(KNOTS, len(values) // IN_A_PIECE))
        knots = np.quantile(values, np.linspace(0, 1, pieces + 1))
        x, last = np.unique(knots[::-1], return_index=True)
        f = (len(knots) - 1 - last) / (len(knots) - 1)
        if len(x) == 1:
            width = max(abs(x[0]) * 1e-6, 1e-9)
            return cls(np.array([x[0] - width, x[0] + width]), np.array([0.0, 1.0]))
        f[0] = 0.0
        return cls(x, f)

    def to_tensor(self, x: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """z = Phi^-1(F(x)), held within what n numbers can tell."""
        return np.zeros(len(x), np.int64), ndtri(np.clip(np.interp(x, self.x, self.f), 1e-6, 1 - 1e-6))

    def from_tensor(self, state: np.ndarray, z: np.ndarray) -> np.ndarray:
        """x = F^-1(Phi(z))."""
        return np.interp(ndtr(z), self.f, self.x)

    def log_slope(self, state: np.ndarray, z: np.ndarray) -> np.ndarray:
        """log F'(x) - log phi(z)."""
        piece = np.clip(np.searchsorted(self.f, ndtr(z), side="right") - 1, 0, len(self.x) - 2)
        density = (self.f[piece + 1] - self.f[piece]) / (self.x[piece + 1] - self.x[piece])
        return np.log(np.maximum(density, 1e-300)) + 0.5 * (z**2 + LOG_2_PI)

    def to_json(self) -> dict[str, Any]:
        """The knots."""
        return {"x": self.x.tolist(), "f": self.f.tolist()}


def _grid(x: np.ndarray, counts: np.ndarray, step: float, spikes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Knots around multiples of a step. Multiples that didn't occur share as much as those that occurred once."""
    taken = np.unique(np.concatenate([x, spikes]))
    mass = np.zeros(len(taken))
    mass[np.searchsorted(taken, x)] = counts / counts.sum()
    edges = np.unique(np.round(np.concatenate([taken, taken + step]) / step, 3)) * step - step / 2
    middle = (edges[:-1] + edges[1:]) / 2
    nearest = np.clip(np.searchsorted(taken, middle - step / 4), 0, len(taken) - 1)
    is_taken = np.abs(taken[nearest] - middle) < step / 4
    gaps = np.where(is_taken, 0.0, np.diff(edges))
    share = min(0.05, max(1, int((counts == 1).sum())) / counts.sum()) if gaps.sum() else 0.0
    pieces = np.where(is_taken, mass[nearest] * (1 - share), share * gaps / max(gaps.sum(), 1e-300))
    total = np.cumsum(pieces)
    return edges, np.concatenate([[0.0], total / total[-1]])


class Modes:
    """Normal distributions around the modes of a column.

    Attributes:
        mean, deviation, weight: of each, (states,).
    """

    def __init__(self, mean: np.ndarray, deviation: np.ndarray, weight: np.ndarray) -> None:
        self.mean, self.deviation, self.weight = mean, deviation, weight
        self.states = len(mean)

    @classmethod
    def of(cls, values: np.ndarray, column: Column, spikes: np.ndarray) -> Self:
        """Expectation maximisation, thrifty with modes (Figueiredo and Jain 2002): each pays for its two parameters."""
        x, counts = np.unique(values, return_counts=True)
        if len(x) > KNOTS:  # weighted middles of ranges: a hundred rounds over them take no time
            middles = np.quantile(values, (np.arange(KNOTS) + 0.5) / KNOTS)
            x, counts = np.unique(middles, return_counts=True)
        share, count = counts / counts.sum(), min(MODES, len(x))
        floor = max(column.step / 4, 1e-3 * float(np.std(values)), 1e-9)
        mean = np.quantile(values, (np.arange(count) + 0.5) / count)
        modes = cls(
            np.unique(mean),
            np.full(len(np.unique(mean)), max(floor, float(np.std(values)) / count)),
            np.full(len(np.unique(mean)), 1 / len(np.unique(mean))),
        )
        for _ in range(ROUNDS):
            chances = np.exp(modes._log_chances(x)) * share[:, None]
            weight = np.maximum(chances.sum(0) - THRIFT / len(values), 0)
            kept = weight > 0.005
            if not kept.any():  # too few numbers to pay for one
                weight = chances.sum(0)
                kept = weight == weight.max()
            chances, weight = chances[:, kept], weight[kept] / weight[kept].sum()
            total = chances.sum(0)
            mean = (chances * x[:, None]).sum(0) / total
            spread = np.sqrt((chances * (x[:, None] - mean) ** 2).sum(0) / total)
            modes = cls(mean, np.maximum(spread, floor), weight)
        return modes

    def _log_chances(self, x: np.ndarray) -> np.ndarray:
        """Log of how likely a number is of each mode, (n, states)."""
        log_p = self._log_p(x)
        return log_p - np.logaddexp.reduce(log_p, axis=1, keepdims=True)

    def _log_p(self, x: np.ndarray) -> np.ndarray:
        """The same, up to a constant of each number."""
        return np.log(self.weight / self.deviation) - 0.5 * ((x[:, None] - self.mean) / self.deviation) ** 2

    def to_tensor(self, x: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A mode by its chance, and the place around it, mostly within +-1."""
        log_p = self._log_p(x)
        weights = torch.from_numpy(np.exp(log_p - log_p.max(1, keepdims=True)))
        state = categorical(weights, torch.from_numpy(u)).numpy()
        return state, (x - self.mean[state]) / (4 * self.deviation[state])

    def from_tensor(self, state: np.ndarray, z: np.ndarray) -> np.ndarray:
        """mean + 4 z deviation."""
        return self.mean[state] + 4 * z * self.deviation[state]

    def log_slope(self, state: np.ndarray, z: np.ndarray) -> np.ndarray:
        """-log 4 deviation, and -log of the chance with which the mode was chosen."""
        chances = self._log_chances(self.from_tensor(state, z))
        return -np.log(4 * self.deviation[state]) - chances[np.arange(len(state)), state]

    def to_json(self) -> dict[str, Any]:
        """The normal distributions."""
        return {"mean": self.mean.tolist(), "deviation": self.deviation.tolist(), "weight": self.weight.tolist()}


KINDS: dict[str, type[Quantiles] | type[Modes]] = {"quantile": Quantiles, "modes": Modes}
"""The ways to see numbers."""


class View:
    """A column of numbers as networks see it: its ranges, its spikes, and its missing cells.

    Attributes:
        numbers: the ranges; None where all cells are spikes or missing.
        spikes: values that are states of their own, rising.
        missing: whether the last state is a cell without a value.
    """

    def __init__(self, column: Column, numbers: Any, spikes: np.ndarray, missing: bool) -> None:
        self.column, self.numbers, self.spikes, self.missing = column, numbers, spikes, missing

    @classmethod
    def of(cls, column: Column, codes: np.ndarray, kind: str) -> Self:
        """How a column's codes (n,) are seen."""
        values = codes[~np.isnan(codes)]
        x, counts = np.unique(values, return_counts=True)
        spikes = x[(counts >= SPIKE * len(codes)) & (counts > 1)] if len(x) > 1 else x[:0]
        rest = values[~np.isin(values, spikes)]
        numbers = KINDS[kind].of(rest, column, spikes) if len(rest) else None
        return cls(column, numbers, spikes, len(values) < len(codes))

    @property
    def ranges(self) -> int:
        """States that are ranges."""
        return 0 if self.numbers is None else self.numbers.states

    @property
    def states(self) -> int:
        """All states."""
        return self.ranges + len(self.spikes) + self.missing

    def to_tensor(self, codes: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes (n,) -> states, and places, NaN where the state is none of the ranges.

        Args:
            codes: what stands in the column's cells.
            u: uniform numbers (n, 2): where in its step a number is put, and which of the states it could be in.
        """
        state, z = np.full(len(codes), self.states - 1), np.full(len(codes), np.nan)
        at = np.clip(np.searchsorted(self.spikes, codes), 0, max(0, len(self.spikes) - 1))
        is_spike = (self.spikes[at] == codes) if len(self.spikes) else np.zeros(len(codes), bool)
        state[is_spike] = self.ranges + at[is_spike]
        rest = ~is_spike & ~np.isnan(codes)
        if self.numbers is not None and rest.any():
            spread = codes[rest] + self.column.step * (u[rest, 0] - 0.5)
            state[rest], z[rest] = self.numbers.to_tensor(spread, u[rest, 1])
        return state, z

    def from_tensor(self, state: np.ndarray, z: np.ndarray) -> np.ndarray:
        """States and places -> codes."""
        out = np.full(len(state), np.nan)
        ranged = state < self.ranges
        if ranged.any():
            out[ranged] = self.column.snap(self.numbers.from_tensor(state[ranged], z[ranged]))
        is_spike = ~ranged & (state < self.ranges + len(self.spikes))
        out[is_spike] = self.spikes[state[is_spike] - self.ranges]
        return out

    def edges(self) -> tuple[float, ...] | None:
        """Chances Phi(z) at which numbers that are multiples of a step border on each other; see `spec.Feature`."""
        if not (self.column.step and isinstance(self.numbers, Quantiles)):
            return None
        step, low = self.column.step, self.column.low - self.column.step / 2
        below = low + np.floor((self.numbers.x - low) / step + 1e-6) * step
        return tuple(np.unique([0.0, *np.interp(below, self.numbers.x, self.numbers.f), 1.0]).tolist())

    def cells(self, state: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What a density of z says of the column's own numbers.

        Returns:
            low, high: of numbers with a probability, the z between which they lie; NaN of others.
            log_slope: log dz/dx, and what the choice of a state adds, of whole numbers times their step; 0 where there
                is no place.
        """
        low, high, slope = np.full(len(z), np.nan), np.full(len(z), np.nan), np.zeros(len(z))
        ranged = state < self.ranges
        if not ranged.any():
            return low, high, slope
        if self.column.is_discrete and isinstance(self.numbers, Quantiles):
            x, half = self.from_tensor(state, z)[ranged], self.column.step / 2
            edges = [np.interp(x + side, self.numbers.x, self.numbers.f) for side in (-half, half)]
            low[ranged], high[ranged] = ndtri(edges[0]), ndtri(edges[1])
        slope[ranged] = self.numbers.log_slope(state[ranged], z[ranged])
        slope[ranged] += np.log(self.column.step) if self.column.is_discrete else 0.0
        return low, high, slope

    def to_json(self) -> dict[str, Any]:
        """What was learnt, as JSON values."""
        return {
            "numbers": None if self.numbers is None else self.numbers.to_json(),
            "spikes": self.spikes.tolist(),
            "missing": self.missing,
        }

    @classmethod
    def from_json(cls, column: Column, data: dict[str, Any], kind: str) -> Self:
        """The inverse of `to_json`."""
        kept = data["numbers"]
        numbers = None if kept is None else KINDS[kind](**{name: np.array(value) for name, value in kept.items()})
        return cls(column, numbers, np.array(data["spikes"], dtype=np.float64), data["missing"])
