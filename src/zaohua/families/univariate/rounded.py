"""Maximum likelihood for numbers that were rounded: each stands for the interval of numbers that round to it.

The log-likelihood of n rounded numbers is the sum of log(F(x + step/2) - F(x - step/2)), where intervals are cut at the
ends of the support. It is maximised by Newton's method with finite differences, for many data sets at once.

Source: D. F. Heitjan, "Inference from Grouped Continuous Data: A Review", Statistical Science 4, 1989.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zaohua.families.density import Parameters

if TYPE_CHECKING:
    from zaohua.families.univariate import Univariate

COARSE = 0.1
"""Step, in standard deviations, above which rounding changes estimates noticeably: by step^2 / 24 of the deviation."""
EDGE = 0.01
"""Fraction of numbers whose intervals are cut by an end of the support, above which estimates change noticeably."""
EXACT = 1e-10
"""Relative precision of numbers that count as multiples of a step."""
SURE = 1e-9
"""Minimum probability of an interval that is computed as a difference of distribution functions."""
STEPS, SPACING = 12, 1e-3
"""Maximum number of Newton steps, and spacing of the finite differences."""


@dataclass(frozen=True)
class Rounding:
    """Grid of rounded numbers: start + k step for all integers k.

    Attributes:
        step: distance of neighbouring numbers.
        start: one of the numbers.
    """

    step: float
    start: float = 0.0

    def round(self, x: np.ndarray) -> np.ndarray:
        """Return the nearest numbers of the grid."""
        return self.start + self.step * np.round((x - self.start) / self.step)

    def intervals(self, model: Univariate, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the intervals of numbers that round to x, cut at the ends of a distribution's support.

        Intervals that don't meet the support stay whole.
        """
        support = model.support
        low, high = x - self.step / 2, x + self.step / 2
        meets = (low < support.high) & (high > support.low)
        return np.where(meets, np.maximum(low, support.low), low), np.where(meets, np.minimum(high, support.high), high)

    def centres(self, model: Univariate, x: np.ndarray) -> np.ndarray:
        """Return the numbers themselves, or the centres of intervals that are cut at the ends of the support."""
        low, high = self.intervals(model, x)
        cut = high - low < self.step * (1 - 1e-9)
        out: np.ndarray = np.where(cut, (low + high) / 2, x)
        return out

    def log_probabilities(self, model: Univariate, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """Return the log-probability of the interval of each number of x (n, p)."""
        low, high = self.intervals(model, x)
        probabilities = model.distribution(parameters, high) - model.distribution(parameters, low)
        with np.errstate(divide="ignore", invalid="ignore"):
            small = model.log_densities(parameters, self.centres(model, x)) + np.log(high - low)
        out: np.ndarray = np.where(probabilities > SURE, np.log(np.maximum(probabilities, SURE)), small)
        return out


def rounding_of(x: np.ndarray) -> Rounding | None:
    """Return the grid that numbers (n,) were rounded to; None if they are exact.

    Integers count as rounded, and so do other numbers that are multiples of a step and repeat themselves.
    """
    distinct = np.unique(x)
    if len(distinct) == len(x):  # nothing repeats: only integers are surely rounded
        return Rounding(1.0, float(distinct[0])) if (x == np.floor(x)).all() else None
    if len(distinct) == 1:
        return None
    step = _common_step(np.diff(distinct), EXACT * float(np.abs(x).max()))
    return None if step is None else Rounding(step, float(distinct[0]))


def _common_step(gaps: np.ndarray, tolerance: float) -> float | None:
    """Return the largest number of which all gaps are multiples, by Euclid's algorithm; None if there is none."""
    step = float(gaps.min())
    while step > 1e3 * tolerance:
        rest = np.abs(gaps - step * np.round(gaps / step))
        if rest.max() <= tolerance:
            return float(f"{step:.9g}")
        step = float(rest[rest > tolerance].min())
    return None


def estimate(model: Univariate, x: np.ndarray, rounding: Rounding) -> Parameters:
    """Return the parameters that maximise the probability of the intervals of x (n, p), one set for each column."""
    centres = rounding.centres(model, x)
    cut = (centres != x).mean(0)
    if not model.fitted or not ((rounding.step > COARSE * x.std(0)) | (cut > EDGE)).any():
        return model.estimate(centres)
    return _maximise(model, model.estimate(_spread(model, x, rounding)), _Counts.of(x), rounding)


def _spread(model: Univariate, x: np.ndarray, rounding: Rounding) -> np.ndarray:
    """Return x (n, p) with equal numbers spread evenly over their interval; each column is sorted."""
    x = np.sort(x, 0)
    row = np.broadcast_to(np.arange(len(x))[:, None], x.shape)
    first, last = np.ones(x.shape, bool), np.ones(x.shape, bool)
    first[1:] = last[:-1] = np.diff(x, axis=0) > 0
    begin = np.maximum.accumulate(np.where(first, row, 0), 0)
    end = np.minimum.accumulate(np.where(last, row, len(x))[::-1], 0)[::-1]
    low, high = rounding.intervals(model, x)
    out: np.ndarray = low + (high - low) * (row - begin + 0.5) / (end - begin + 1)
    return out


@dataclass(frozen=True)
class _Counts:
    """Distinct numbers (g, 1) or (g, p), and how often each occurs in each data set (g, p)."""

    values: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray) -> _Counts:
        values, index = np.unique(x, return_inverse=True)
        if len(values) >= len(x):  # of many data sets with few numbers each
            return cls(x, np.ones(x.shape))
        index = index.reshape(x.shape)
        counts = np.stack([np.bincount(column, minlength=len(values)) for column in index.T], 1)
        return cls(values[:, None], counts.astype(np.float64))


def _maximise(model: Univariate, start: Parameters, data: _Counts, rounding: Rounding) -> Parameters:
    """Improve parameters by damped Newton steps; sets of numbers that can't be improved keep theirs."""
    fitted, p = model.fitted, data.counts.shape[1]
    unit = np.maximum(start["scale"], 1e-300) if "scale" in start else np.ones(p)
    x = np.broadcast_to(data.values, data.counts.shape)

    def parameters(theta: np.ndarray) -> Parameters:
        moved = {
            name: start[name] + unit * theta[i] if name == "loc" else start[name] * np.exp(theta[i])
            for i, name in enumerate(fitted)
        }
        return {**start, **moved}

    def likelihood(theta: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            terms = rounding.log_probabilities(model, parameters(theta), x)
        total: np.ndarray = np.where(data.counts > 0, data.counts * terms, 0.0).sum(0)
        return np.where(np.isfinite(total), total, -np.inf)

    theta, damping = np.zeros((len(fitted), p)), np.full(p, 1e-6)
    best = likelihood(theta)
    for _ in range(STEPS):
        with np.errstate(invalid="ignore"):  # where a likelihood is 0
            gradient, curvature = _derivatives(likelihood, theta, best)
        scale = np.abs(np.einsum("pii->pi", curvature)) + 1e-8
        damped = curvature - damping[:, None, None] * np.einsum("pi,ij->pij", scale, np.eye(len(fitted)))
        usable = np.isfinite(damped).all((1, 2)) & np.isfinite(gradient).all(1)
        damped[~usable] = -np.eye(len(fitted))
        move = -np.linalg.solve(damped, np.where(usable[:, None], gradient, 0.0)[..., None])[..., 0].T
        move = np.clip(move, -1, 1)
        tried = likelihood(theta + move)
        better = tried > best
        theta, best = np.where(better, theta + move, theta), np.where(better, tried, best)
        damping = np.where(better, damping / 10, np.maximum(damping, 1e-3) * 10)
        if not better.any() or np.abs(move[:, better]).max() < 1e-6:
            break
    return parameters(theta)


def _derivatives(function: object, theta: np.ndarray, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient (p, k) and matrix of second derivatives (p, k, k) by central differences."""
    assert callable(function)
    k, p = theta.shape
    h = SPACING * np.eye(k)[:, :, None]
    ahead, behind = [function(theta + h[i]) for i in range(k)], [function(theta - h[i]) for i in range(k)]
    gradient = np.stack([(a - b) / (2 * SPACING) for a, b in zip(ahead, behind, strict=True)], 1)
    curvature = np.empty((p, k, k))
    for i in range(k):
        curvature[:, i, i] = (ahead[i] - 2 * centre + behind[i]) / SPACING**2
        for j in range(i):
            cross = function(theta + h[i] + h[j]) - ahead[i] - ahead[j] + centre
            curvature[:, i, j] = curvature[:, j, i] = cross / SPACING**2
    return gradient, curvature
