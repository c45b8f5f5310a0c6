"""Charts for HTML pages, without a plotting library: loss curves, quality against cost, differences."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from zaohua.core.json import Json
from zaohua.metrics.intervals import Interval
from zaohua.report import html, svg
from zaohua.report.numbers import minus, number
from zaohua.report.scale import Scale, apart

WIDTH, HEIGHT, LEFT, BOTTOM = 460, 170, 44, 22
TALL, LETTER = 300, 7
"""Height of a scatter chart, and the width of a letter in it, in pixels."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


# ---- curves of training


def loss_curve(history: Sequence[Json]) -> Markup:
    """Draw the losses of training over seconds, a line for each phase.

    Args:
        history: records of training, as a model's `history_` holds them.

    Returns:
        The picture; nothing if there are fewer than two finite losses.
    """
    names = sorted({key for record in history for key in record if key.startswith("loss")})[:2]
    lines = {name: [(r["seconds"], r[name]) for r in history if name in r and math.isfinite(r[name])] for name in names}
    points = [point for line in lines.values() for point in line]
    if len(points) < 2:
        return Markup()
    values = np.array([value for _, value in points])
    low, high = (float(q) for q in np.quantile(values, [0.0, 0.97]))
    low, high = (low, high) if high > low else (low - 1, high + 1)
    end = max(seconds for seconds, _ in points)
    x, y = Scale(0, end, LEFT, WIDTH), Scale(low, high, HEIGHT - BOTTOM, 6)
    parts = [part for value in (low, (low + high) / 2, high) for part in _grid_line(y(value), number(value))]
    parts.append(svg.text(LEFT, HEIGHT - 5, "0"))
    parts.append(svg.text(WIDTH, HEIGHT - 5, f"{end:.0f} s of training", text_anchor="end"))
    for place, (name, line) in enumerate(lines.items()):
        label = name.removeprefix("loss/") if len(names) > 1 else "loss"
        parts.append(svg.path(((x(seconds), y(value)) for seconds, value in line), "ab"[place]))
        parts.append(svg.text(LEFT + 80 * (1 + place), HEIGHT - 5, label, class_="ab"[place]))
    return svg.picture(WIDTH, HEIGHT, "Loss of training", parts)


def _grid_line(y: float, label: str) -> tuple[Markup, Markup]:
    """Draw a line across the chart with its value at the left."""
    return svg.line(LEFT, y, WIDTH, y, "axis"), svg.text(LEFT - 7, y + 4, label, text_anchor="end")


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
) -> Markup:
    """Draw models by cost, where less is better, and quality.

    Models that no other one beats in both are filled, and joined by a line.

    Args:
        points: the models.
        x_title: title of the cost axis, which is logarithmic.
        y_title: title of the quality axis, which is logarithmic if the largest value is above ten times the smallest.
        floor: a figure that no model can honestly be much better than, drawn as a dashed line.
        floor_title: what that figure is of.
        higher: whether a higher figure is the better one.

    Returns:
        The picture; nothing without points.
    """
    if not points:
        return Markup()
    ends = [end for p in points for end in (p.y, p.low, p.high) if end is not None]
    main = [p.y for p in points] + ([] if floor is None else [floor])
    log = not higher and min(main) > 0 and max(main) > 10 * min(main)
    values = [max(end, min(main) / 2) for end in ends] + main if log else ends + main
    x = Scale.around([p.x for p in points], LEFT + 6, WIDTH - 56, "log")  # leaves room for names at the right
    y = Scale.around(values, TALL - BOTTOM - 20, 20, "log" if log else "linear")
    parts = [part for tick in y.ticks() for part in _grid_line(y(tick), minus(f"{tick:,g}"))]
    parts += [svg.text(x(tick), TALL - BOTTOM - 3, f"{tick:,g}", text_anchor="middle") for tick in x.ticks()]
    parts.append(svg.text(WIDTH, TALL - 4, x_title, class_="title", text_anchor="end"))
    parts.append(svg.text(LEFT - 34, 9, y_title, class_="title"))
    if floor is not None:
        parts.append(svg.line(LEFT, y(floor), WIDTH, y(floor), "floor"))
    front = _front(points, higher)
    if len(front) > 1:
        parts.append(svg.path(((x(p.x), y(p.y)) for p in front), "front"))
    parts += [_marked(point, x, y, point in front) for point in points]
    parts += _labels(points, x, y, floor, floor_title)
    return svg.picture(WIDTH, TALL, f"{y_title} against {x_title}", parts)


def _front(points: Sequence[Point], higher: bool) -> list[Point]:
    """Return the Pareto front: points that no other beats in both axes, sorted by cost."""
    front: list[Point] = []
    sign = -1 if higher else 1
    for point in sorted(points, key=lambda p: (p.x, sign * p.y)):
        if not front or sign * point.y < sign * front[-1].y:
            front.append(point)
    return front


def _marked(point: Point, x: Scale, y: Scale, filled: bool) -> Markup:
    """Draw a point with its interval as a whisker."""
    at, parts = x(point.x), []
    if point.low is not None and point.high is not None:
        parts.append(svg.line(at, y(point.low), at, y(point.high), "whisker"))
    title = svg.element("title", f"{point.name}: {number(point.y)} at {number(point.x)}")
    parts.append(svg.element("circle", title, cx=at, cy=y(point.y), r=4.5))
    return svg.element("g", *parts, class_="point on" if filled else "point")


def _labels(points: Sequence[Point], x: Scale, y: Scale, floor: float | None, floor_title: str) -> list[Markup]:
    """Write the name of each point at the nearest place that is free."""
    taken: list[Box] = [(x(p.x) - 6, y(p.y) - 6, x(p.x) + 6, y(p.y) + 6) for p in points]
    taken += [(x(p.x) - 2, y(p.high), x(p.x) + 2, y(p.low)) for p in points if p.low is not None and p.high is not None]
    parts = []
    if floor is not None:
        box = _floor_box(y(floor), len(floor_title) * LETTER, taken)
        taken += [box, (LEFT, y(floor) - 1, WIDTH, y(floor) + 1)]
        middle = (box[0] + box[2]) / 2
        parts.append(svg.text(middle, box[3] - 3, floor_title, class_="floor", text_anchor="middle"))
    for point in sorted(points, key=lambda p: p.y):
        name = point.name if len(point.name) <= 24 else point.name[:23] + "…"
        at = x(point.x), y(point.y)
        box = min(_label_boxes(*at, len(name) * LETTER), key=lambda box: _crowding(box, taken))
        taken.append(box)
        near, middle = min(max(at[0], box[0]), box[2]), (box[1] + box[3]) / 2
        if math.dist((near, middle), at) > 22:
            parts.append(svg.line(*at, near, middle, "leader"))
        anchor = {box[0]: "start", box[2]: "end"}.get(near, "middle")
        left = near if anchor != "middle" else (box[0] + box[2]) / 2
        parts.append(svg.text(left, box[3] - 3, name, class_="name", text_anchor=anchor))
    return parts


def _floor_box(y: float, width: float, taken: Sequence[Box]) -> Box:
    """Find the emptiest place along the dashed line for its title."""
    places = [
        (left, top, left + width, top + 14)
        for left in (WIDTH - width, LEFT + 2, (LEFT + WIDTH - width) / 2)
        for top in (y - 16, y + 3)
    ]
    return min(places, key=lambda box: _crowding(box, taken))


def _label_boxes(x: float, y: float, width: float, height: float = 14) -> Iterator[Box]:
    """List where the name of a point may stand, the nearest places first: around it, then in columns beside it."""
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
    """Compute the area that two boxes share."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


# ---- differences


@dataclass(frozen=True)
class _Line:
    """A difference in a forest plot; places are in percent of its width."""

    name: str
    note: str
    gap: Interval
    left: float
    at: float
    right: float


def forest(title: str, differences: dict[str, Interval], notes: dict[str, str] | None = None) -> Markup:
    """Draw differences with their intervals, one above the other, as a forest plot.

    The axis is logarithmic far from 0 if the differences are of very different sizes. The plot is HTML rather than
    SVG, so that its letters are as large as those of the page.

    Args:
        title: what the differences are of.
        behind: the differences by name; those whose interval contains 0 are grey.
        notes: remarks on some of them, by name.

    Returns:
        The plot; nothing without a finite interval.
    """
    gaps = [gap for gap in differences.values() if math.isfinite(gap.low) and math.isfinite(gap.high)]
    if not gaps:
        return Markup()
    low, high = min(0.0, *(gap.low for gap in gaps)), max(0.0, *(gap.high for gap in gaps))
    least = max(min(abs(gap.value) + (gap.high - gap.low) / 2 for gap in gaps), 1e-12)
    room = (high - low) * 0.03 or 1.0
    wide = high - low > 12 * least
    scale = Scale(low - (least / 2 if wide else room), high + room, 0, 100, "asinh" if wide else "linear", least)
    lines = [
        _Line(name, (notes or {}).get(name, ""), gap, scale(gap.low), scale(gap.value), scale(gap.high))
        for name, gap in sorted(differences.items(), key=lambda item: item[1].value)
    ]
    ticks = [(tick, scale(tick)) for tick in apart(scale.ticks(), scale)]
    return html.render("forest.html.jinja", title=title, lines=lines, zero=scale(0), ticks=ticks)
