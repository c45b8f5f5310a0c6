"""Coordinates of linked numbers, in which a model learns them, so that samples satisfy constraints by construction.

Of each equation one column is *derived* and not learnt. Every other column has one coordinate z. The columns are
ordered so that the smaller side of an inequality comes first; then

    z = v - (greatest lower bound from earlier columns)    or    (least upper bound) - v    or    v

v is a piecewise linear function of z. If some v are given that z doesn't determine by itself, such as an end without a
start, the most likely change of z that gives them follows from the covariance C of z (as in a Kalman filter):

    z <- z + C A^T (A C A^T)^-1 (v_given - v(z)),    A = dv_given / dz
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction

import numpy as np

from zaohua.core.json import Json
from zaohua.modalities.tables.constraints import solving
from zaohua.modalities.tables.constraints.lattice import Lattice

TABLE = 201
"""Number of quantiles of each coordinate, from which coordinates of missing cells are drawn."""
ROUNDS = 3
"""Number of corrections of z by given values."""
RIDGE = 1e-9

Expression = tuple[list[float], float]
"""A linear expression of values: coefficients (m) and a constant."""


@dataclass
class Links:
    """Order and coordinates of the columns of a lattice.

    Attributes:
        order: columns in the order in which values follow from coordinates, those that are derived last.
        derived: the expression of each derived column.
        bases: expressions whose greatest (or least) value a column is measured from; none for others.
        above: False for columns measured downwards.
        quantiles: of each coordinate (m, TABLE).
        covariance: of the coordinates (m, m).
    """

    order: list[int]
    derived: dict[int, Expression]
    bases: dict[int, list[Expression]]
    above: list[bool]
    quantiles: list[list[float]]
    covariance: list[list[float]]

    @classmethod
    def of(cls, lattice: Lattice) -> Links:
        """Choose the derived columns, and the order and bases of the others."""
        width = len(lattice.columns)
        derived = _eliminate(lattice)
        inequalities = _reduced(lattice, derived)
        order = _sorted([j for j in range(width) if j not in derived], inequalities)
        lower: dict[int, list[Expression]] = {j: [] for j in range(width)}
        upper: dict[int, list[Expression]] = {j: [] for j in range(width)}
        for row, bound in inequalities:
            j = max((j for j in order if row[j]), key=order.index)
            others = [-row[i] / row[j] if i != j else 0.0 for i in range(width)]
            (lower if row[j] < 0 else upper)[j].append((others, bound / row[j]))
        return cls(
            order=[*order, *derived],
            derived=derived,
            bases={j: lower[j] or upper[j] for j in order},
            above=[bool(lower[j]) or not upper[j] for j in range(width)],
            quantiles=[[0.0] * TABLE] * width,
            covariance=np.eye(width).tolist(),
        )

    @property
    def learnt(self) -> list[int]:
        """Columns that have a coordinate."""
        return sorted(self.bases)

    def needs(self, j: int) -> list[int]:
        """Return the columns that the coordinate of a column depends on."""
        used = {i for row, _ in self.bases[j] for i, coefficient in enumerate(row) if coefficient}
        return sorted(used | {j})

    def learn(self, values: np.ndarray, lattice: Lattice) -> np.ndarray:
        """Fit the distribution of the coordinates to training values; return the values with missing ones drawn.

        Args:
            values: (n, m), NaN if missing.
            lattice: the lattice.
        """
        z = self.coordinates(values)
        grid = np.linspace(0, 1, TABLE)
        for j in self.learnt:
            present = z[~np.isnan(z[:, j]), j]
            if not len(present):  # never both present
                present = np.array([lattice.high[j] - lattice.low[j]]) if self.bases[j] else np.array([lattice.low[j]])
            self.quantiles[j] = np.quantile(present, grid, method="nearest").tolist()
        self.covariance = np.diag(np.var(np.array(self.quantiles), axis=1) + RIDGE).tolist()
        if np.isnan(values).any():
            values = self.completed(values, np.random.default_rng(0).random(values.shape), lattice)
        z = np.nan_to_num(self.coordinates(values))
        covariance = np.atleast_2d(np.cov(z, rowvar=False)) if len(z) > 1 else np.zeros((values.shape[1],) * 2)
        scale = max(float(np.diag(covariance).max()), 1e-12)
        self.covariance = (covariance + RIDGE * scale * np.eye(len(covariance))).tolist()
        return values

    def coordinates(self, values: np.ndarray) -> np.ndarray:
        """Convert values (n, m) to coordinates (n, m); NaN for derived columns and where a value is missing."""
        z = np.full_like(values, np.nan)
        for j in self.learnt:
            base = self._base(j, values)[0] if self.bases[j] else 0.0
            z[:, j] = values[:, j] - base if self.above[j] else base - values[:, j]
        return z

    def _base(self, j: int, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what a column is measured from (n,), and the index of the expression that gives it (n,)."""
        rows = [(np.array(row), constant) for row, constant in self.bases[j]]
        parts = np.stack([values[:, row != 0] @ row[row != 0] + constant for row, constant in rows], axis=1)
        which = (
            np.nan_to_num(parts, nan=-np.inf).argmax if self.above[j] else np.nan_to_num(parts, nan=np.inf).argmin
        )(1)
        base = parts[np.arange(len(parts)), which]
        return np.where(np.isnan(parts).any(1), np.nan, base), which

    def values(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Convert coordinates (n, m) to values (n, m), and return their derivatives dv/dz (n, m, m)."""
        n, m = z.shape
        v, slope = np.zeros((n, m)), np.zeros((n, m, m))
        for j in self.order:
            if j in self.derived:
                row, constant = self.derived[j]
                v[:, j] = v @ np.array(row) + constant
                slope[:, j] = np.einsum("i,nik->nk", np.array(row), slope)
                continue
            sign = 1.0 if self.above[j] else -1.0
            v[:, j] = sign * z[:, j]
            if self.bases[j]:
                base, which = self._base(j, v)
                v[:, j] += base
                rows = np.array([row for row, _ in self.bases[j]])
                slope[:, j] = np.einsum("ni,nik->nk", rows[which], slope)
            slope[:, j, j] = sign
        return v, slope

    def targets(self, z: np.ndarray, given: np.ndarray) -> np.ndarray:
        """Return values (n, m) of drawn coordinates (n, m), changed as given values (n, m), else NaN, suggest."""
        z = np.nan_to_num(z)
        known = ~np.isnan(given)
        patterns, group = np.unique(known, axis=0, return_inverse=True)
        for index, pattern in enumerate(patterns):
            rows, where = np.flatnonzero(group.reshape(-1) == index), np.flatnonzero(pattern)
            for _ in range(ROUNDS if len(where) else 0):
                v, slope = self.values(z[rows])
                z[rows] += self._change(slope[:, where], given[np.ix_(rows, where)] - v[:, where])
        out = self.values(z)[0]
        return np.where(known, given, out)

    def _change(self, slope: np.ndarray, difference: np.ndarray) -> np.ndarray:
        """Return C A^T (A C A^T)^-1 d for slopes A (n, k, m) and differences d (n, k)."""
        covariance = np.array(self.covariance)
        gain = slope @ covariance
        system = gain @ slope.transpose(0, 2, 1)
        ridge = RIDGE * np.maximum(np.trace(system, axis1=1, axis2=2), 1e-300)
        system += ridge[:, None, None] * np.eye(system.shape[1])
        weights = np.linalg.solve(system, difference[:, :, None])
        return np.asarray((gain.transpose(0, 2, 1) @ weights)[:, :, 0])

    def drawn(self, u: np.ndarray) -> np.ndarray:
        """Draw coordinates (n, m) independently of each other, from uniform numbers (n, m)."""
        places = np.minimum((u * TABLE).astype(np.int64), TABLE - 1)
        return np.stack([np.array(table)[places[:, j]] for j, table in enumerate(self.quantiles)], axis=1)

    def completed(self, values: np.ndarray, u: np.ndarray, lattice: Lattice) -> np.ndarray:
        """Return values (n, m) with the missing ones drawn so that the constraints hold, if they can."""
        out = values.copy()
        rows = np.flatnonzero(np.isnan(values).any(1))
        if len(rows):
            given = values[rows]
            targets = self.targets(self.drawn(u[rows]), given)
            found, solved = solving.solve(lattice, self.order, targets, ~np.isnan(given))
            out[rows] = np.where(solved[:, None], found, targets)
        return out

    def to_json(self) -> Json:
        """Return all properties as JSON values."""
        data = asdict(self)
        data["derived"] = [[j, *expression] for j, expression in self.derived.items()]
        data["bases"] = [[j, [list(base) for base in bases]] for j, bases in self.bases.items()]
        return data

    @classmethod
    def from_json(cls, data: Json) -> Links:
        """Create links from the result of `to_json`."""
        derived = {j: (row, constant) for j, row, constant in data["derived"]}
        bases = {j: [(row, constant) for row, constant in each] for j, each in data["bases"]}
        return cls(**{**data, "derived": derived, "bases": bases})


def _eliminate(lattice: Lattice) -> dict[int, Expression]:
    """Choose a column of each equation that the others determine, and express it by columns that aren't derived.

    Columns of the finest steps are preferred, because then steps of the others don't matter; then the first.
    """
    width = len(lattice.columns)
    found: dict[int, tuple[list[Fraction], Fraction]] = {}
    for matrix_row, bound, equal in zip(lattice.matrix, lattice.bound, lattice.equal, strict=True):
        if not equal:
            continue
        row, constant = _substituted([Fraction(each) for each in matrix_row], -Fraction(bound), found)
        choices = [j for j in range(width) if row[j]]
        if not choices:
            continue
        first = [j for j in choices if matrix_row[j]] or choices
        j = min(first, key=lambda j: (abs(row[j]) != 1, lattice.step[j], _place(matrix_row, j)))
        expression = [-each / row[j] if i != j else Fraction(0) for i, each in enumerate(row)], -constant / row[j]
        found = {i: _substituted(*each, {j: expression}) for i, each in found.items()}
        found[j] = expression
    return {j: ([float(each) for each in row], float(constant)) for j, (row, constant) in found.items()}


def _place(row: list[float], j: int) -> tuple[bool, int]:
    """Prefer the only column on its side of an equation, such as a total."""
    return sum(each * row[j] > 0 for each in row) != 1, j


def _substituted(
    row: list[Fraction], constant: Fraction, by: dict[int, tuple[list[Fraction], Fraction]]
) -> tuple[list[Fraction], Fraction]:
    """Replace columns in a linear expression by their expressions."""
    row = list(row)
    for j, (others, add) in by.items():
        factor, row[j] = row[j], Fraction(0)
        row = [each + factor * other for each, other in zip(row, others, strict=True)]
        constant += factor * add
    return row, constant


def _reduced(lattice: Lattice, derived: dict[int, Expression]) -> list[Expression]:
    """Return the inequalities between at least two columns, without the derived ones."""
    out = []
    by = {j: ([Fraction(each) for each in row], Fraction(constant)) for j, (row, constant) in derived.items()}
    for matrix_row, bound, equal in zip(lattice.matrix, lattice.bound, lattice.equal, strict=True):
        if equal:
            continue
        row, constant = _substituted([Fraction(each) for each in matrix_row], -Fraction(bound), by)
        if sum(each != 0 for each in row) > 1:
            out.append(([float(each) for each in row], -float(constant)))
    return out


def _sorted(free: list[int], inequalities: list[Expression]) -> list[int]:
    """Sort columns so that the smaller side of inequalities comes first, where that is possible."""
    before: dict[int, set[int]] = {j: set() for j in free}
    for row, _ in inequalities:
        for j in free:
            if row[j] < 0:
                before[j] |= {i for i in free if row[i] > 0}
    order: list[int] = []
    while len(order) < len(free):
        rest = [j for j in free if j not in order]
        order.append(next((j for j in rest if before[j] <= set(order)), rest[0]))
    return order
