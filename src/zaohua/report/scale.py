"""Axes of charts: positions of values, and ticks at round values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Scale:
    """Map from values to positions along an axis.

    Attributes:
        low, high: values at its ends; values beyond are clipped.
        start, end: positions of its ends.
        kind: "linear", "log", or "asinh", which is linear near 0 and logarithmic far from it.
        unit: value at which an asinh axis changes from linear to logarithmic.
    """

    low: float
    high: float
    start: float
    end: float
    kind: Literal["linear", "log", "asinh"] = "linear"
    unit: float = 1.0

    @classmethod
    def around(
        cls, values: Sequence[float], start: float, end: float, kind: Literal["linear", "log"], room: float = 0.08
    ) -> Scale:
        """Create an axis that contains all values, with margins of the fraction `room` of their range."""
        least, most = min(values), max(values)
        if kind == "log":
            factor = max((most / least) ** room, 1.15)
            return cls(least / factor, most * factor, start, end, kind)
        margin = (most - least) * room or abs(most) * room or 1.0
        return cls(least - margin if least < margin or least > 0.5 * most else 0.0, most + margin, start, end, kind)

    def __call__(self, value: float) -> float:
        """Return the position of a value."""
        low, high = self._transformed(self.low), self._transformed(self.high)
        fraction = (self._transformed(min(max(value, self.low), self.high)) - low) / (high - low)
        return self.start + fraction * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Choose about five round values along the axis."""
        if self.kind == "linear":
            return self._even()
        powers = range(math.floor(math.log10(self._least)), math.ceil(math.log10(max(abs(self.low), self.high))) + 1)
        decades = len(powers) - 1
        steps = (1, 2, 5) if decades <= 2 else (1, 3) if decades <= 3 else (1,)
        if self.kind == "asinh":
            steps = (1,)
        sizes = [step * 10.0**k for k in powers[:: 1 + decades // 7] for step in steps]
        marks = sizes if self.kind == "log" else [-size for size in sizes[::-1]] + [0.0, *sizes]
        inside = [mark for mark in marks if self.low <= mark <= self.high]
        return inside if len(inside) > 1 else self._even()

    def _even(self) -> list[float]:
        rough = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * nice for nice in (1, 2, 5, 10) if power * nice >= rough)
        count = range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)
        return [float(f"{k * step:.6g}") for k in count]

    @property
    def _least(self) -> float:
        return self.low if self.kind == "log" else self.unit

    def _transformed(self, value: float) -> float:
        if self.kind == "log":
            return math.log(value)
        return math.asinh(value / self.unit) if self.kind == "asinh" else value


def apart(ticks: Sequence[float], scale: Scale, gap: float = 12) -> list[float]:
    """Select the ticks whose labels don't overlap; those near 0 are preferred."""
    kept: list[float] = []
    for tick in sorted(ticks, key=abs):
        if all(abs(scale(tick) - scale(other)) >= gap for other in kept):
            kept.append(tick)
    return kept
