"""Page sections of kinds of data without their own: results by class, distances in other features, and remarks."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from zaohua.evaluation import table
from zaohua.evaluation.comparison import Comparison
from zaohua.report import html

TEMPLATE = Path(__file__).with_name("plain_page.html.jinja")


def about(comparison: Comparison) -> str:
    """Return the number of compared items in a sentence."""
    first = comparison.rows[0]
    if not first.extractor:
        return f"Each model predicted the same {first.noun}, on which none was trained, and made {first.n:,} samples."
    return (
        f"Each model generated {first.n:,} {first.noun}, compared with as many real ones that no model was trained on."
    )


def sections(comparison: Comparison) -> Markup:
    """Return the sections below the tables and charts."""
    return html.render(
        TEMPLATE,
        classes=table.classes(comparison.rows),
        distances=table.distances(comparison),
        remarks=table.remarks(comparison.notes, comparison.rows),
    )
