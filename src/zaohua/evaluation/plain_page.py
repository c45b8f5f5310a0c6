"""What a page shows of kinds of data that have no part of their own: distances by other features, and remarks."""

from __future__ import annotations

from zaohua.evaluation import table_html
from zaohua.evaluation.comparison import Comparison
from zaohua.report import markup


def about(comparison: Comparison) -> str:
    """Return what was measured, for the head of the page."""
    first = comparison.rows[0]
    return f"Each made {first.n:,} {first.noun}, compared with real ones on which no model was trained. "


def sections(comparison: Comparison) -> str:
    """Return the sections below the tables."""
    return markup.section("To be known", table_html.remarks(comparison.notes, comparison.rows))
