"""The releases of a private mixture of products: what of a table is released, in which order, and what each costs.

1. What a schema doesn't declare: bounds of numbers and frequent values, see `private_domain`.
2. Counts of single columns, see `private_columns`.
3. Counts of pairs of columns, see `private_marginals`.

All later steps see noisy counts only.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

import numpy as np
import pandas as pd

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.notes import note, shown
from zaohua.families.density import Parameters
from zaohua.families.private_columns import Measured, measure, parameters_of
from zaohua.families.private_domain import DomainFinder, undeclared
from zaohua.families.private_marginals import fit_pairs
from zaohua.modalities.base import Codes
from zaohua.modalities.tables.codec import TableCodec
from zaohua.privacy.guarantee import ADD_OR_REMOVE, Guarantee, check_budget
from zaohua.privacy.mechanisms import SYSTEM
from zaohua.privacy.zcdp import Budget, gaussian_variance, rho_of

METHOD = "exact discrete Gaussian noise on counts, exact exponential mechanism for pairs of columns, sums in zCDP"
COMPONENTS = 100
"""Number of components of a mixture, by default."""
SINGLE_SHARE = 0.15
"""Share of the budget for single columns, if pairs are measured, too."""
ROUNDS = 4.0
"""Pairs that are measured for each column."""
LEAST_GROUP = 4.0
"""Standard deviations of the noise of a pair's count that the count of a group should have."""
FEW = 20.0
"""Standard deviations of the noise of a count below which all rows are few."""


class Release:
    """A budget, and what of a table is released within it.

    Args:
        epsilon: the privacy loss.
        delta: the chance that it doesn't hold; by default 1 / (10 n), with n rounded up to a power of ten.
        frame: the table.
        schema: checked entries of the columns that are declared.
        rng: source of the noise.

    Attributes:
        schema: an entry for each column, declared or found.
    """

    def __init__(
        self,
        epsilon: float,
        delta: float | None,
        frame: pd.DataFrame,
        schema: Mapping[str, Json],
        rng: random.Random = SYSTEM,
    ) -> None:
        self.epsilon, self.rng, n = epsilon, rng, max(1, len(frame))
        self.delta = check_budget(epsilon, 10.0 ** -(1 + math.ceil(math.log10(n))) if delta is None else delta, n)
        _, texts = undeclared(frame, schema)
        part = self.delta / 2 if texts else 0.0  # of delta, for texts that one row alone has
        self.budget = Budget(rho_of(epsilon, self.delta - part))
        self.schema = DomainFinder(self.budget, part, epsilon, rng).complete(frame, schema)
        self._declared = [f"values of {name}" for name in schema]
        self._outside = ["the names of the columns", "the time it took"]
        if found := [name for name in self.schema if name not in schema]:
            self._outside.append(f"whether {shown(found)} are numbers or texts")
        if delta is None:
            self._outside.append("the power of ten above the number of rows, which delta tells")

    def fit(self, codec: TableCodec, rows: Codes, components: int, seed: int) -> tuple[Parameters, float]:
        """Measure columns and pairs, set the codec's views, and fit a mixture.

        Args:
            codec: the codec of the schema.
            rows: encoded rows (n, columns).
            components: number of components; with one, only columns are measured.
            seed: seed of what fitting begins with.

        Returns:
            The parameters, and the estimated number of rows.
        """
        codes = rows[np.arange(len(rows))].double().numpy()
        alone = components == 1 or len(codec.columns_) == 1
        rounds = 0 if alone else rounds_of(len(codec.columns_))
        measured = measure(codec, codes, 1.0 if alone else SINGLE_SHARE, self.budget, self.rng)
        pair = 0.0 if alone else math.sqrt(gaussian_variance(self.budget.left / rounds))
        measured = [each.grouped(LEAST_GROUP * pair) for each in measured]
        codec.set_views([each.view() for each in measured])
        columns = [each.one_way() for each in measured]
        groups = np.stack([each.row_groups() for each in measured], axis=1)
        weights, chances = fit_pairs(groups, columns, components, rounds, self.budget, seed, self.rng)
        count = float(np.median([column.counts.sum() for column in columns]))
        self._warn(count, measured)
        return parameters_of(codec, measured, weights, chances), count

    def guarantee(self) -> Guarantee:
        """Return what is promised."""
        shares, outside = self.budget.shares(), tuple(self._outside)
        return Guarantee(
            self.epsilon, self.delta, "one row", ADD_OR_REMOVE, METHOD, tuple(self._declared), shares, outside
        )

    def _warn(self, rows: float, measured: list[Measured]) -> None:
        """Note that there are few rows for this epsilon."""
        noise = float(np.median([each.deviation for each in measured]))
        if rows < FEW * noise:
            note(
                f"about {round(rows):,} rows are few for epsilon {self.epsilon:g}: each count has noise of about "
                f"{noise:,.0f} rows, so most of what is learnt is noise"
            )


def check_options(epsilon: float | None, delta: float | None, codec: object) -> None:
    """Raise a `ZaohuaError` if options of a model or of its codec, which may be None, don't go with privacy."""
    if epsilon is None:
        if delta is not None:
            raise ZaohuaError(f"delta means nothing without epsilon: give both ({option('epsilon', 1.0)})")
        return
    for name, why in {
        "constraints": "what they link would be read off the data",
        "kinds": "a schema says what columns are",
    }.items():
        if getattr(codec, name, None):
            raise ZaohuaError(f"{name} can't be given with epsilon: {why} ({option('schema')})")
    if getattr(codec, "numbers", "auto") == "modes":
        raise ZaohuaError(f"{option('numbers', 'modes')} can't be given with epsilon: modes would be read off the data")


def rounds_of(columns: int) -> int:
    """Return the number of pairs of columns that are measured."""
    return min(columns * (columns - 1) // 2, round(ROUNDS * columns))
