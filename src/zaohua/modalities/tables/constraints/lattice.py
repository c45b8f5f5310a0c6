"""Columns of numbers or dates that constraints link, in common units, and the constraints as linear inequalities.

If all columns have a step (whole numbers, decimals, dates), their values v are multiples of one common unit and
therefore whole, so that sums and comparisons are exact. Otherwise v are the numbers themselves.

    A v <= b    or    A v = b
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction

import numpy as np

from zaohua.core.json import Json
from zaohua.modalities.tables.columns import Column
from zaohua.modalities.tables.constraints.parsing import Linear
from zaohua.modalities.tables.constraints.units import (
    LARGEST,
    PRECISION,
    check_kinds,
    limits_of,
    literal,
    noise_of,
    number_units,
    step_of,
    time_units,
    with_exact_step,
    zeros_of,
)
from zaohua.modalities.tables.kinds import TIMES

FINE = 1e-12
"""Relative distance that numbers of float64 must have to differ; of others see `PRECISION`."""
EQUAL = 1e-9
"""Relative difference of sums of numbers without steps that counts as none."""
ROUNDING = 2.0**-51
"""Relative rounding error of sums."""
FREE = 0.01
"""Distance, in whole units, that a strict inequality demands of a value that need not exist."""


@dataclass
class Lattice:
    """Linked columns in common units.

    Attributes:
        columns: indices of the columns in a table's codes.
        mult, shift: v = code * mult + shift, for each column.
        step, offset: v of a column are offset + multiples of step; step is 0 for numbers of any value.
        low, high: range in training.
        least, most: range of the dtype.
        decimals: decimal places of the codes; -1 if there are none to keep.
        whole: True if all v are whole.
        noise: relative error of codes that is due to their dtype.
        margin: distance that strict inequalities demand.
        texts: the constraint that each inequality is part of.
        matrix, bound: A and b.
        equal, strict: whether an inequality is an equation, and whether it is strict.
    """

    columns: list[int]
    mult: list[float]
    shift: list[float]
    step: list[float]
    offset: list[float]
    low: list[float]
    high: list[float]
    least: list[float]
    most: list[float]
    decimals: list[int]
    whole: bool
    noise: float
    margin: float
    texts: list[str]
    matrix: list[list[float]]
    bound: list[float]
    equal: list[bool]
    strict: list[bool]

    @classmethod
    def fit(
        cls, indices: Sequence[int], columns: Sequence[Column], codes: np.ndarray, linears: Sequence[Linear]
    ) -> Lattice:
        """Determine the common units of columns, and convert the constraints to them.

        Args:
            indices: indices of the linked columns.
            columns: all columns.
            codes: codes of all columns (n, columns), NaN if missing.
            linears: the constraints.

        Raises:
            ZaohuaError: numbers and dates are mixed, or a constant is neither; the message names the constraint.
        """
        for linear in linears:
            check_kinds(linear, columns)
        linked = [with_exact_step(columns[index], codes[:, index]) for index in indices]
        is_time = linked[0].kind in TIMES
        whole = is_time or all(column.step > 0 for column in linked)
        units, origins = time_units(linked) if is_time else number_units(linked, whole)
        zeros = zeros_of(linked, origins)
        names = [column.name for column in linked]
        rows = []
        for linear in linears:
            unit = Fraction(units.common) if whole else Fraction(1)
            coefficients = [dict(linear.terms).get(name, 0) for name in names]
            constant = sum((sign * literal(linear, text, columns) for sign, text in linear.literals), Fraction(0))
            moved = sum((each * Fraction(zero) for each, zero in zip(coefficients, zeros, strict=True)), Fraction(0))
            bound = (-constant - moved) / unit
            rows.append((linear, coefficients, bound))
        mult = np.array([float(Fraction(each) / units.common) if whole else 1.0 for each in units.each])
        shift = np.array(
            [
                float((Fraction(origin) - zero) / (units.common if whole else 1))
                for origin, zero in zip(origins, zeros, strict=True)
            ]
        )
        low, high = (mult * [getattr(column, end) for column in linked] + shift for end in ("low", "high"))
        offset = mult * [column.low if column.is_discrete else 0.0 for column in linked] + shift
        limits = np.array([limits_of(column) for column in linked]) * mult[:, None] + shift[:, None]
        limits = np.clip(limits, -LARGEST, LARGEST)
        scale = float(np.abs([low, high]).max()) or 1.0
        return cls(
            columns=list(indices),
            mult=mult.tolist(),
            shift=shift.tolist(),
            step=[step_of(column, by) if whole else column.step for column, by in zip(linked, mult, strict=True)],
            offset=(np.rint(offset) if whole else offset).tolist(),
            low=(np.rint(low) if whole else low).tolist(),
            high=(np.rint(high) if whole else high).tolist(),
            least=limits[:, 0].tolist(),
            most=limits[:, 1].tolist(),
            decimals=[-1 if column.decimals is None else column.decimals for column in linked],
            whole=whole,
            noise=max(noise_of(column) for column in linked),
            margin=1.0 if whole else scale * max(PRECISION.get(column.dtype, FINE) for column in linked),
            texts=[linear.text for linear, _, _ in rows],
            matrix=[[float(each) for each in coefficients] for _, coefficients, _ in rows],
            bound=[float(bound) for _, _, bound in rows],
            equal=[linear.relation == "=" for linear, _, _ in rows],
            strict=[linear.relation == "<" for linear, _, _ in rows],
        )

    @property
    def tolerance(self) -> float:
        """Difference of values that counts as none."""
        return 1e-6 if self.whole else self.margin / 8

    def values(self, codes: np.ndarray) -> np.ndarray:
        """Convert codes of all columns (n, columns) to values of the linked ones (n, m)."""
        v = codes[:, self.columns] * self.mult + self.shift
        if self.whole:
            near = np.rint(v)
            v = np.where(np.abs(v - near) <= np.maximum(self.noise * np.abs(v), 1e-6), near, v)
        return np.asarray(v)

    def codes(self, v: np.ndarray) -> np.ndarray:
        """Convert values (n, m) to codes (n, m)."""
        codes = (v - self.shift) / self.mult
        if self.whole:
            for j, digits in enumerate(self.decimals):
                if digits >= 0:
                    kept = np.round(codes[:, j], digits)
                    codes[:, j] = np.where(np.isclose(kept, codes[:, j], rtol=1e-12, atol=1e-9), kept, codes[:, j])
        return np.asarray(codes)

    def broken(self, v: np.ndarray) -> np.ndarray:
        """Return which inequalities values (n, m) violate, bool (n, k); one with a missing value is none of them."""
        total = np.zeros((len(v), len(self.bound)))
        size = np.zeros_like(total)
        for k, row in enumerate(self.matrix):
            for j, coefficient in enumerate(row):
                if coefficient:
                    total[:, k] += coefficient * v[:, j]
                    size[:, k] += np.abs(coefficient * v[:, j])
        over = total - self.bound
        if self.whole:
            out = np.where(self.equal, np.abs(over) > 1e-6, np.where(self.strict, over > -1e-6, over > 1e-6))
        else:
            loose = EQUAL * size + 1e-6 * min(1.0, self._scale)
            rounded = ROUNDING * np.where(self._sums, size + np.abs(self.bound), 0.0)
            out = np.where(self.equal, np.abs(over) > loose, np.where(self.strict, over >= 0, over > rounded))
        return out & ~np.isnan(total)

    @property
    def _sums(self) -> np.ndarray:
        """Which inequalities are of sums, whose rounding errors are not violations: not a < b and a < 1."""
        terms = [sum(each != 0 for each in row) for row in self.matrix]
        return np.array([many > 2 or (many == 2 and bound != 0) for many, bound in zip(terms, self.bound, strict=True)])

    @property
    def _loose(self) -> float:
        return EQUAL * len(self.columns) * self._scale + 1e-6 * min(1.0, self._scale)

    @property
    def _scale(self) -> float:
        return max(map(abs, [*self.low, *self.high])) or 1.0

    def inequalities(self, free: bool = False, slack: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Return A (k, m) and b (k,) of A v <= b with all strict inequalities tightened, and equations as pairs.

        Args:
            free: True to tighten less, for values that need not be multiples of a step because they are missing.
            slack: factor of what sums are tightened by, so that rounding doesn't violate them.
        """
        rows, bounds = [], []
        parts = zip(self.matrix, self.bound, self.equal, self.strict, self._sums.tolist(), strict=True)
        for row, bound, equal, strict, is_sum in parts:
            if strict:
                bound = bound - (FREE if self.whole and free else self.margin)
                bound = math.ceil(bound - 1e-9) if self.whole and not free else bound
            elif self.whole and not equal:
                bound = math.floor(bound + 1e-9)
            elif is_sum and not equal and not free:
                bound -= 2 * slack * ROUNDING * self._scale
            loose = 0.0 if self.whole or not equal else self._loose if free else self.margin / 2
            rows.append(row)
            bounds.append(bound + loose)
            if equal:
                rows.append([-each for each in row])
                bounds.append(-bound + loose)
        return np.array(rows, dtype=np.float64), np.array(bounds, dtype=np.float64)

    def real_inequalities(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return A, b and whether they are strict (k,), as they are for real numbers, with equations as pairs."""
        rows, bounds, strict = [], [], []
        for row, bound, equal, is_strict in zip(self.matrix, self.bound, self.equal, self.strict, strict=True):
            for sign in (1.0, -1.0)[: 1 + equal]:
                rows.append([sign * each for each in row])
                bounds.append(sign * bound)
                strict.append(float(is_strict))
        return np.array(rows), np.array(bounds), np.array(strict)

    def to_json(self) -> Json:
        """Return all properties as JSON values."""
        return asdict(self)
