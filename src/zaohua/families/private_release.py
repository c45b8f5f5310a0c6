"""The releases of a private mixture of products: what of a table is released, in which order, and what each release costs.

1. What a schema doesn't declare: bounds of numbers and frequent values (a tenth of the budget).
2. Counts of single columns; numbers get finer cells where there are many.
3. Counts of pairs of columns, see `private_marginals`.

All later steps see noisy counts only.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.notes import note, shown
from zaohua.families.density import Parameters
from zaohua.families.private_marginals import OneWay, fit_pairs
from zaohua.modalities.tables.binned import places, to_places, view_of
from zaohua.modalities.tables.codec import TableCodec
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.views import View
from zaohua.nn.rows import RowLayout
from zaohua.privacy.guarantee import ADD_OR_REMOVE, Guarantee, check_budget
from zaohua.privacy.histograms import frequent, levels, magnitude_bounds, on_simplex, refined
from zaohua.privacy.mechanisms import SYSTEM, noisy
from zaohua.privacy.zcdp import Budget, rho_of

DOMAIN, SINGLE = "bounds and categories", "single columns"
DOMAIN_SHARE, SINGLE_SHARE = 0.1, 0.15
"""Shares of the budget for what isn't declared, and for single columns."""
USUAL_LEVELS = 5
"""Levels of a column's histogram among which its share is divided; deeper ones take from what pairs get."""
GROUPS = 16
"""Groups that a column's cells are joined to for pairs, besides those of frequent values."""
LEAST_GROUP = 4.0
"""Standard deviations of the noise of a pair's count that a group's count should be."""
ROUNDS = 40 / 15
"""Pairs that are measured for each column."""
FEW = 20.0
"""Standard deviations of the noise of a count below which all rows are few."""
REFUSED = "M m".split()
"""Kinds of dtypes that can't be learnt privately."""


@dataclass
class Measured:
    """One column's noisy counts.

    Attributes:
        cells: cell of each row, int64 (n,); -1 counts nowhere.
        counts: noisy count of each cell, at least 0.
        deviation: standard deviation of their noise.
        groups: group of each cell, int64, increasing from 0 for numbers.
        view: representation of numbers, whose states are the groups.
    """

    cells: np.ndarray
    counts: np.ndarray
    deviation: float
    groups: np.ndarray
    view: View | None = None

    def one_way(self) -> OneWay:
        """Return the counts of the groups."""
        size = int(self.groups.max()) + 1
        cells = np.bincount(self.groups, minlength=size)
        counts = np.bincount(self.groups, self.counts, minlength=size)
        return OneWay(counts, self.deviation**2 * np.maximum(cells, 1))

    def row_groups(self) -> np.ndarray:
        """Return the group of each row, int64 (n,); -1 counts nowhere."""
        return np.where(self.cells < 0, -1, self.groups[np.maximum(self.cells, 0)])

    def within(self) -> np.ndarray:
        """Return the share of each cell in its group, (cells,)."""
        counts = self.counts + 1e-3
        out: np.ndarray = counts / np.bincount(self.groups, counts)[self.groups]
        return out


class PrivateTable:
    """A budget, and what of a table is released within it.

    Args:
        epsilon: the privacy loss.
        delta: the chance that it doesn't hold; by default 1 / (10 n), with n rounded up to a power of ten.
        n: number of rows, which isn't released.
        rng: source of the noise.

    Attributes:
        budget: what was spent.
    """

    def __init__(self, epsilon: float, delta: float | None, n: int, rng: random.Random = SYSTEM) -> None:
        self.epsilon, self.n, self.rng = epsilon, n, rng
        self.given_delta = delta is not None
        self.delta = check_budget(epsilon, 10.0 ** -(1 + math.ceil(math.log10(max(1, n)))) if delta is None else delta, n)
        self.budget = Budget(rho_of(epsilon, self.delta))
        self.declared: list[str] = []
        self.found: list[str] = []

    # ---- the domain

    def domain(self, frame: pd.DataFrame, schema: Mapping[str, Json]) -> dict[str, Json]:
        """Complete a schema by what can be found of the other columns privately.

        Raises:
            ZaohuaError: nothing can be found of a column; the message says what to declare.
        """
        out = dict(schema)
        self.declared = list(schema)
        self.found = [str(name) for name in frame.columns if str(name) not in schema]
        free = [name for name in self.found if pd.api.types.is_bool_dtype(frame[_named(frame, name)].dtype)]
        out |= {name: {"categories": [False, True]} for name in free}
        paid = [name for name in self.found if name not in free]
        if not paid:
            return out
        rho = DOMAIN_SHARE * self.budget.total / len(paid)
        texts = [name for name in paid if not _is_number(frame[_named(frame, name)])]
        if texts:  # a part of delta for values that one row alone has
            self.budget = Budget(rho_of(self.epsilon, self.delta / 2))
        for name in paid:
            cells = frame[_named(frame, name)]
            self.budget.spend(DOMAIN, rho)
            out[name] = (
                self._categories(name, cells, rho, self.delta / 2 / len(texts))
                if name in texts
                else self._bounds(name, cells, rho)
            )
        note(f"found privately, for {DOMAIN_SHARE:.0%} of the budget: {shown(paid)} ({option('schema')} declares them)")
        return out

    def _categories(self, name: str, cells: pd.Series, rho: float, delta: float) -> Json:
        """Find the frequent values of a column."""
        if cells.dtype.kind in REFUSED:
            raise ZaohuaError(
                f"column {name!r} holds times, which aren't learnt privately yet: make numbers of them, or leave the "
                f"column out ({option('leave_out', (name,))})"
            )
        found = frequent([None if missing else value for value, missing in zip(cells, cells.isna(), strict=True)], rho, delta, self.rng)
        values = [value for value in found if value is not None]
        if not values:
            raise ZaohuaError(
                f"column {name!r} has no value that is frequent enough to be found privately at epsilon "
                f"{self.epsilon:g}: declare its categories ({option('schema')}), or leave it out "
                f"({option('leave_out', (name,))})"
            )
        return {"categories": values, "missing": None in found}

    def _bounds(self, name: str, cells: pd.Series, rho: float) -> Json:
        """Find the range of a column's numbers."""
        there = ~cells.isna().to_numpy(dtype=bool)
        values = cells[there].to_numpy(dtype=np.float64)
        bounds = magnitude_bounds(values[np.isfinite(values)], rho, self.rng)  # a missing cell is in no cell of these
        missing, variance = noisy(np.array([float((~there).sum())]), rho, self.rng)
        if bounds is None:
            raise ZaohuaError(
                f"column {name!r} has too few numbers for their range to be found privately at epsilon "
                f"{self.epsilon:g}: declare low and high ({option('schema')})"
            )
        low, high = bounds
        whole = pd.api.types.is_integer_dtype(cells.dtype)
        low, high = (math.floor(low), math.ceil(high)) if whole else (low, high)
        kind = {"integer": True} if whole else {}
        return {"low": low, "high": max(high, low + 1), **kind, "missing": bool(missing[0] > 4 * math.sqrt(variance))}

    # ---- single columns

    def columns(self, codec: TableCodec, codes: np.ndarray, alone: bool) -> list[Measured]:
        """Measure each column by itself.

        Args:
            codec: the codec, of declared columns.
            codes: encoded rows (n, columns).
            alone: whether nothing else will be measured.
        """
        share = 1.0 if alone else SINGLE_SHARE
        rho = share * self.budget.left / len(codec.columns_)
        pair = math.sqrt(self._pair_variance(len(codec.columns_)))
        return [
            self._category(column, cells, rho, pair)
            if column.is_category
            else self._number(column, cells, rho, pair, alone)
            for column, cells in zip(codec.columns_, codes.T, strict=True)
        ]

    def _pair_variance(self, columns: int) -> float:
        """Return about the variance of the noise of counts of pairs."""
        return rounds_of(columns) / (2 * 0.75 * self.budget.total)

    def _category(self, column: Column, codes: np.ndarray, rho: float, pair: float) -> Measured:
        self.budget.spend(SINGLE, rho)
        cells = codes.astype(np.int64)
        counts, variance = noisy(np.bincount(cells[cells >= 0], minlength=column.size).astype(float), rho, self.rng)
        counts = on_simplex(counts, max(1.0, float(counts.sum())))
        rare = counts < LEAST_GROUP * pair
        if rare.sum() < 2:
            groups = np.arange(column.size)
        else:
            groups = np.where(rare, 0, 1 + np.cumsum(~rare) - 1)
        return Measured(cells, counts, math.sqrt(variance), groups)

    def _number(self, column: Column, codes: np.ndarray, rho: float, pair: float, alone: bool) -> Measured:
        there = np.isfinite(codes)
        deepest = levels(places(column))
        each = rho / (deepest if alone else min(deepest, USUAL_LEVELS))
        at = to_places(column, codes[there])
        found = refined(at, places(column), each, lambda cost: self.budget.spend(SINGLE, cost), self.rng)
        cells = np.full(len(codes), -1)
        cells[there] = np.searchsorted(found.edges, at, side="right") - 1
        groups = _joined(found.counts, LEAST_GROUP * pair)
        view = view_of(column, found.edges, found.counts, groups)
        counts = found.counts
        if column.missing:  # a missing cell isn't in the histogram, so it costs nothing more
            cells[np.isnan(codes)] = len(counts)
            missing, _ = noisy(np.array([float(np.isnan(codes).sum())]), each, self.rng)
            counts, groups = np.append(counts, max(0.0, missing[0])), np.append(groups, groups[-1] + 1)
        return Measured(cells, counts, found.deviation, groups, view)

    # ---- pairs

    def mixture(self, measured: list[Measured], components: int, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
        """Measure pairs of columns and fit the mixture; return what `fit_pairs` does, and the number of rows."""
        columns = [each.one_way() for each in measured]
        groups = np.stack([each.row_groups() for each in measured], axis=1)
        rounds = 0 if components == 1 else rounds_of(len(columns))
        weights, chances = fit_pairs(groups, columns, components, rounds, self.budget, seed, self.rng)
        return weights, chances, float(np.median([column.counts.sum() for column in columns]))

    # ---- the promise

    def guarantee(self) -> Guarantee:
        """Return what is promised."""
        outside = ["the names of the columns"]
        if self.found:
            outside.append(f"whether cells of {shown(self.found)} are numbers or texts")
        if not self.given_delta:
            outside.append("the number of rows to a power of ten (delta)")
        return Guarantee(
            self.epsilon,
            self.delta,
            "one row",
            ADD_OR_REMOVE,
            "exact discrete Gaussian noise on counts, exponential mechanism for pairs of columns; zCDP",
            tuple(f"values of {name}" for name in self.declared),
            self.budget.shares(),
            tuple(outside),
        )

    def warn(self, rows: float, measured: list[Measured]) -> None:
        """Note that there are few rows for this epsilon."""
        deviation = float(np.median([each.deviation for each in measured]))
        if rows < FEW * deviation:
            note(
                f"about {max(0, round(rows)):,} rows are few for epsilon {self.epsilon:g}: each count has noise of about "
                f"{deviation:,.0f} rows, so most of what is learnt is noise"
            )


def rounds_of(columns: int) -> int:
    """Return the number of pairs of columns that are measured."""
    return min(columns * (columns - 1) // 2, round(ROUNDS * columns))


def parameters_of(
    layout: RowLayout, codec: TableCodec, measured: list[Measured], weights: np.ndarray, chances: np.ndarray
) -> Parameters:
    """Return the parameters of the mixture in terms of the codec's features.

    Args:
        layout: layout of the features.
        codec: the codec, with the views that were measured.
        measured: counts of each column.
        weights, chances: see `fit_pairs`.
    """
    columns = {index: (first, size) for index, first, size in layout.categories}
    out, start = np.ones((len(weights), layout.one_hots)), 0
    for features, each in zip(codec.features_, measured, strict=True):
        width = int(each.groups.max()) + 1
        own = chances[:, start : start + width]
        start += width
        if features[0] in columns:
            first, size = columns[features[0]]
            part = np.maximum(own if each.view is not None else own[:, each.groups] * each.within(), 1e-12)
            out[:, first : first + size] = part / part.sum(1, keepdims=True)
    zeros = np.zeros((len(weights), len(layout.reals)))
    return {"weights": weights, "chances": out, "means": zeros, "deviations": zeros + 1}


def _joined(counts: np.ndarray, least: float) -> np.ndarray:
    """Join neighbouring cells to groups (cells,): a frequent cell is one of its own, others are joined."""
    total = counts.sum()
    alone = counts >= max(least, total / GROUPS)
    enough = max(least, counts[~alone].sum() / GROUPS)
    out, group, held = np.zeros(len(counts), np.int64), -1, math.inf
    for cell, count in enumerate(counts):
        if alone[cell] or held >= enough:
            group, held = group + 1, 0.0
        held = math.inf if alone[cell] else held + count
        out[cell] = group
    return out


def _named(frame: pd.DataFrame, name: str) -> object:
    return next(column for column in frame.columns if str(column) == name)


def _is_number(cells: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(cells.dtype) and not pd.api.types.is_bool_dtype(cells.dtype)
