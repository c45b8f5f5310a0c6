"""Quantile representation of a column's numbers: normal scores by a piecewise linear distribution function."""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy.special import ndtr, ndtri

from zaohua.core.json import Json
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.numbers import KNOTS, LOG_2_PI, MODES

MIN_SEGMENTS, PER_SEGMENT = 10, 20
"""Minimum number of segments, and of numbers per segment: with fewer, a density would memorise the numbers."""
GAP, LEAST_RANGE = 3.0, 5
"""Width of a gap between two ranges, in spreads of the numbers next to it, and the minimum number of numbers in one."""
BRIDGE = 1e-4
"""Probability of half a gap: a number that lies there isn't impossible."""
LEAST_DENSITY = 1e-307
"""Least density: its logarithm is finite."""


class Quantiles:
    """Quantile representation, with a piecewise linear distribution function.

    Wide gaps divide the numbers into ranges, which are states of their own: a normal distribution has no gaps, so the
    numbers next to a gap would be mistaken for one another (see `ranges`).

    Attributes:
        x, f: knots, increasing. The distribution function of range k is f - k, from 0 to 1.
    """

    def __init__(self, x: np.ndarray, f: np.ndarray) -> None:
        self.x, self.f, self.states = x, f, round(float(f[-1]))
        borders = np.arange(1, self.states)  # a range ends where f first is k, and the next begins where it last is
        ends, starts = (np.searchsorted(f, borders, side) for side in ("left", "right"))
        self._cuts = (x[ends] + x[starts - 1]) / 2

    @classmethod
    def fit(cls, values: np.ndarray, column: Column, spikes: np.ndarray) -> Self:
        """Fit the distribution of a column's numbers without the frequent ones (`spikes`), n >= 1."""
        parts = ranges(values, column.step)
        if len(parts) == 1:
            return cls(*_knots(values, column.step, spikes))
        x, f, middle = [], [], -np.inf
        for k, z in enumerate(parts):
            above = np.inf if k + 1 == len(parts) else _middle(z.max(), parts[k + 1].min(), column)
            own, heights = _knots(z, column.step, spikes[(spikes > z.min()) & (spikes < z.max())])
            own, heights = _bridged(*_widened(own, heights, len(z), column.step), middle, above)
            x.append(own)
            f.append(k + heights)
            middle = above
        return cls(np.concatenate(x), np.concatenate(f))

    def cdf(self, x: np.ndarray, state: np.ndarray) -> np.ndarray:
        """Compute the distribution function at x in the ranges of the states."""
        f: np.ndarray = np.interp(x, self.x, self.f)
        return f if self.states == 1 else np.clip(f - state, 0, 1)

    def to_tensor(self, x: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute z = Phi^-1(F(x)), with F(x) clipped to [1e-6, 1 - 1e-6]."""
        state = np.searchsorted(self._cuts, x)
        return state, ndtri(np.clip(self.cdf(x, state), 1e-6, 1 - 1e-6))

    def from_tensor(self, state: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Compute x = F^-1(Phi(z))."""
        x: np.ndarray = np.interp(self._place(state, z), self.f, self.x)
        return x

    def log_slope(self, state: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Compute log F'(x) - log phi(z)."""
        segment = np.clip(np.searchsorted(self.f, self._place(state, z), side="right") - 1, 0, len(self.x) - 2)
        density = (self.f[segment + 1] - self.f[segment]) / (self.x[segment + 1] - self.x[segment])
        slope: np.ndarray = np.log(np.maximum(density, LEAST_DENSITY)) + 0.5 * (z**2 + LOG_2_PI)
        return slope

    def _place(self, state: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return Phi(z) in the range of each state, on the scale of f."""
        u: np.ndarray = ndtr(z)
        return u if self.states == 1 else state + np.clip(u, 1e-12, 1 - 1e-12)

    def to_json(self) -> Json:
        """Return the knots as JSON values."""
        return {"x": self.x.tolist(), "f": self.f.tolist()}


def ranges(values: np.ndarray, step: float) -> list[np.ndarray]:
    """Divide numbers at gaps that are wider than three times the spread of the nearest 20 numbers on either side.

    Numbers from one density hardly ever have such a gap. If there are fewer than 20 numbers on a side, the spread is
    that of all of them, and at least five are needed. The nearest numbers include at least four different ones, if
    there are as many.

    Args:
        values: the numbers (n,).
        step: step that they are multiples of; 0 if there is none.

    Returns:
        The numbers of each range, from the lowest range to the highest.
    """
    x, counts = np.unique(values, return_counts=True)
    if len(x) < 2 or len(values) < 2 * LEAST_RANGE:
        return [values]
    gaps, below = np.diff(x), np.cumsum(counts)[:-1]
    near = np.lib.stride_tricks.sliding_window_view(np.concatenate([[0] * 3, gaps, [0] * 3]), 7).sum(1) - gaps
    wide = np.flatnonzero(
        (np.minimum(below, len(values) - below) >= LEAST_RANGE) & (gaps > GAP * np.maximum(step, near / 2))
    )
    ratios = np.array([gaps[i] / max(_spread(x, counts, i), step, 1e-300) for i in wide.tolist()])
    cuts: list[int] = []
    for i in wide[np.argsort(-ratios, kind="stable")][: int((ratios > GAP).sum())]:
        tried = np.sort([*cuts, i])
        sizes = np.diff(np.concatenate([[0], below[tried], [len(values)]]))
        if sizes.min() >= LEAST_RANGE and len(tried) < MODES:
            cuts.append(i)
    middles = np.array([x[i] / 2 + x[i + 1] / 2 for i in sorted(cuts)])
    place = np.searchsorted(middles, values)
    return [values[place == k] for k in range(len(cuts) + 1)]


def _spread(x: np.ndarray, counts: np.ndarray, i: int) -> float:
    """Return the larger of the spreads of the numbers nearest to the gap above x[i], on either side of it."""
    out = 0.0
    for values, times in ((x[i::-1], counts[i::-1]), (x[i + 1 :], counts[i + 1 :])):
        near = int(np.searchsorted(np.cumsum(times[:PER_SEGMENT]), PER_SEGMENT))
        out = max(out, abs(values[min(max(near, 3), len(values) - 1)] - values[0]))
    return out


def _middle(low: float, high: float, column: Column) -> float:
    """Return the middle of a gap, between two multiples of the column's step."""
    if not column.step:
        return low / 2 + high / 2
    return float(low + (np.floor((high - low) / column.step / 2) + 0.5) * column.step)


def _widened(x: np.ndarray, f: np.ndarray, n: int, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Extend a distribution function of n numbers by half a number on either side.

    Otherwise the least and the greatest of even ten numbers would lie at the ends of the normal distribution, where
    outliers lie. Multiples of a step need no extension, because they are spread over the step.
    """
    if step:
        return x, f
    inner = (0.5 + f * n) / (n + 1)
    low, high = (0.5 / (n + 1) * (x[i + 1] - x[i]) / max(inner[i + 1] - inner[i], 1e-9) for i in (0, -2))
    return np.concatenate([[x[0] - low], x, [x[-1] + high]]), np.concatenate([[0.0], inner, [1.0]])


def _bridged(x: np.ndarray, f: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Extend a distribution function into the gaps around it, up to their middles, with next to no mass."""
    below, above = BRIDGE * np.isfinite(low), BRIDGE * np.isfinite(high)
    x, f = np.clip(x, low, high), below + f * (1 - below - above)
    return (
        np.concatenate([[low][: int(below > 0)], x, [high][: int(above > 0)]]),
        np.concatenate([[0.0][: int(below > 0)], f, [1.0][: int(above > 0)]]),
    )


def _knots(values: np.ndarray, step: float, spikes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the knots of the distribution function of the numbers of one range."""
    x, counts = np.unique(values, return_counts=True)
    if step and len(x) <= KNOTS:
        return _grid(x, counts, step, spikes)
    if step:
        order = np.argsort(np.argsort(values, kind="stable"))
        values = values + step * ((order * 0.6180339887) % 1 - 0.5)
    segments = max(min(len(values), MIN_SEGMENTS), min(KNOTS, len(values) // PER_SEGMENT))
    knots = np.quantile(values, np.linspace(0, 1, segments + 1))
    x, last = np.unique(knots[::-1], return_index=True)
    f = (len(knots) - 1 - last) / (len(knots) - 1)
    if len(x) == 1:
        width = max(abs(x[0]) * 1e-6, 1e-9)
        return np.array([x[0] - width, x[0] + width]), np.array([0.0, 1.0])
    f[0] = 0.0
    return x, f


def _grid(x: np.ndarray, counts: np.ndarray, step: float, spikes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute knots around multiples of a step; unseen multiples share the total mass of those that occurred once."""
    taken = np.unique(np.concatenate([x, spikes]))
    mass = np.zeros(len(taken))
    mass[np.searchsorted(taken, x)] = counts / counts.sum()
    edges = np.unique(np.round(np.concatenate([taken, taken + step]) / step, 3)) * step - step / 2
    middle = (edges[:-1] + edges[1:]) / 2
    nearest = np.clip(np.searchsorted(taken, middle - step / 4), 0, len(taken) - 1)
    is_taken = np.abs(taken[nearest] - middle) < step / 4
    gaps = np.where(is_taken, 0.0, np.diff(edges))
    unseen = min(0.05, max(1, int((counts == 1).sum())) / counts.sum()) if gaps.sum() else 0.0
    masses = np.where(is_taken, mass[nearest] * (1 - unseen), unseen * gaps / max(gaps.sum(), 1e-300))
    total = np.cumsum(masses)
    return edges, np.concatenate([[0.0], total / total[-1]])
