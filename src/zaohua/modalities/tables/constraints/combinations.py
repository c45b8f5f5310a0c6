"""Columns of which only the combinations that occur in training are valid.

Constraints that share columns make one group, whose combinations are learnt as one category. Codes are compared, with
NaN for missing cells. A row is *known* if each constraint of the group has a combination with all its present cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zaohua.core.json import Json

MOST = 5000
"""Maximum number of combinations that are put together from those of several constraints."""
ABSENT = -1e308
"""Number that stands for a missing cell while rows are sorted."""


@dataclass
class Group:
    """Constraints that share columns, and the combinations of all their columns.

    Attributes:
        texts: the constraints.
        members: places of each constraint's columns among those of the group.
        columns: indices of the group's columns in a table's codes.
        rows: combinations (k, columns), NaN for missing cells.
        counts: number of training rows of each combination.
    """

    texts: list[str]
    members: list[list[int]]
    columns: list[int]
    rows: np.ndarray
    counts: np.ndarray

    @classmethod
    def fit(cls, texts: Sequence[str], of: Sequence[Sequence[int]], codes: np.ndarray) -> Group:
        """Collect the combinations.

        Args:
            texts: the constraints.
            of: indices of each constraint's columns.
            codes: codes of all columns (n, columns), NaN if missing.
        """
        columns = sorted({index for each in of for index in each})
        rows, counts = np.unique(np.nan_to_num(codes[:, columns], nan=ABSENT), axis=0, return_counts=True)
        rows = np.where(rows == ABSENT, np.nan, rows)
        return cls(list(texts), [[columns.index(index) for index in each] for each in of], columns, rows, counts)

    @property
    def name(self) -> str:
        """Name of the category that replaces the columns."""
        return ", ".join(self.texts)

    def index(self, codes: np.ndarray) -> np.ndarray:
        """Return the index of each row's combination among codes of all columns (n, columns); -1 if it is unknown."""
        return _lookup(self.rows, codes[:, self.columns])

    def broken(self, codes: np.ndarray) -> np.ndarray:
        """Return which constraints rows violate, bool (n, constraints)."""
        own = codes[:, self.columns]
        out = np.zeros((len(codes), len(self.members)), bool)
        for index, places in enumerate(self.members):
            part, table = own[:, places], self.rows[:, places]
            absent = np.isnan(part)
            for pattern in np.unique(absent, axis=0):
                rows = np.flatnonzero((absent == pattern).all(1))
                keep = ~pattern
                out[rows, index] = _lookup(table[:, keep], part[np.ix_(rows, np.flatnonzero(keep))]) < 0
        return out

    def candidates(self, given: np.ndarray, whole: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return combinations that agree with given codes (columns), NaN if not given, and their weights.

        Args:
            given: codes of the group's columns.
            whole: True for those without missing cells only, except where all that agree have them.
        """
        known = ~np.isnan(given)
        fits = np.asarray((self.rows[:, known] == given[known]).all(1))
        rows, weights = self.rows[fits], self.counts[fits].astype(np.float64)
        if whole and len(rows):
            full = ~np.isnan(rows).any(1)
            rows, weights = rows[full], weights[full]
        if not len(rows) and len(self.members) > 1:
            rows = self._joined(given)
            weights = np.ones(len(rows))
        if not len(rows) and whole:
            return self.candidates(given, whole=False)
        return rows, weights

    def has_none(self, codes: np.ndarray) -> np.ndarray:
        """Return which rows of all columns' codes have given cells that no combination has together, bool (n,)."""
        if len(self.members) < 2:
            return np.zeros(len(codes), bool)
        rows, place = np.unique(np.nan_to_num(codes[:, self.columns], nan=ABSENT), axis=0, return_inverse=True)
        rows = np.where(rows == ABSENT, np.nan, rows)
        none = np.array([not len(self.candidates(row, whole=False)[0]) for row in rows], bool)
        return np.asarray(none[place.reshape(-1)])

    def _joined(self, given: np.ndarray) -> np.ndarray:
        """Put combinations together from those of each constraint, all without missing cells."""
        found = given[None]
        for places in self.members:
            table = np.unique(self.rows[:, places], axis=0)
            table = table[~np.isnan(table).any(1)]
            parts = found[:, None, places]
            fits = ((parts == table[None]) | np.isnan(parts)).all(2)
            left, right = np.nonzero(fits)
            found = found[left[:MOST]]
            found[:, places] = table[right[:MOST]]
        return np.asarray(found[~np.isnan(found).any(1)])

    def to_json(self) -> Json:
        """Return all properties as JSON values."""
        rows = [[None if np.isnan(code) else code for code in row] for row in self.rows.tolist()]
        return {
            "texts": self.texts,
            "members": self.members,
            "columns": self.columns,
            "rows": rows,
            "counts": self.counts.tolist(),
        }

    @classmethod
    def from_json(cls, data: Json) -> Group:
        """Create a group from the result of `to_json`."""
        rows = np.array(data["rows"], dtype=np.float64).reshape(len(data["rows"]), len(data["columns"]))
        return cls(**{**data, "rows": rows, "counts": np.array(data["counts"])})


def merged(of: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return groups of the indices of sets that are connected by shared elements."""
    groups: list[tuple[set[int], list[int]]] = []
    for index, each in enumerate(of):
        touching = [group for group in groups if group[0] & set(each)]
        union = set(each).union(*(elements for elements, _ in touching))
        members = sorted([index, *(i for _, some in touching for i in some)])
        groups = [group for group in groups if group not in touching] + [(union, members)]
    return [members for _, members in sorted(groups, key=lambda group: group[1][0])]


def _lookup(table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the index of each row in a table of rows, -1 if it isn't there; NaN equals NaN."""
    if not table.shape[1] or not len(rows):
        return np.zeros(len(rows), np.int64)
    both = np.concatenate([table, rows])
    key = np.zeros(len(both), np.int64)
    for column in both.T:
        values, code = np.unique(column, return_inverse=True)
        _, key = np.unique(key * (len(values) + 1) + code.reshape(-1), return_inverse=True)
    key = key.reshape(-1)
    order = np.argsort(key[: len(table)], kind="stable")
    place = np.minimum(np.searchsorted(key[: len(table)][order], key[len(table) :]), len(table) - 1)
    found = order[place]
    return np.where(key[: len(table)][found] == key[len(table) :], found, -1)
