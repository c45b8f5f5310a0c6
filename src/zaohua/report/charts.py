"""Charts drawn by arithmetic alone, inside a page: curves of training, quality against cost, differences."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import numpy as np

from zaohua.metrics.intervals import Interval
from zaohua.report.markup import minus, number

WIDTH, HEIGHT, LEFT, BOTTOM = 460, 170, 44, 22
TALL, LETTER = 300, 7
"""Height of a chart of points, and the width of a letter in it."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Scale:
    """Where values lie along an axis.

    Attributes:
        low, high: the values at its ends; those beyond are drawn there.
        start, end: where the ends are.
        kind: "linear"; "log"; or "bent", linear about 0 and logarithmic far from it, as asinh is.
        unit: of a bent one, where it bends.
    """

    low: float
    high: float
    start: float
    end: float
    kind: Literal["linear", "log", "bent"] = "linear"
    unit: float = 1.0

    @classmethod
    def around(
        cls, values: Sequence[float], start: float, end: float, kind: Literal["linear", "log"], room: float = 0.08
    ) -> Scale:
        """One that holds all values, with some room beside them."""
        least, most = min(values), max(values)
        if kind == "log":
            share = max((most / least) ** room, 1.15)
            return cls(least / share, most * share, start, end, kind)
        share = (most - least) * room or abs(most) * room or 1.0
        return cls(least - share if least < share or least > 0.5 * most else 0.0, most + share, start, end, kind)

    def __call__(self, value: float) -> float:
        """The place of a value."""
        low, high = self._bent(self.low), self._bent(self.high)
        share = (self._bent(min(max(value, self.low), self.high)) - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values along it, five or so."""
        if self.kind == "linear":
            return self._even()
        reach = range(math.floor(math.log10(self._least)), math.ceil(math.log10(max(abs(self.low), self.high))) + 1)
        decades = len(reach) - 1
        steps = (1, 2, 5) if decades <= 2 else (1, 3) if decades <= 3 else (1,)
        if self.kind == "bent":
            steps = (1,)
        sizes = [step * 10.0**k for k in reach[:: 1 + decades // 7] for step in steps]
        marks = sizes if self.kind == "log" else [-size for size in sizes[::-1]] + [0.0, *sizes]
        found = [mark for mark in marks if self.low <= mark <= self.high]
        return found if len(found) > 1 else self._even()

    def _even(self) -> list[float]:
        rough = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * nice for nice in (1, 2, 5, 10) if power * nice >= rough)
        count = range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)
        return [float(f"{k * step:.6g}") for k in count]

    @property
    def _least(self) -> float:
        return self.low if self.kind == "log" else self.unit

    def _bent(self, value: float) -> float:
        if self.kind == "log":
            return math.log(value)
        return math.asinh(value / self.unit) if self.kind == "bent" else value


# ---- curves of training


def loss_curve(history: Sequence[dict[str, Any]]) -> str:
    """The losses of training as an inline SVG: seconds to the right, each phase a line; empty without records."""
    names = sorted({key for record in history for key in record if key.startswith("loss")})[:2]
    lines = {name: [(r["seconds"], r[name]) for r in history if name in r and math.isfinite(r[name])] for name in names}
    points = [point for line in lines.values() for point in line]
    if len(points) < 2:
        return ""
    values = np.array([value for _, value in points])
    low, high = (float(q) for q in np.quantile(values, [0.0, 0.97]))
    low, high = (low, high) if high > low else (low - 1, high + 1)
    end = max(seconds for seconds, _ in points)
    x, y = Scale(0, end, LEFT, WIDTH), Scale(low, high, HEIGHT - BOTTOM, 6)
    parts = [_across(y(value), WIDTH, number(value)) for value in (low, (low + high) / 2, high)]
    parts.append(
        f'<text x="{LEFT}" y="{HEIGHT - 5}">0</text>'
        f'<text x="{WIDTH}" y="{HEIGHT - 5}" text-anchor="end">{end:.0f} s of training</text>'
    )
    for style, (name, line) in zip("ab", lines.items(), strict=False):
        path = " ".join(f"{x(seconds):.1f},{y(value):.1f}" for seconds, value in line)
        parts.append(f'<path class="{style}" d="M{path}"/>')
        label = name.removeprefix("loss/") if len(names) > 1 else "loss"
        parts.append(
            f'<text class="{style}" x="{LEFT + 80 * (1 + "ab".index(style))}" y="{HEIGHT - 5}">{escape(label)}</text>'
        )
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Loss of training">{"".join(parts)}</svg>'


def _across(y: float, right: float, label: str, style: str = "axis") -> str:
    """A line across with its value at the left."""
    return (
        f'<line class="{style}" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    )


# ---- quality against cost


@dataclass(frozen=True)
class Point:
    """A model in a chart.

    Attributes:
        name: of it.
        x: its cost, above 0.
        y: its figure.
        low, high: the interval of y, where there is one.
    """

    name: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None


def scatter(
    points: Sequence[Point],
    x_title: str,
    y_title: str,
    floor: float | None = None,
    floor_title: str = "real pictures",
    higher: bool = False,
) -> str:
    """Models by cost and quality, both better the smaller they are, as an inline SVG.

    Those that none of the others beats in both are filled, and joined by a line.

    Args:
        points: the models; empty without any.
        x_title: what the cost is; its axis is logarithmic.
        y_title: what the figure is; its axis is logarithmic if the figures span more than ten times the least.
        floor: a figure that nothing is honestly much better than.
        floor_title: what it is of.
        higher: whether figures are better the larger they are instead.
    """
    if not points:
        return ""
    ends = [end for p in points for end in (p.y, p.low, p.high) if end is not None]
    main = [p.y for p in points] + ([] if floor is None else [floor])
    log = not higher and min(main) > 0 and max(main) > 10 * min(main)
    values = [max(end, min(main) / 2) for end in ends] + main if log else ends + main
    x = Scale.around([p.x for p in points], LEFT + 6, WIDTH - 56, "log")  # beside it, names have room
    y = Scale.around(values, TALL - BOTTOM - 20, 20, "log" if log else "linear")
    parts = [_across(y(tick), WIDTH, f"{tick:,g}".replace("-", "−")) for tick in y.ticks()]
    parts += [
        f'<text x="{x(tick):.1f}" y="{TALL - BOTTOM - 3}" text-anchor="middle">{tick:,g}</text>' for tick in x.ticks()
    ]
    parts.append(
        f'<text class="title" x="{WIDTH}" y="{TALL - 4}" text-anchor="end">{escape(x_title)}</text>'
        f'<text class="title" x="{LEFT - 34}" y="9">{escape(y_title)}</text>'
    )
    if floor is not None:
        parts.append(f'<line class="floor" x1="{LEFT}" x2="{WIDTH}" y1="{y(floor):.1f}" y2="{y(floor):.1f}"/>')
    front = _front(points, higher)
    if len(front) > 1:
        path = " ".join(f"{x(p.x):.1f},{y(p.y):.1f}" for p in front)
        parts.append(f'<path class="front" d="M{path}"/>')
    parts += [_marked(point, x, y, point in front) for point in points] + _labels(points, x, y, floor, floor_title)
    label = escape(f"{y_title} against {x_title}")
    return f'<svg viewBox="0 0 {WIDTH} {TALL}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _front(points: Sequence[Point], higher: bool) -> list[Point]:
    """Those that no other beats in both, by rising cost."""
    front: list[Point] = []
    sign = -1 if higher else 1
    for point in sorted(points, key=lambda p: (p.x, sign * p.y)):
        if not front or sign * point.y < sign * front[-1].y:
            front.append(point)
    return front


def _marked(point: Point, x: Scale, y: Scale, filled: bool) -> str:
    """A point with its interval as a whisker."""
    at = f"{x(point.x):.1f}"
    whisker = (
        ""
        if point.low is None or point.high is None
        else f'<line class="whisker" x1="{at}" x2="{at}" y1="{y(point.low):.1f}" y2="{y(point.high):.1f}"/>'
    )
    told = escape(f"{point.name}: {number(point.y)} at {number(point.x)}")
    return (
        f'<g class="{"point on" if filled else "point"}">{whisker}<circle cx="{at}" cy="{y(point.y):.1f}" r="4.5">'
        f"<title>{told}</title></circle></g>"
    )


def _labels(points: Sequence[Point], x: Scale, y: Scale, floor: float | None, floor_title: str) -> list[str]:
    """The names of points, each at the free place that is nearest to it."""
    taken: list[Box] = [(x(p.x) - 6, y(p.y) - 6, x(p.x) + 6, y(p.y) + 6) for p in points]
    taken += [(x(p.x) - 2, y(p.high), x(p.x) + 2, y(p.low)) for p in points if p.low is not None and p.high is not None]
    parts = []
    if floor is not None:
        width = len(floor_title) * LETTER
        box = min(
            (
                (left, top, left + width, top + 14)
                for left in (WIDTH - width, LEFT + 2, (LEFT + WIDTH - width) / 2)
                for top in (y(floor) - 16, y(floor) + 3)
            ),
            key=lambda place: _crowding(place, taken),
        )
        taken += [box, (LEFT, y(floor) - 1, WIDTH, y(floor) + 1)]
        parts.append(
            f'<text class="floor" x="{box[0] + width / 2:.1f}" y="{box[3] - 3:.1f}" text-anchor="middle">'
            f"{floor_title}</text>"
        )
    for point in sorted(points, key=lambda p: p.y):
        name = point.name if len(point.name) <= 24 else point.name[:23] + "…"
        at = x(point.x), y(point.y)
        box = min(_places(*at, len(name) * LETTER), key=lambda place: _crowding(place, taken))
        taken.append(box)
        near, middle = min(max(at[0], box[0]), box[2]), (box[1] + box[3]) / 2
        if math.dist((near, middle), at) > 22:
            parts.append(f'<line class="leader" x1="{at[0]:.1f}" y1="{at[1]:.1f}" x2="{near:.1f}" y2="{middle:.1f}"/>')
        anchor = {box[0]: "start", box[2]: "end"}.get(near, "middle")
        place = near if anchor != "middle" else (box[0] + box[2]) / 2
        parts.append(
            f'<text class="name" x="{place:.1f}" y="{box[3] - 3:.1f}" text-anchor="{anchor}">{escape(name)}</text>'
        )
    return parts


def _places(x: float, y: float, width: float, height: float = 14) -> Iterator[Box]:
    """Where the name of a point may be, the nearest places first: around it, then in columns beside it."""
    around = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1))
    shifts = [(side, up, 8.0 if not up else 4.0, 8.0) for side, up in around]
    shifts += [
        (side, up, 14 + away / 8, away) for away in range(4, 90, 3) for side, up in itertools.product((1, -1), (-1, 1))
    ]
    shifts += [(side, 0, away, 0.0) for away in (60, 100, 140) for side in (1, -1)]
    for side, up, aside, away in shifts:
        left = x - width / 2 + side * (width / 2 + aside)
        top = y - height / 2 + up * (away if aside > 8 else height / 2 + away)
        yield left, top, left + width, top + height


def _crowding(box: Box, taken: Sequence[Box]) -> float:
    """How much of a place is taken or outside of the chart."""
    inside = LEFT + 2, 14.0, WIDTH, TALL - BOTTOM - 18.0
    outside = (box[2] - box[0]) * (box[3] - box[1]) - _shared(box, inside)
    return 3 * outside + sum(_shared(box, other) for other in taken)


def _shared(a: Box, b: Box) -> float:
    """The area of two boxes' overlap."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


# ---- differences


def forest(title: str, behind: dict[str, Interval], notes: dict[str, str] | None = None) -> str:
    """Differences with their intervals, one above the other, on an axis that bends where they differ very much in size.

    It is HTML, not SVG, so that its letters stay as large as others are.

    Args:
        title: what they are differences of.
        behind: them, by name; those whose interval holds 0 are grey.
        notes: what is to be said of some, by name.
    """
    gaps = [gap for gap in behind.values() if math.isfinite(gap.low) and math.isfinite(gap.high)]
    if not gaps:
        return ""
    low, high = min(0.0, *(gap.low for gap in gaps)), max(0.0, *(gap.high for gap in gaps))
    least = max(min(abs(gap.value) + (gap.high - gap.low) / 2 for gap in gaps), 1e-12)
    room = (high - low) * 0.03 or 1.0
    bent = high - low > 12 * least
    scale = Scale(low - (least / 2 if bent else room), high + room, 0, 100, "bent" if bent else "linear", least)
    ticks = "".join(
        f'<span style="left:{scale(tick):.2f}%">{minus(f"{tick:,g}")}</span>' for tick in _apart(scale.ticks(), scale)
    )
    lines = []
    for run, gap in sorted(behind.items(), key=lambda item: item[1].value):
        left, right = scale(gap.low), scale(gap.high)
        bar = f'<i class="bar" style="left:{left:.2f}%;width:{right - left:.2f}%"></i>'
        dot = f'<i class="dot" style="left:{scale(gap.value):.2f}%"></i>'
        kind = f"<small>{escape(notes[run])}</small>" if notes and run in notes else ""
        lines.append(
            f'<div class="line{"" if gap.low > 0 else " unclear"}"><span>{escape(run)}{kind}</span>'
            f'<div class="track"><i class="zero" style="left:{scale(0):.2f}%"></i>{bar}{dot}</div>'
            f"<span>{number(gap.value)}<small>{number(gap.low)} to {number(gap.high)}</small></span></div>"
        )
    return (
        f'<figure class="forest"><figcaption>{escape(title)}</figcaption>{"".join(lines)}'
        f'<div class="line ticks"><span></span><div class="track">{ticks}</div><span></span></div></figure>'
    )


def _apart(ticks: Sequence[float], scale: Scale, gap: float = 12) -> list[float]:
    """Those of the values along an axis that have room for their labels; 0 first."""
    kept: list[float] = []
    for tick in sorted(ticks, key=abs):
        if all(abs(scale(tick) - scale(other)) >= gap for other in kept):
            kept.append(tick)
    return kept
