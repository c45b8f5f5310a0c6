"""The promise of a private model: how much any one item of the training data can have changed what was released.

A randomised method M is (epsilon, delta)-differentially private if for all data sets D and D' that are neighbours, and
for all sets S of outcomes,

    P(M(D) in S) <= exp(epsilon) P(M(D') in S) + delta

Source: Dwork and Roth, "The Algorithmic Foundations of Differential Privacy", 2014.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Self

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json

ADD_OR_REMOVE = "one item is added or removed"
REPLACE = "one item is replaced by another"


@dataclass(frozen=True)
class Guarantee:
    """What a private model promises, as its card and `zaohua info` tell it.

    Attributes:
        epsilon: the privacy loss, above 0; smaller is more private.
        delta: the chance that the bound doesn't hold.
        unit: what one item is, such as "one row" or "one picture": only this much of a person is protected.
        neighbours: how neighbouring data sets differ.
        method: how it was reached, in a few words: the mechanism and how its cost was counted.
        declared: what was given from outside rather than learnt from the data, such as "bounds of age".
        paid: the share of the budget that each release from the data took, which sum to 1.
        outside: what the promise doesn't cover though the data determined it, such as "the number of items".
    """

    epsilon: float
    delta: float
    unit: str
    neighbours: str
    method: str
    declared: tuple[str, ...] = ()
    paid: dict[str, float] = field(default_factory=dict)
    outside: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the promise in a line: "epsilon 1, delta 3.1e-06, for one row"."""
        return f"epsilon {self.epsilon:.4g}, delta {self.delta:.2g}, for {self.unit}"

    def lines(self) -> list[str]:
        """Return the promise in sentences, for cards and pages."""
        shares = ", ".join(f"{what} {share:.0%}" for what, share in self.paid.items())
        parts = {
            "Neighbouring data": self.neighbours,
            "Method": self.method,
            "Declared, not learnt": ", ".join(self.declared),
            "Budget": shares,
            "Outside the guarantee": ", ".join(self.outside),
        }
        return [str(self), *(f"{name}: {text}" for name, text in parts.items() if text)]

    def to_json(self) -> Json:
        """Return the promise as JSON values."""
        return {**asdict(self), "declared": list(self.declared), "outside": list(self.outside)}

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Create the promise from the result of `to_json`."""
        return cls(**{**data, "declared": tuple(data["declared"]), "outside": tuple(data["outside"])})


def check_budget(epsilon: float, delta: float | None, n: int) -> float:
    """Return delta, by default a tenth of one item's share, 1 / (10 n).

    Args:
        epsilon: the privacy loss, above 0.
        delta: the chance that the bound doesn't hold, or None.
        n: number of items.

    Raises:
        ZaohuaError: a delta is so large that publishing some items whole would keep the promise.
    """
    if not (math.isfinite(epsilon) and epsilon > 0):
        raise ZaohuaError(f"epsilon must be a number above 0, not {epsilon}: {option('epsilon', 1.0)} is common")
    if delta is None:
        return 1 / (10 * max(1, n))
    if not 0 < delta < 1 / max(1, n):
        raise ZaohuaError(
            f"delta must be above 0 and below one item's share, 1 / {n:,} = {1 / max(1, n):.2g}, not {delta:g}: with "
            f"more, publishing some items whole would keep the promise; {option('delta', float(f'{0.1 / n:.1g}'))}"
        )
    return delta
