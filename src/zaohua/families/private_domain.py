"""The domain of a private table: what a schema declares, and what must be found of other columns privately.

Noisy counts of magnitudes tell the range of numbers. Of texts, those are told that are frequent enough: a text that one
row alone has is told with a chance of at most a part of delta.
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
from zaohua.privacy.histograms import CERTAIN, frequent, magnitude_bounds
from zaohua.privacy.mechanisms import noisy
from zaohua.privacy.zcdp import Budget

DOMAIN = "bounds and categories"
SHARE = 0.1
"""Share of the budget for what isn't declared."""


def undeclared(frame: pd.DataFrame, schema: Mapping[str, Json]) -> tuple[list[str], list[str]]:
    """Return the numeric columns, and those of texts, that a schema doesn't declare."""
    rest = {str(name): dtype for name, dtype in frame.dtypes.items() if str(name) not in schema}
    rest = {name: dtype for name, dtype in rest.items() if not pd.api.types.is_bool_dtype(dtype)}
    numbers = [name for name, dtype in rest.items() if pd.api.types.is_numeric_dtype(dtype)]
    return numbers, [name for name in rest if name not in numbers]


@dataclass
class DomainFinder:
    """What finds the domain of columns.

    Attributes:
        budget: what may be spent.
        delta: chance that a text is told that one row alone has, for all columns together.
        epsilon: the privacy loss, for messages.
        rng: source of the noise.
    """

    budget: Budget
    delta: float
    epsilon: float
    rng: random.Random

    def complete(self, frame: pd.DataFrame, schema: Mapping[str, Json]) -> dict[str, Json]:
        """Complete a schema by what can be found of the other columns.

        Raises:
            ZaohuaError: nothing can be found of a column; the message says what to declare.
        """
        numbers, texts = undeclared(frame, schema)
        paid = len(numbers) + len(texts)
        out: dict[str, Json] = {}
        for column in frame.columns:
            name, cells = str(column), frame[column]
            if name in schema:
                out[name] = schema[name]
            elif name in numbers:
                out[name] = self._bounds(name, cells, SHARE * self.budget.total / paid)
            elif name in texts:
                out[name] = self._categories(name, cells, SHARE * self.budget.total / paid, self.delta / len(texts))
            else:
                out[name] = {"categories": [False, True]}
        if paid:
            found = shown([*numbers, *texts])
            note(f"{SHARE:.0%} of the privacy budget went for the values of {found}: {option('schema')} declares them")
        return out

    def _categories(self, name: str, cells: pd.Series, rho: float, delta: float) -> Json:
        """Find the frequent values of a column."""
        advice = f"or leave the column out ({option('leave_out', (name,))})"
        if cells.dtype.kind in "mM":
            raise ZaohuaError(
                f"column {name!r} holds times, which aren't learnt privately: make numbers of them, {advice}"
            )
        self.budget.spend(DOMAIN, rho)
        missing = cells.isna().to_numpy(dtype=bool)
        values = [None if absent else value for value, absent in zip(cells, missing, strict=True)]
        told = frequent(values, rho, delta, self.rng)
        if not (known := [value for value in told if value is not None]):
            raise ZaohuaError(
                f"column {name!r} has no value that is frequent enough to be found privately at epsilon "
                f"{self.epsilon:g}: declare its categories ({option('schema')}), {advice}"
            )
        return {"categories": known, "missing": None in told}

    def _bounds(self, name: str, cells: pd.Series, rho: float) -> Json:
        """Find the range of a column's numbers."""
        self.budget.spend(DOMAIN, rho)
        missing = cells.isna().to_numpy(dtype=bool)
        values = cells[~missing].to_numpy(dtype=np.float64)
        bounds = magnitude_bounds(values[np.isfinite(values)], rho, self.rng)
        absent, variance = noisy(np.array([float(missing.sum())]), rho, self.rng)  # a row counts here or there
        if bounds is None:
            raise ZaohuaError(
                f"column {name!r} has too few numbers for their range to be found privately at epsilon "
                f"{self.epsilon:g}: declare low and high ({option('schema')})"
            )
        may_miss = bool(absent[0] > CERTAIN * math.sqrt(variance))
        if pd.api.types.is_integer_dtype(cells.dtype):
            least, most = math.floor(bounds[0]), math.ceil(bounds[1])
            return {"low": least, "high": max(most, least + 1), "integer": True, "missing": may_miss}
        low, high = bounds
        return {"low": low, "high": high if high > low else low + 1, "missing": may_miss}
