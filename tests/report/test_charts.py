from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.pages import EVIL, parsed, times

from zaohua.metrics.intervals import Interval
from zaohua.report import charts, numbers
from zaohua.report.charts import Point
from zaohua.report.scale import Scale


def test_a_curve_of_two_phases():
    history = [{"step": i, "seconds": i / 2, "loss/generator": 1 / i, "loss/discriminator": 2.0} for i in range(1, 20)]
    svg = parsed(charts.loss_curve(history)).one("svg")
    texts = [one.text for one in svg.all("text")]
    assert len(svg.all("path")) == 2 and {"generator", "discriminator", "10 s of training"} < set(texts)
    assert [len(one["d"].split()) for one in svg.all("path")] == [19, 19]
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
    assert numbers.number(value) == text


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
    found = []
    for one in parsed(svg).all("text", "name"):
        width = len(one.text) * charts.LETTER
        left = float(one["x"]) - {"start": 0.0, "middle": 0.5, "end": 1.0}[one["text-anchor"]] * width
        found.append((left, left + width, float(one["y"])))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_labels_of_a_dozen_points_are_apart_and_inside(seed: int):
    boxes = names(charts.scatter(points(12, seed), "seconds", "distance", floor=1.2))
    assert len(boxes) == 12
    for (left, right, bottom), (left2, right2, bottom2) in itertools.combinations(boxes, 2):
        assert right <= left2 + 0.2 or right2 <= left + 0.2 or abs(bottom - bottom2) >= 13.8
    assert all(left >= charts.LEFT and right <= charts.WIDTH + 0.2 for left, right, _ in boxes)


def test_points_that_none_beats_are_filled_and_joined():
    points = [Point("slow", 10, 5), Point("good", 5, 1), Point("fast", 1, 3)]
    svg = parsed(charts.scatter(points, "s", "<FD>", floor=0.5)).one("svg")
    filled = {one.one("title").text.partition(":")[0] for one in svg.all("g", "on")}
    assert filled == {"good", "fast"} and len(svg.one("path", "front")["d"].split()) == 2
    assert [one.text for one in svg.all("text", "title")] == ["s", "<FD>"] and svg["aria-label"] == "<FD> against s"
    assert svg.one("text", "floor").text == "real images" and not svg.all("line", "whisker")
    assert charts.scatter([], "s", "FD") == ""
    same = parsed(charts.scatter([Point("a", 1, 2, 1, 3), Point("b", 1, 2, 1, 3)], "s", "FD"))
    assert len(same.all("g", "on")) == 1 and len(same.all("line", "whisker")) == 2


def test_an_axis_of_distances_is_logarithmic_if_they_differ_much():
    near, far = (
        {one.text for one in parsed(charts.scatter(found, "s", "FD")).all("text")}
        for found in ([Point("a", 1, 2), Point("b", 2, 15)], [Point("a", 1, 2, 0, 4), Point("b", 2, 150)])
    )
    assert "0" in near and "0" not in far and "100" in far


def test_differences_lie_within_the_axis_and_those_that_hold_0_are_grey():
    behind = {"<far>": Interval(300.0, 250.0, 350.0), "near": Interval(0.5, -0.5, 1.5), "less": Interval(2.0, 1.0, 3.0)}
    plot = parsed(charts.forest("FD", behind, {"near": "a bound"})).one("figure", "forest")
    lines = [one for one in plot.all("div", "line") if "ticks" not in one["class"]]
    assert [line.all("span")[0].text for line in lines] == ["neara bound", "less", "<far>"]
    assert ["unclear" in line["class"] for line in lines] == [True, False, False]
    assert lines[0].all("span")[1].text == "0.500−0.500 to 1.50"
    styles = [
        dict(part.split(":") for part in one["style"].split(";")) for one in plot.walk() if "style" in one.attributes
    ]
    places = [{name: float(value.rstrip("%")) for name, value in style.items()} for style in styles]
    assert len(places) >= 3 * 3 and min(place["left"] for place in places) >= 0
    assert max(place["left"] + place.get("width", 0) for place in places) <= 100
    assert charts.forest("FD", {}) == "" == charts.forest("FD", {"a": Interval(1.0, -np.inf, np.inf)})


def test_names_in_charts_are_text():
    point, history = Point(EVIL[:20], 1, 2), [{"seconds": i, f"loss/{EVIL}": i, "loss/b": 1.0} for i in range(3)]
    for drawn, least in (
        (charts.scatter([point], EVIL, EVIL, 1.0, EVIL), 5),
        (charts.loss_curve(history), 1),
        (charts.forest(EVIL, {EVIL: Interval(1.0, 0.5, 2.0)}, {EVIL: EVIL}), 3),
    ):
        root = parsed(drawn)
        assert (
            times(root, EVIL) >= least
            and not root.all("b")
            and "onclick" not in {name for one in root.walk() for name in one.attributes}
        )
