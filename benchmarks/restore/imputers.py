"""Other ways to fill in tables: mean, neighbours, chained linear regressions, chained random forests.

Each is fitted to a table with holes, and fills in another: `best` with its guess, `draws` with draws where it makes any
(otherwise with what its users would draw from).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 (makes the next import possible)
from sklearn.impute import IterativeImputer


class Coded:
    """A table as numbers: numbers are standardised, and categories are their indices, NaN where there is a hole."""

    def __init__(self, table: pd.DataFrame):
        self.columns = list(table.columns)
        self.numeric = [pd.api.types.is_numeric_dtype(table[name]) for name in self.columns]
        self.known = [
            None if is_number else sorted(table[name].dropna().unique())
            for name, is_number in zip(self.columns, self.numeric, strict=True)
        ]
        by_name = list(zip(self.columns, self.numeric, strict=True))
        self.mean = [table[name].mean() if is_number else 0.0 for name, is_number in by_name]
        self.scale = [table[name].std() if is_number else 1.0 for name, is_number in by_name]

    def codes(self, table: pd.DataFrame) -> np.ndarray:
        """Codes of a table, float64 (n, columns)."""
        parts = []
        for name, values, mean, scale in zip(self.columns, self.known, self.mean, self.scale, strict=True):
            if values is None:
                parts.append((table[name].to_numpy(float) - mean) / scale)
            else:
                place = {value: float(code) for code, value in enumerate(values)}
                parts.append(table[name].map(place).to_numpy(float))
        return np.stack(parts, 1)

    def table(self, codes: np.ndarray) -> pd.DataFrame:
        """The table of some codes."""
        cells: dict[str, Any] = {}
        for column, (name, values, mean, scale) in enumerate(
            zip(self.columns, self.known, self.mean, self.scale, strict=True)
        ):
            code = codes[:, column]
            cells[name] = code * scale + mean if values is None else np.array(values, object)[code.round().astype(int)]
        return pd.DataFrame(cells)

    def wide(self, codes: np.ndarray) -> np.ndarray:
        """Numbers as they are, and categories one-hot, NaN where there is a hole."""
        parts = []
        for column, values in enumerate(self.known):
            code = codes[:, column]
            if values is None:
                parts.append(code[:, None])
            else:
                one_hot = (code[:, None] == np.arange(len(values))).astype(float)
                parts.append(np.where(np.isnan(code)[:, None], np.nan, one_hot))
        return np.concatenate(parts, 1)

    def narrow(self, wide: np.ndarray) -> np.ndarray:
        """Codes of one-hot rows: the largest of a category's columns."""
        parts, first = [], 0
        for values in self.known:
            size = 1 if values is None else len(values)
            part = wide[:, first : first + size]
            parts.append(part[:, 0] if values is None else part.argmax(1).astype(float))
            first += size
        return np.stack(parts, 1)


class Imputer(ABC):
    """Base: a fit to codes, a best guess, and draws."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)

    def fit(self, table: pd.DataFrame) -> Imputer:
        self.coded = Coded(table)
        self.x = self.coded.codes(table)
        self.learn()
        return self

    def learn(self) -> None:
        """Learn from `self.x`."""

    def best(self, table: pd.DataFrame) -> pd.DataFrame:
        """The best guess."""
        return self.coded.table(self.guess(self.coded.codes(table)))

    def draws(self, table: pd.DataFrame, m: int) -> list[pd.DataFrame]:
        """m draws."""
        x = self.coded.codes(table)
        return [self.coded.table(self.draw(x)) for _ in range(m)]

    @abstractmethod
    def guess(self, x: np.ndarray) -> np.ndarray:
        """Return codes with the best guess in each hole."""

    @abstractmethod
    def draw(self, x: np.ndarray) -> np.ndarray:
        """Return codes with a draw in each hole."""

    def central(self, values: np.ndarray, column: int) -> Any:
        """Mean of numbers, the most frequent of categories."""
        if self.coded.known[column] is None:
            return values.mean()
        return np.bincount(values.astype(int)).argmax()


class Mean(Imputer):
    """Mean or most frequent value; draws are values of other rows."""

    def guess(self, x: np.ndarray) -> np.ndarray:
        out = x.copy()
        for column in range(x.shape[1]):
            values = self.x[:, column]
            out[np.isnan(x[:, column]), column] = self.central(values[~np.isnan(values)], column)
        return out

    def draw(self, x: np.ndarray) -> np.ndarray:
        out = x.copy()
        for column in range(x.shape[1]):
            values, holes = self.x[:, column], np.isnan(x[:, column])
            out[holes, column] = self.rng.choice(values[~np.isnan(values)], holes.sum())
        return out


class Neighbours(Imputer):
    """The 10 nearest rows, by the cells that both have, among those that have the column; draws are one of them."""

    k = 10

    def learn(self) -> None:
        self.wide = self.coded.wide(self.x)

    def nearest(self, x: np.ndarray) -> np.ndarray:
        """Squared distances to the rows that were learnt, (n, rows)."""
        wide = self.coded.wide(x)
        a, b = ~np.isnan(wide), ~np.isnan(self.wide)
        p, q = np.nan_to_num(wide), np.nan_to_num(self.wide)
        squared = (p**2) @ b.T.astype(float) + a.astype(float) @ (q**2).T - 2 * p @ q.T
        return squared / np.maximum(a.astype(float) @ b.T, 1)

    def donors(self, x: np.ndarray, column: int, holes: np.ndarray, distance: np.ndarray) -> np.ndarray:
        there = np.flatnonzero(~np.isnan(self.x[:, column]))
        order = np.argpartition(distance[np.ix_(holes, there)], self.k, axis=1)[:, : self.k]
        return self.x[there[order], column]

    def each(self, x: np.ndarray, choose: Any) -> np.ndarray:
        out, key = x.copy(), id(x)
        if getattr(self, "at", None) != key:
            self.at, self.distance = key, self.nearest(x)
        for column in range(x.shape[1]):
            holes = np.flatnonzero(np.isnan(x[:, column]))
            if len(holes):
                out[holes, column] = choose(self.donors(x, column, holes, self.distance), column)
        return out

    def guess(self, x: np.ndarray) -> np.ndarray:
        return self.each(x, lambda donors, column: [self.central(row, column) for row in donors])

    def draw(self, x: np.ndarray) -> np.ndarray:
        return self.each(x, lambda donors, _: donors[np.arange(len(donors)), self.rng.integers(0, self.k, len(donors))])


class Linear(Imputer):
    """scikit-learn's IterativeImputer, with `sample_posterior` for draws."""

    def learn(self) -> None:
        wide, seed = self.coded.wide(self.x), int(self.rng.integers(2**31))
        self.guesses = IterativeImputer(max_iter=5, random_state=seed).fit(wide)
        self.drawing = IterativeImputer(max_iter=5, sample_posterior=True, random_state=seed).fit(wide)

    def guess(self, x: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(x), self.coded.narrow(self.guesses.transform(self.coded.wide(x))), x)

    def draw(self, x: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(x), self.coded.narrow(self.drawing.transform(self.coded.wide(x))), x)


class Forests(Imputer):
    """Chained random forests (missForest); draws are members of a leaf of a random tree (as in the R package mice)."""

    trees, rounds, least = 50, 4, 5

    def learn(self) -> None:
        self.start = Mean(0)
        self.start.coded, self.start.x = self.coded, self.x
        filled, self.forests, self.leaves = self.start.guess(self.x), {}, {}
        for _ in range(self.rounds):
            for column in range(self.x.shape[1]):
                there = ~np.isnan(self.x[:, column])
                kind = RandomForestRegressor if self.coded.known[column] is None else RandomForestClassifier
                forest = kind(self.trees, min_samples_leaf=self.least, max_features=0.5, random_state=0)
                others = np.delete(filled, column, 1)
                forest.fit(others[there], self.x[there, column])
                self.forests[column] = forest
                self.leaves[column] = self.members(forest, others[there], self.x[there, column])
                filled[~there, column] = forest.predict(others[~there]) if (~there).any() else []

    @staticmethod
    def members(forest: Any, others: np.ndarray, values: np.ndarray) -> list[dict[int, np.ndarray]]:
        """Values of the rows in each leaf of each tree."""
        out = []
        for tree in forest.apply(others).T:
            order = np.argsort(tree, kind="stable")
            which, first = np.unique(tree[order], return_index=True)
            out.append(dict(zip(which.tolist(), np.split(values[order], first[1:]), strict=True)))
        return out

    def guess(self, x: np.ndarray) -> np.ndarray:
        out, holes = self.start.guess(x), np.isnan(x)
        for _ in range(self.rounds):
            for column, forest in self.forests.items():
                if holes[:, column].any():
                    out[holes[:, column], column] = forest.predict(np.delete(out, column, 1)[holes[:, column]])
        return out

    def draw(self, x: np.ndarray) -> np.ndarray:
        out, holes = self.guess(x) if getattr(self, "at", None) != id(x) else self.guessed.copy(), np.isnan(x)
        self.at, self.guessed = id(x), out.copy()
        for _ in range(2):
            for column, forest in self.forests.items():
                rows = np.flatnonzero(holes[:, column])
                if not len(rows):
                    continue
                which = self.rng.integers(0, self.trees, len(rows))
                leaves = forest.apply(np.delete(out, column, 1)[rows])[np.arange(len(rows)), which]
                members = self.leaves[column]
                out[rows, column] = [
                    self.rng.choice(members[tree][leaf]) for tree, leaf in zip(which, leaves.tolist(), strict=True)
                ]
        return out
