"""Random forests of each column given the others, for imputation."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
import torch
from torch import Tensor

from zaohua.core.json import Json
from zaohua.core.noise import ItemNoise, Noise
from zaohua.core.params import Between
from zaohua.core.record import Condition
from zaohua.estimator.columns import Tabular
from zaohua.families import forests
from zaohua.families.density import Parameters, PerClass
from zaohua.modalities.tables.codec import TableCodec


class ChainedForests(Tabular, PerClass[TableCodec]):
    """Random forests of each column given the others: imputation and conditions on any columns, without a likelihood.

    A cell is drawn from the training rows that share a leaf with its row, so every value that is drawn is one of a
    training row, and the run folder holds the training table. New rows begin as training rows: they aren't private.

    Paper: Doove, van Buuren and Dusseldorp, "Recursive Partitioning for Missing Data Imputation in the Presence of
    Interaction Effects", 2014; Meinshausen, "Quantile Regression Forests", 2006.
    """

    tiny: ClassVar[Json] = {"trees": 3, "sweeps": 2, "chains": 1}

    trees: Annotated[int, Between(1)] = 50
    """Number of trees for each column (of each class)."""
    min_leaf: Annotated[int, Between(1)] = 5
    """Minimum number of training rows in a leaf."""
    tried_columns: Annotated[float, Between(above=0, high=1)] = 0.5
    """Fraction of the other columns that are tried at each split."""
    chains: Annotated[int, Between(1)] = 3
    """Number of times that the holes of the training table are filled in with what forests, a fifth as large, predict,
    before they are drawn and the last are grown."""
    tree_rows: Annotated[int, Between(1)] = 10_000
    """Maximum number of training rows that each tree is grown from, chosen at random for it. All rows are in its
    leaves."""
    sweeps: Annotated[int, Between(1)] = 5
    """Number of times that the unknown cells of a row are drawn in turn."""

    def memory_for(self, n: int, size: int) -> float:
        """Return the bytes of the rows, and of the nodes and leaves of all trees."""
        return n * size * (8.0 + self.trees * (4 + 44 / self.min_leaf))

    def estimate(self, x: np.ndarray) -> Parameters:
        """Grow the forests."""
        cells = self._cells(x)
        levels = [
            None if is_code else np.unique(column[~np.isnan(column)])
            for column, is_code in zip(cells.T, self._is_category, strict=True)
        ]
        sorted_ = [np.zeros(0) if level is None else level for level in levels]
        ladder = {"levels": np.concatenate(sorted_), "level_ends": np.cumsum([0, *map(len, sorted_)])}
        growth = forests.Growth(self.trees, self.min_leaf, self.tried_columns, self.tree_rows)
        rng = np.random.default_rng(self.seed_)
        return ladder | forests.fit(self._places(ladder, cells), levels, growth, self.chains, self.sweeps, rng)

    def generate(self, parameters: Parameters, noise: Noise) -> np.ndarray:
        """Draw rows of which nothing is known."""
        x = np.zeros((noise.n, self.spec_.size))
        return self._completed_rows(parameters, x, np.zeros(x.shape, bool), noise, False)

    def complete(self, x: Tensor, known: Tensor, noise: ItemNoise, y: Condition | None, no_missing: bool) -> Tensor:
        """Draw the unknown features of rows x (B, features) given the known ones; with `no_missing` all get a value."""
        out = x.clone()
        for parameters, where in self._by_class(y, len(x)):
            rows, part = torch.from_numpy(where), noise.take(where)
            drawn = self._completed_rows(parameters, x[rows].numpy(), known[rows].numpy(), part, no_missing)
            out[rows] = torch.where(known[rows], x[rows], torch.from_numpy(drawn))
        return out

    def _completed_rows(
        self, parameters: Parameters, x: np.ndarray, known: np.ndarray, noise: Noise, no_missing: bool
    ) -> np.ndarray:
        """Complete rows (n, features); cells are missing where they are in a training row, unless with `no_missing`."""
        cells = self._cells(x, known)
        told = known[:, [features[0] for features in self.codec_.features_]]
        places = self._places(parameters, cells)
        u = noise.uniform(forests.numbers(self.sweeps, cells.shape[1])).double().cpu().numpy()
        drawn, others = forests.complete(parameters, places, told & ~np.isnan(places), self.sweeps, u)
        there = parameters["there"].any(0) & (no_missing | parameters["there"][others])
        made = self._values(parameters, drawn, there)
        return self.codec_.tensor(made, noise)

    # ---- features <-> cells <-> places

    @property
    def _is_category(self) -> list[bool]:
        return [column.is_category for column in self.codec_.learnt_]

    def _cells(self, x: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
        """Return the learnt coordinates of features (n, features), NaN where they are missing or unknown."""
        told = x if known is None else np.where(known, x, 0.0)  # what isn't known may be no code at all
        cells = self.codec_.coordinates(torch.from_numpy(told))
        for index, column in enumerate(self.codec_.learnt_):
            is_missing = (cells[:, index] == column.missing_code) | (cells[:, index] < 0)
            cells[:, index] = np.where(is_missing, np.nan, cells[:, index]) if column.is_category else cells[:, index]
        cells[np.isinf(cells)] = np.nan
        return cells

    def _levels(self, parameters: Parameters, column: int) -> np.ndarray:
        """Return the distinct numbers of a column, increasing."""
        first, end = parameters["level_ends"][column : column + 2]
        return parameters["levels"][first:end]

    def _places(self, parameters: Parameters, cells: np.ndarray) -> np.ndarray:
        """Turn numbers into their places among those of training; a number between two gets a place between."""
        out = cells.copy()
        for column, is_code in enumerate(self._is_category):
            levels = self._levels(parameters, column)
            if not is_code:
                out[:, column] = np.interp(cells[:, column], levels, np.arange(len(levels))) if len(levels) else np.nan
        return out

    def _values(self, parameters: Parameters, places: np.ndarray, there: np.ndarray) -> np.ndarray:
        """Turn places (n, columns) into cells, missing where they aren't there."""
        out = places.astype(np.float64)
        for column, each in enumerate(self.codec_.learnt_):
            levels = self._levels(parameters, column)
            if len(levels):
                out[:, column] = np.interp(out[:, column], np.arange(len(levels)), levels)
            missing = np.nan if each.missing_code is None else each.missing_code
            out[:, column] = np.where(there[:, column], out[:, column], missing)
        return out
