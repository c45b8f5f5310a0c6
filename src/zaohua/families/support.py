"""Support of distributions, and checks of data with error messages that say what is wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zaohua.core.errors import ZaohuaError


@dataclass(frozen=True)
class Support:
    """Set of the numbers between two ends.

    Attributes:
        low, high: the ends.
        ends: whether the ends are included.
        integer: whether only integers are included.
    """

    low: float = -math.inf
    high: float = math.inf
    ends: bool = True
    integer: bool = False

    def holds(self, x: np.ndarray) -> np.ndarray:
        """Return which numbers lie in the support, bool, of the same shape."""
        inside = (x >= self.low) & (x <= self.high) if self.ends else (x > self.low) & (x < self.high)
        return inside & (x == np.floor(x)) if self.integer else inside

    def nearest(self, x: np.ndarray) -> np.ndarray:
        """Return x, with numbers that were rounded to an excluded end moved to the nearest number inside."""
        return x if self.ends else np.clip(x, np.nextafter(self.low, np.inf), np.nextafter(self.high, -np.inf))

    def __str__(self) -> str:
        kind = "whole numbers" if self.integer else "numbers"
        if self.high < math.inf:
            return f"{kind} from {self.low:g} to {self.high:g}" + ("" if self.ends else " without these ends")
        if self.low == -math.inf:
            return kind
        return f"{kind} from {self.low:g} on" if self.ends else f"{kind} above {self.low:g}"


def check_values(x: np.ndarray, name: str, support: Support, remedy: str, columns: Sequence[str] | None = None) -> None:
    """Check that every value lies in the support of a distribution.

    Args:
        x: (n, p), float64.
        name: name of the distribution.
        support: its support.
        remedy: advice about values outside the support.
        columns: names of the columns, if they have any.

    Raises:
        ZaohuaError: there are no values, missing or infinite ones, or ones outside the support; the message names the
            column, the first row (counted from 0), the value, how many there are and what to do.
    """
    if x.size == 0:
        raise ZaohuaError(
            f"{name}: there is nothing to fit, {x.shape[0]} sample(s) and {x.shape[1]} feature(s) (shape="
            f"{x.shape}) while a minimum of 1 is required."
        )
    for j, column in enumerate(x.T):
        of = column_name(columns, j, x.shape[1])
        strange = ~np.isfinite(column)
        if strange.any():
            nans = int(np.isnan(column).sum())
            counts = [f"{count} {what}" for count, what in ((nans, "NaN"), (int(strange.sum()) - nans, "inf")) if count]
            raise ZaohuaError(
                f"{name}: {' and '.join(counts)} among the {len(x)} values{of}, the first in row "
                f"{strange.argmax()}: leave them out or fill them in"
            )
        outside = ~support.holds(column)
        if outside.any():
            row = int(outside.argmax())
            raise ZaohuaError(
                f"{name} takes {support}, but row {row}{of} holds {column[row]:g} "
                f"({int(outside.sum())} of {len(x)} values are outside): {remedy}"
            )


def check_spread(x: np.ndarray, name: str, varies: np.ndarray, columns: Sequence[str] | None = None) -> None:
    """Check that no column is constant, for distributions that can't be fitted to one.

    Args:
        x: (n, p), float64.
        name: name of the distribution.
        varies: which columns it can be fitted to, (p,).
        columns: names of the columns, if they have any.
    """
    for j in np.flatnonzero(~varies).tolist():
        raise ZaohuaError(
            f"{name}: all values{column_name(columns, j, x.shape[1])} are {x[0, j]:g} (n_samples = "
            f"{len(x)}), which leaves nothing to fit: give values that differ"
        )


def column_name(columns: Sequence[str] | None, j: int, count: int) -> str:
    """Return the part of a message that names column j; empty for a single column without a name."""
    if columns is not None:
        return f" of column {columns[j]!r}"
    return f" of column {j}" if count > 1 else ""
