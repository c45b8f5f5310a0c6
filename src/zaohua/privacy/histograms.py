"""Private histograms: of numbers, finer where there are many; the range of numbers; the frequent ones of any values.

Neighbouring data differ by one row, which is in one cell of a histogram, so one count changes by one.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from zaohua.privacy.mechanisms import SYSTEM, noisy

BRANCHES = 4
"""Parts that a cell is divided into."""
DEEPEST = 24
"""Maximum number of divisions: 4^24 cells."""
SPLIT = 5.0
"""Standard deviations of the noise that a cell's count must exceed for it to be divided."""
CERTAIN = 4.5
"""Standard deviations of the noise above which a count isn't noise: one of 300,000 is by chance."""
POWERS = 64
"""Cells of magnitudes: from 2^-24 to 2^39, those beyond count as the last."""
LOWEST = -24


@dataclass(frozen=True)
class Histogram:
    """A histogram with noise.

    Attributes:
        edges: borders of the cells, int64 (cells + 1): cell i holds edges[i] <= x < edges[i + 1].
        counts: estimated counts (cells,), at least 0.
        deviation: standard deviation of the noise of one measured count.
        total: estimated number of values.
    """

    edges: np.ndarray
    counts: np.ndarray
    deviation: float
    total: float


@dataclass
class _Node:
    low: int
    high: int
    count: float
    variance: float
    parts: list[_Node]


def refined(
    values: np.ndarray, size: int, rho: float, spend: Callable[[float], None], rng: random.Random = SYSTEM
) -> Histogram:
    """Measure a histogram of whole numbers whose cells are divided while their counts exceed the noise.

    Args:
        values: whole numbers (n,) from 0 to size - 1.
        size: number of possible values.
        rho: cost of each level of divisions, of which there are at most log4(size) + 1.
        spend: called with the cost of each level before it is measured.
        rng: source of the noise.
    """
    ordered = np.sort(values)

    def measured(borders: list[tuple[int, int]]) -> list[_Node]:
        spend(rho)
        ends = np.searchsorted(ordered, np.array(borders))
        counts, variance = noisy((ends[:, 1] - ends[:, 0]).astype(np.float64), rho, rng)
        return [_Node(*border, float(count), variance, []) for border, count in zip(borders, counts, strict=True)]

    (root,) = level = measured([(0, size)])
    deviation = math.sqrt(root.variance)
    for _ in range(DEEPEST):
        divided = [node for node in level if node.high - node.low > 1 and node.count > SPLIT * deviation]
        borders = [_parts(node.low, node.high) for node in divided]
        if not divided:
            break
        level = measured([border for each in borders for border in each])
        nodes = iter(level)
        for node, each in zip(divided, borders, strict=True):
            node.parts = [next(nodes) for _ in each]
    total = max(1.0, _gathered(root))
    leaves = _agreed(root, total)
    edges = np.array([0, *(node.high for node in leaves)], dtype=np.int64)
    return Histogram(edges, on_simplex(np.array([node.count for node in leaves]), total), deviation, total)


def levels(size: int) -> int:
    """Return the maximum number of levels that `refined` measures."""
    return 1 + min(DEEPEST, math.ceil(math.log(max(2, size), BRANCHES)))


def _parts(low: int, high: int) -> list[tuple[int, int]]:
    edges = [low + (high - low) * k // BRANCHES for k in range(BRANCHES + 1)]
    return [(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True) if b > a]


def _gathered(node: _Node) -> float:
    """Improve each count by the sum of its parts, weighted by their precisions, and return it."""
    if node.parts:
        below = sum(_gathered(part) for part in node.parts)
        variance = sum(part.variance for part in node.parts)
        share = node.variance / (node.variance + variance)
        node.count, node.variance = (1 - share) * node.count + share * below, node.variance * (1 - share)
    return node.count


def _agreed(node: _Node, count: float) -> list[_Node]:
    """Divide what parts lack of their whole between them by their variances, and return the leaves."""
    node.count = count
    lack, variance = count - sum(part.count for part in node.parts), sum(part.variance for part in node.parts)
    leaves = [leaf for part in node.parts for leaf in _agreed(part, part.count + lack * part.variance / variance)]
    return leaves or [node]


def on_simplex(counts: np.ndarray, total: float) -> np.ndarray:
    """Return the nearest counts (cells,) that are at least 0 and sum to a total."""
    ordered = np.sort(counts)[::-1]
    excess = (np.cumsum(ordered) - total) / np.arange(1, len(counts) + 1)
    last = int(np.flatnonzero(ordered > excess)[-1])
    out: np.ndarray = np.maximum(counts - excess[last], 0.0)
    return out


def magnitude_bounds(values: np.ndarray, rho: float, rng: random.Random = SYSTEM) -> tuple[float, float] | None:
    """Find a range that holds all but a few numbers: powers of two, or 0, beyond which counts are like noise.

    Args:
        values: numbers (n,) without missing ones.
        rho: the cost.
        rng: source of the noise.

    Returns:
        The ends of the range; None if no count exceeds the noise.
    """
    power = np.clip(np.frexp(np.abs(values))[1] - LOWEST, 1, POWERS - 1)  # 2^(e - 1) <= |x| < 2^e
    cell = np.where(np.abs(values) < 2.0**LOWEST, 0, np.sign(values) * power).astype(np.int64) + POWERS
    counts, variance = noisy(np.bincount(cell, minlength=2 * POWERS).astype(np.float64), rho, rng)
    found = np.flatnonzero(counts > CERTAIN * math.sqrt(variance)) - POWERS
    if not len(found):
        return None
    least, greatest = int(found[0]), int(found[-1])
    low = -(2.0 ** (-least + LOWEST)) if least < 0 else 0.0 if least == 0 else 2.0 ** (least - 1 + LOWEST)
    high = 2.0 ** (greatest + LOWEST) if greatest > 0 else 0.0 if greatest == 0 else -(2.0 ** (-greatest - 1 + LOWEST))
    return low, high


def frequent(values: list[Hashable], rho: float, delta: float, rng: random.Random = SYSTEM) -> list[Hashable]:
    """Find values that are frequent enough to be told: whose counts with noise exceed a threshold.

    A value that only one row has is told with a chance of at most delta, whichever it is.

    Args:
        values: the values of all rows.
        rho: the cost, besides delta.
        delta: the chance.
        rng: source of the noise.

    Returns:
        The values, ordered by their texts, which tells nothing of their order or number.
    """
    found = Counter(values)
    names = list(found)
    counts, variance = noisy(np.array([found[name] for name in names], dtype=np.float64), rho, rng)
    deviation = math.sqrt(variance)
    threshold = 2.0 + deviation * float(
        -ndtri(delta)
    )  # one row, and 1 for the rounding of the discrete Gaussian's tail
    return sorted((name for name, count in zip(names, counts, strict=True) if count > threshold), key=str)
