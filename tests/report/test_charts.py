from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from zaohua.metrics.intervals import Interval
from zaohua.report import charts, markup
from zaohua.report.charts import Point, Scale


def test_a_curve_of_two_phases():
    history = [{"step": i, "seconds": i / 2, "loss/generator": 1 / i, "loss/discriminator": 2.0} for i in range(1, 20)]
    svg = charts.loss_curve(history)
    assert svg.count("<path") == 2 and ">generator<" in svg and "10 s of training" in svg
    assert charts.loss_curve([]) == "" and charts.loss_curve([{"seconds": 1.0, "loss/vae": float("nan")}] * 3) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (12345.6, "12,346"),
        (-127.34, "−127"),
        (2.345, "2.35"),
        (0.0612, "0.0612"),
        (-0.000123, "−0.00012"),
    ],
)
def test_numbers_show_digits_that_count(value: float | None, text: str):
    assert markup.number(value) == text


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale(0, 10, 0, 1), [0, 2, 4, 6, 8, 10]),
        (Scale(-0.03, 0.11, 0, 1), [0, 0.05, 0.1]),
        (Scale(0.9, 1100, 0, 1, "log"), [1, 10, 100, 1000]),
        (Scale(1.5, 60, 0, 1, "log"), [2, 5, 10, 20, 50]),
        (Scale(41, 48, 0, 1, "log"), [42, 44, 46, 48]),
        (Scale(-2, 150, 0, 1, "asinh", 1.0), [-1, 0, 1, 10, 100]),
    ],
)
def test_ticks_are_round_and_on_the_axis(scale: Scale, ticks: list[float]):
    assert scale.ticks() == pytest.approx(ticks)


def test_a_scale_keeps_the_order_and_stays_on_the_axis():
    for scale in (Scale(-5, 5, 10, 90), Scale(0.1, 100, 90, 10, "log"), Scale(-5, 500, 0, 100, "asinh", 0.5)):
        places = [scale(value) for value in np.linspace(scale.low, scale.high, 20)]
        assert sorted(places, reverse=scale.start > scale.end) == places
        assert (scale(scale.low), scale(scale.high)) == pytest.approx((scale.start, scale.end))
        assert scale(scale.low - 1) == pytest.approx(scale.start) and scale(scale.high + 9) == pytest.approx(scale.end)
    assert Scale.around([3.0, 3.0], 0, 1, "linear")(3.0) == pytest.approx(0.5)
    assert Scale.around([3.0], 0, 1, "log")(3.0) == pytest.approx(0.5)


def points(n: int, seed: int = 0) -> list[Point]:
    rng = np.random.default_rng(seed)
    x, y = 10 ** rng.uniform(0, 3, n), 10 ** rng.uniform(0, 1.5, n)
    return [Point(f"model-{i}", float(x[i]), float(y[i]), float(y[i]) * 0.9, float(y[i]) * 1.1) for i in range(n)]


def names(svg: str) -> list[tuple[float, float, float]]:
    """Left, right and bottom of each label."""
    found = re.findall(r'<text class="name" x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)">([^<]*)', svg)
    widths = [len(text) * charts.LETTER for *_, text in found]
    shift = {"start": 0.0, "middle": 0.5, "end": 1.0}
    lefts = [float(x) - shift[anchor] * width for (x, _, anchor, _), width in zip(found, widths, strict=True)]
    return [(left, left + width, float(y)) for left, width, (_, y, *_) in zip(lefts, widths, found, strict=True)]


@pytest.mark.parametrize("seed", range(5))
def test_labels_of_a_dozen_points_are_apart_and_inside(seed: int):
    boxes = names(charts.scatter(points(12, seed), "seconds", "distance", floor=1.2))
    assert len(boxes) == 12
    for (left, right, bottom), (left2, right2, bottom2) in itertools.combinations(boxes, 2):
        assert right <= left2 + 0.2 or right2 <= left + 0.2 or abs(bottom - bottom2) >= 13.8
    assert all(left >= charts.LEFT and right <= charts.WIDTH + 0.2 for left, right, _ in boxes)


def test_points_that_none_beats_are_filled_and_joined():
    svg = charts.scatter([Point("slow", 10, 5), Point("good", 5, 1), Point("fast", 1, 3)], "s", "<FD>", floor=0.5)
    assert svg.count('class="point on"') == 2 and svg.count('class="front"') == 1 and "&lt;FD&gt;" in svg
    assert svg.count("real images") == 1 and "whisker" not in svg
    assert charts.scatter([], "s", "FD") == ""
    same = charts.scatter([Point("a", 1, 2, 1, 3), Point("b", 1, 2, 1, 3)], "s", "FD")
    assert same.count('class="point on"') == 1 and same.count('class="whisker"') == 2


def test_an_axis_of_distances_is_logarithmic_if_they_differ_much():
    near = charts.scatter([Point("a", 1, 2), Point("b", 2, 15)], "s", "FD")
    far = charts.scatter([Point("a", 1, 2, 0, 4), Point("b", 2, 150)], "s", "FD")
    assert ">0</text>" in near and ">0</text>" not in far and ">100</text>" in far
    assert "nan" not in near + far


def test_differences_lie_within_the_axis_and_those_that_hold_0_are_grey():
    behind = {"<far>": Interval(300.0, 250.0, 350.0), "near": Interval(0.5, -0.5, 1.5), "less": Interval(2.0, 1.0, 3.0)}
    html = charts.forest("FD", behind, {"near": "a bound"})
    assert html.index("near") < html.index("less") < html.index("&lt;far&gt;") and "a bound" in html
    assert html.count('class="line unclear"') == 1 and "−0.500 to 1.50" in html
    places = [float(place) for place in re.findall(r"left:([\d.]+)%", html)]
    ends = [float(left) + float(width) for left, width in re.findall(r"left:([\d.]+)%;width:([\d.]+)%", html)]
    assert 0 <= min(places) and max(places + ends) <= 100
    assert charts.forest("FD", {}) == "" == charts.forest("FD", {"a": Interval(1.0, -np.inf, np.inf)})
