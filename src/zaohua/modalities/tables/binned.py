"""Representation of a column's numbers by cells of a histogram: each cell, or each run of them, is a state.

Within a state the distribution is that of the histogram, a piecewise linear distribution function. So a mixture has the
frequencies of states in each component, and what is finer than a state is the same in all.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.quantiles import Quantiles
from zaohua.modalities.tables.views import View

LATTICE = 4**12
"""Number of places that real numbers without decimals are taken at."""
KNOTS = 8
"""Parts of a cell in which the density is constant."""
LEAST = 1e-3
"""Least part of a state's probability that its cells share evenly, so that none is impossible."""


def places(column: Column) -> int:
    """Return the number of different places of a column's numbers: multiples of its step, or of a fine lattice."""
    return round((column.high - column.low) / column.step) + 1 if column.step else LATTICE


def to_places(column: Column, codes: np.ndarray) -> np.ndarray:
    """Return the places (n,) of numbers within the column's range, int64 from 0."""
    count = places(column)
    step = column.step or (column.high - column.low) / count
    at = (codes - column.low) / step
    out: np.ndarray = np.clip(np.rint(at) if column.step else np.floor(at), 0, count - 1).astype(np.int64)
    return out


def evenly(column: Column) -> View:
    """Return the representation of a column of whose numbers nothing but the bounds is known."""
    return view_of(column, np.array([0, places(column)]), np.ones(1), np.zeros(1, np.int64))


def view_of(column: Column, edges: np.ndarray, counts: np.ndarray, groups: np.ndarray) -> View:
    """Return the representation by runs of cells.

    Args:
        column: the column, whose bounds were declared or found privately.
        edges: borders of the cells between places, int64 (cells + 1,).
        counts: counts of the cells (cells,), at least 0.
        groups: the state of each cell, int64 (cells,), increasing from 0.
    """
    step = column.step or (column.high - column.low) / places(column)
    borders = column.low + step * (edges - (0.5 if column.step else 0.0))
    smooth = _smooth(edges, counts)
    x, f = [], []
    for group in range(int(groups[-1]) + 1):
        cells = np.flatnonzero(groups == group)
        own = np.concatenate([*(_inside(edges, cell) for cell in cells.tolist()), edges[cells[-1:] + 1]])
        heights = smooth(own) - smooth(own[:1])
        even = (own - own[0]) / (own[-1] - own[0])
        heights = (1 - LEAST) * heights / heights[-1] + LEAST * even if heights[-1] > 0 else even
        heights[-1] = 1.0
        skip = int(group > 0)  # a state begins where the last one ends, so the knot between is there
        x.append(np.interp(own, edges, borders)[skip:])
        f.append((group + heights)[skip:])
    return View(column, Quantiles(np.concatenate(x), np.concatenate(f)), np.zeros(0), bool(column.missing))


def _inside(edges: np.ndarray, cell: int) -> np.ndarray:
    """Return the lower border of a cell and places within it at which the density may change."""
    width = edges[cell + 1] - edges[cell]
    return np.unique(edges[cell] + width * np.arange(KNOTS) // KNOTS)


def _smooth(edges: np.ndarray, counts: np.ndarray) -> PchipInterpolator:
    """Return a smooth increasing function that has the counts as its differences between borders."""
    return PchipInterpolator(edges.astype(np.float64), np.concatenate([[0.0], np.cumsum(counts)]))
