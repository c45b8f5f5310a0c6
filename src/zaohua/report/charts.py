"""Charts for HTML pages, without a plotting library: loss curves, quality against cost, differences."""

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
"""Height of a scatter chart, and the width of a letter in it, in pixels."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Scale:
    """Mapping from values to positions along an axis.

    Attributes:
        low, high: the values at the ends of the axis; values beyond are clipped.
        start, end: the positions of the ends.
        kind: "linear"; "log"; or "asinh", which is linear near 0 and logarithmic far from it.
        unit: of an asinh scale, the value below which it is about linear.
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
        """Return a scale that contains all values, with a margin of `room` times their range."""
        least, most = min(values), max(values)
        if kind == "log":
            factor = max((most / least) ** room, 1.15)
            return cls(least / factor, most * factor, start, end, kind)
        margin = (most - least) * room or abs(most) * room or 1.0
        return cls(least - margin if least < margin or least > 0.5 * most else 0.0, most + margin, start, end, kind)

    def __call__(self, value: float) -> float:
        """Return the position of a value."""
        low, high = self._transform(self.low), self._transform(self.high)
        fraction = (self._transform(min(max(value, self.low), self.high)) - low) / (high - low)
        return self.start + fraction * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return about five round values along the axis."""
        if self.kind == "linear":
            return self._even()
        reach = range(math.floor(math.log10(self._least)), math.ceil(math.log10(max(abs(self.low), self.high))) + 1)
        decades = len(reach) - 1
        steps = (1, 2, 5) if decades <= 2 else (1, 3) if decades <= 3 else (1,)
        if self.kind == "asinh":
            steps = (1,)
        sizes = [step * 10.0**k for k in reach[:: 1 + decades // 7] for step in steps]
        marks = sizes if self.kind == "log" else [-size for size in sizes[::-1]] + [0.0, *sizes]
        visible = [mark for mark in marks if self.low <= mark <= self.high]
        return visible if len(visible) > 1 else self._even()

    def _even(self) -> list[float]:
        rough = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * nice for nice in (1, 2, 5, 10) if power * nice >= rough)
        count = range(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1)
        return [float(f"{k * step:.6g}") for k in count]

    @property
    def _least(self) -> float:
        return self.low if self.kind == "log" else self.unit

    def _transform(self, value: float) -> float:
        if self.kind == "log":
            return math.log(value)
        return math.asinh(value / self.unit) if self.kind == "asinh" else value


# ---- curves of training


def loss_curve(history: Sequence[dict[str, Any]]) -> str:
    """Draw the training losses over seconds as an inline SVG, a line per phase; return "" without records."""
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
    parts = [_horizontal(y(value), WIDTH, number(value)) for value in (low, (low + high) / 2, high)]
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


def _horizontal(y: float, right: float, label: str, style: str = "axis") -> str:
    """Draw a horizontal line with its value at the left."""
    return (
        f'<line class="{style}" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    )


# ---- quality against cost


@dataclass(frozen=True)
class Point:
    """Model in a scatter chart.

    Attributes:
        name: name of the model.
        x: its cost, above 0.
        y: its metric.
        low, high: interval of y; None if there is none.
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
    floor_title: str = "real images",
    higher: bool = False,
) -> str:
    """Draw models by cost and quality, where smaller is better in both, as an inline SVG.

    Models on the Pareto front are filled, and joined by a line.

    Args:
        points: the models; without any, the result is "".
        x_title: title of the cost axis, which is logarithmic.
        y_title: title of the quality axis, which is logarithmic if the largest value is above ten times the smallest.
        floor: reference value, such as that of real items, drawn as a line.
        floor_title: label of the reference line.
        higher: True if larger values of y are better.
    """
    if not points:
        return ""
    ends = [end for p in points for end in (p.y, p.low, p.high) if end is not None]
    main = [p.y for p in points] + ([] if floor is None else [floor])
    log = not higher and min(main) > 0 and max(main) > 10 * min(main)
    values = [max(end, min(main) / 2) for end in ends] + main if log else ends + main
    x = Scale.around([p.x for p in points], LEFT + 6, WIDTH - 56, "log")  # the margin leaves room for names
    y = Scale.around(values, TALL - BOTTOM - 20, 20, "log" if log else "linear")
    parts = [_horizontal(y(tick), WIDTH, f"{tick:,g}".replace("-", "−")) for tick in y.ticks()]
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
    """Return the Pareto front: points that no other beats in both axes, sorted by cost."""
    front: list[Point] = []
    sign = -1 if higher else 1
    for point in sorted(points, key=lambda p: (p.x, sign * p.y)):
        if not front or sign * point.y < sign * front[-1].y:
            front.append(point)
    return front


def _marked(point: Point, x: Scale, y: Scale, filled: bool) -> str:
    """Draw a point with its interval as a whisker."""
    at = f"{x(point.x):.1f}"
    whisker = (
        ""
        if point.low is None or point.high is None
        else f'<line class="whisker" x1="{at}" x2="{at}" y1="{y(point.low):.1f}" y2="{y(point.high):.1f}"/>'
    )
    tooltip = escape(f"{point.name}: {number(point.y)} at {number(point.x)}")
    return (
        f'<g class="{"point on" if filled else "point"}">{whisker}<circle cx="{at}" cy="{y(point.y):.1f}" r="4.5">'
        f"<title>{tooltip}</title></circle></g>"
    )


def _labels(points: Sequence[Point], x: Scale, y: Scale, floor: float | None, floor_title: str) -> list[str]:
    """Draw the names of points, each at the nearest free position."""
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
            key=lambda box: _crowding(box, taken),
        )
        taken += [box, (LEFT, y(floor) - 1, WIDTH, y(floor) + 1)]
        parts.append(
            f'<text class="floor" x="{box[0] + width / 2:.1f}" y="{box[3] - 3:.1f}" text-anchor="middle">'
            f"{floor_title}</text>"
        )
    for point in sorted(points, key=lambda p: p.y):
        name = point.name if len(point.name) <= 24 else point.name[:23] + "…"
        at = x(point.x), y(point.y)
        box = min(_label_boxes(*at, len(name) * LETTER), key=lambda box: _crowding(box, taken))
        taken.append(box)
        near, middle = min(max(at[0], box[0]), box[2]), (box[1] + box[3]) / 2
        if math.dist((near, middle), at) > 22:
            parts.append(f'<line class="leader" x1="{at[0]:.1f}" y1="{at[1]:.1f}" x2="{near:.1f}" y2="{middle:.1f}"/>')
        anchor = {box[0]: "start", box[2]: "end"}.get(near, "middle")
        left = near if anchor != "middle" else (box[0] + box[2]) / 2
        parts.append(
            f'<text class="name" x="{left:.1f}" y="{box[3] - 3:.1f}" text-anchor="{anchor}">{escape(name)}</text>'
        )
    return parts


def _label_boxes(x: float, y: float, width: float, height: float = 14) -> Iterator[Box]:
    """Yield candidate boxes for the name of a point, nearest first: around it, then in columns beside it."""
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
    """Return a penalty for the area of a box that is taken or outside the chart."""
    inside = LEFT + 2, 14.0, WIDTH, TALL - BOTTOM - 18.0
    outside = (box[2] - box[0]) * (box[3] - box[1]) - _overlap(box, inside)
    return 3 * outside + sum(_overlap(box, other) for other in taken)


def _overlap(a: Box, b: Box) -> float:
    """Return the area of the overlap of two boxes."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


# ---- differences


def forest(title: str, differences: dict[str, Interval], notes: dict[str, str] | None = None) -> str:
    """Draw a forest plot: differences with their intervals, one per line, on a common axis.

    The axis is an asinh scale if the differences vary widely in size. The plot is HTML rather than SVG, so that its
    text has the size of the page's text.

    Args:
        title: caption of the plot.
        differences: the differences by name; those whose interval contains 0 are grey.
        notes: remarks by name.
    """
    gaps = [gap for gap in differences.values() if math.isfinite(gap.low) and math.isfinite(gap.high)]
    if not gaps:
        return ""
    low, high = min(0.0, *(gap.low for gap in gaps)), max(0.0, *(gap.high for gap in gaps))
    least = max(min(abs(gap.value) + (gap.high - gap.low) / 2 for gap in gaps), 1e-12)
    room = (high - low) * 0.03 or 1.0
    wide = high - low > 12 * least
    scale = Scale(low - (least / 2 if wide else room), high + room, 0, 100, "asinh" if wide else "linear", least)
    ticks = "".join(
        f'<span style="left:{scale(tick):.2f}%">{minus(f"{tick:,g}")}</span>'
        for tick in _without_overlap(scale.ticks(), scale)
    )
    lines = []
    for run, gap in sorted(differences.items(), key=lambda item: item[1].value):
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


def _without_overlap(ticks: Sequence[float], scale: Scale, gap: float = 12) -> list[float]:
    """Return the ticks whose labels don't overlap; 0 has priority."""
    chosen: list[float] = []
    for tick in sorted(ticks, key=abs):
        if all(abs(scale(tick) - scale(other)) >= gap for other in chosen):
            chosen.append(tick)
    return chosen
