"""The page of a comparison: the verdict, the arms with their differences, and what to know of them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from zaohua import __version__
from zaohua.report import html, svg
from zaohua.report.charts import WIDTH
from zaohua.report.scale import Scale
from zaohua.tasks.augment.results import Augmentation
from zaohua.tasks.augment.verdict import told

TEMPLATE = Path(__file__).with_name("page.html.jinja")
ROW = 22
"""Height of a line of the chart."""


class ArmRow(NamedTuple):
    """A line of the table: an arm, its mean score, the least and the largest over seeds, and the difference."""

    name: str
    mean: float
    low: float
    high: float
    difference: str


def page_of(found: Augmentation) -> Markup:
    """Return the page as HTML that needs no other file."""
    rows = [
        ArmRow(name, sum(values) / len(values), min(values), max(values), _told(found, name))
        for name, values in found.scores.items()
    ]
    return html.render(
        TEMPLATE,
        found=found,
        rows=rows,
        chart=chart(rows),
        settings=found.settings,
        remarks=found.remarks(),
        version=__version__,
    )


def chart(rows: list[ArmRow]) -> Markup:
    """Draw the score of each arm: a bar from the least to the largest over seeds, and a mark at the mean."""
    low, high = min(row.low for row in rows), max(row.high for row in rows)
    high = high if high > low else low + 1e-3
    x = Scale(low, high, 190, WIDTH - 50)
    parts = []
    for place, row in enumerate(rows):
        y = ROW * (place + 0.5)
        parts.append(svg.text(184, y + 4, row.name, text_anchor="end"))
        parts.append(svg.line(x(row.low), y, x(row.high), y, "axis"))
        parts.append(svg.line(x(row.mean), y - 6, x(row.mean), y + 6, "axis"))
        parts.append(svg.text(WIDTH - 4, y + 4, f"{row.mean:.3f}", text_anchor="end"))
    return svg.picture(WIDTH, ROW * len(rows), "Scores of all arms", parts)


def _told(found: Augmentation, name: str) -> str:
    return told(found.differences[name]) if name in found.differences else ""
