"""Noisy counts of single columns of a table, and the features of a mixture that they determine.

A category has a cell for each value. Numbers have cells that are finer where there are many, see `privacy.histograms`.
For pairs of columns, cells are joined to groups: rare categories, and numbers next to one another. What is finer than a
group is the same in all components of the mixture.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from zaohua.families.density import Parameters
from zaohua.families.private_marginals import OneWay
from zaohua.modalities.tables.binned import places, to_places, view_of
from zaohua.modalities.tables.codec import TableCodec
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.views import View
from zaohua.nn.rows import RowLayout
from zaohua.privacy.histograms import levels, on_simplex, refined
from zaohua.privacy.mechanisms import noisy
from zaohua.privacy.zcdp import Budget

SINGLE = "single columns"
USUAL_LEVELS = 5
"""Levels of a column's histogram among which its share is divided; deeper ones take from what pairs get."""
GROUPS = 16
"""Groups that a column's numbers are joined to, besides those of frequent numbers."""
LEAST_CHANCE, LEAST_COUNT = 1e-9, 1e-3
"""Chance and count that are added where a cell would be impossible."""


@dataclass(frozen=True)
class Measured:
    """Noisy counts of the cells of one column.

    Attributes:
        column: the column.
        cells: cell of each row, int64 (n,); -1 counts nowhere.
        counts: noisy count of each cell, at least 0.
        deviation: standard deviation of their noise.
        edges: borders of the cells of numbers, see `privacy.histograms`; None for categories.
        groups: group of each cell, int64 from 0.
    """

    column: Column
    cells: np.ndarray
    counts: np.ndarray
    deviation: float
    edges: np.ndarray | None
    groups: np.ndarray

    @property
    def width(self) -> int:
        """Number of groups."""
        return int(self.groups.max()) + 1

    def view(self) -> View | None:
        """Return the representation of numbers whose states are the groups; None for categories."""
        if self.edges is None:
            return None
        count = len(self.edges) - 1
        return view_of(self.column, self.edges, self.counts[:count], self.groups[:count])

    def one_way(self) -> OneWay:
        """Return the counts of the groups."""
        counts = np.bincount(self.groups, self.counts, minlength=self.width)
        return OneWay(counts, self.deviation**2 * np.bincount(self.groups))

    def row_groups(self) -> np.ndarray:
        """Return the group of each row, int64 (n,); -1 counts nowhere."""
        return np.where(self.cells < 0, -1, self.groups[np.maximum(self.cells, 0)])

    def within(self) -> np.ndarray:
        """Return the share of each cell in its group, (cells,)."""
        counts = self.counts + LEAST_COUNT
        out: np.ndarray = counts / np.bincount(self.groups, counts)[self.groups]
        return out

    def grouped(self, least: float) -> Measured:
        """Join cells to groups of at least `least` rows, where that is possible."""
        if self.edges is None:
            rare = self.counts < least
            several = rare.sum() > 1
            return replace(self, groups=np.where(rare, 0, np.cumsum(~rare)) if several else np.arange(len(rare)))
        groups = _joined(self.counts[: len(self.edges) - 1], least)
        missing = [groups[-1] + 1] * (len(self.counts) - len(groups))
        return replace(self, groups=np.concatenate([groups, missing]).astype(np.int64))


def measure(codec: TableCodec, codes: np.ndarray, share: float, budget: Budget, rng: random.Random) -> list[Measured]:
    """Measure each column by itself; its groups are its cells.

    Args:
        codec: the codec, of declared columns.
        codes: encoded rows (n, columns).
        share: share of what is left of the budget; 1 if nothing else will be measured.
        budget: what may be spent.
        rng: source of the noise.
    """
    rho, alone = share * budget.left / len(codec.columns_), share == 1
    out = []
    for column, values in zip(codec.columns_, codes.T, strict=True):
        if column.is_category:
            out.append(_category(column, values, rho, budget, rng))
        else:
            deepest = levels(places(column))
            out.append(_number(column, values, rho / (deepest if alone else min(deepest, USUAL_LEVELS)), budget, rng))
    if alone and budget.left > 0.01 * budget.total:  # levels that weren't needed
        rho = budget.left / len(out)
        return [_again(each, rho, budget, rng) for each in out]
    return out


def _category(column: Column, codes: np.ndarray, rho: float, budget: Budget, rng: random.Random) -> Measured:
    budget.spend(SINGLE, rho)
    cells = codes.astype(np.int64)
    counts, variance = noisy(np.bincount(cells[cells >= 0], minlength=column.size).astype(np.float64), rho, rng)
    counts = on_simplex(counts, max(1.0, float(counts.sum())))
    return Measured(column, cells, counts, math.sqrt(variance), None, np.arange(len(counts)))


def _number(column: Column, codes: np.ndarray, rho: float, budget: Budget, rng: random.Random) -> Measured:
    there = np.isfinite(codes)
    at = to_places(column, codes[there])
    found = refined(at, places(column), rho, lambda cost: budget.spend(SINGLE, cost), rng)
    cells, counts = np.full(len(codes), -1), found.counts
    cells[there] = np.searchsorted(found.edges, at, side="right") - 1
    if column.missing:  # a missing cell isn't in the histogram, so one more count costs nothing more
        cells[np.isnan(codes)] = len(counts)
        missing, _ = noisy(np.array([float(np.isnan(codes).sum())]), rho, rng)
        counts = np.append(counts, max(0.0, missing[0]))
    return Measured(column, cells, counts, found.deviation, found.edges, np.arange(len(counts)))


def _again(each: Measured, rho: float, budget: Budget, rng: random.Random) -> Measured:
    """Measure the cells of a column once more, and average both by their precisions."""
    budget.spend(SINGLE, rho)
    truth = np.bincount(each.cells[each.cells >= 0], minlength=len(each.counts)).astype(np.float64)
    counts, variance = noisy(truth, rho, rng)
    share = each.deviation**2 / (each.deviation**2 + variance)
    mixed = share * counts + (1 - share) * each.counts
    total = max(1.0, float(mixed.sum()))
    return replace(each, counts=on_simplex(mixed, total), deviation=each.deviation * math.sqrt(1 - share))


def _joined(counts: np.ndarray, least: float) -> np.ndarray:
    """Join neighbouring cells to groups (cells,): a frequent cell is one of its own, others are joined."""
    alone = counts >= max(least, counts.sum() / GROUPS)
    enough = max(least, counts[~alone].sum() / GROUPS)
    out, group, held = np.zeros(len(counts), np.int64), -1, math.inf
    for cell, count in enumerate(counts):
        if alone[cell] or held >= enough:
            group, held = group + 1, 0.0
        held = math.inf if alone[cell] else held + count
        out[cell] = group
    return out


def parameters_of(
    codec: TableCodec, measured: Sequence[Measured], weights: np.ndarray, chances: np.ndarray
) -> Parameters:
    """Return the parameters of a mixture in terms of the codec's features.

    Numbers are normally distributed within their states: that is how states' distribution functions transform them.

    Args:
        codec: the codec, with the views that were measured.
        measured: counts of each column.
        weights: of the components (components,).
        chances: of the groups of all columns in turn (components, groups).
    """
    layout = RowLayout(codec.spec_)
    columns = {index: (first, size) for index, first, size in layout.categories}
    out, start = np.ones((len(weights), layout.one_hots)), 0
    for features, each in zip(codec.features_, measured, strict=True):
        own = chances[:, start : start + each.width]
        start += each.width
        if features[0] in columns:
            first, size = columns[features[0]]
            part = (own if each.edges is not None else own[:, each.groups] * each.within()) + LEAST_CHANCE
            out[:, first : first + size] = part / part.sum(1, keepdims=True)
    zeros = np.zeros((len(weights), len(layout.reals)))
    return {"weights": weights, "chances": out, "means": zeros, "deviations": zeros + 1}
