"""Show models of tables on the page of a comparison: columns, their associations, and what tells samples apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from zaohua.evaluation import table
from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.results import Evaluation
from zaohua.evaluation.summaries import titled
from zaohua.metrics.columns import associations
from zaohua.metrics.rows import Binning
from zaohua.modalities.tables import charts
from zaohua.modalities.tables.held_out import categories_of, names_of, sizes_of, with_unknown_category
from zaohua.report import html
from zaohua.report.numbers import minus, number

TEMPLATE = Path(__file__).with_name("page.html.jinja")
MOST = 24
"""Columns of a table that are shown, the worst first."""


@dataclass(frozen=True)
class ColumnChart:
    """A column of real rows and of samples over each other.

    Attributes:
        name: of the column.
        alike: how alike it is, from 0 to 1.
        bars: of a column of categories.
        histogram: of a column of numbers, unless all real ones are missing.
        ends: the numbers at the ends of the histogram, as people read them.
        missing: fractions of real rows and of samples that are missing, of a column of numbers.
    """

    name: str
    alike: float
    bars: Sequence[charts.CategoryBar] = ()
    histogram: Markup = Markup()
    ends: tuple[str, str] = ("", "")
    missing: tuple[float, float] = (0.0, 0.0)


def about(comparison: Comparison) -> str:
    """Say how many rows of how many columns were compared."""
    return (
        f"Each made {comparison.rows[0].n:,} rows of {len(comparison.columns)} columns, which are set beside "
        f"{len(comparison.test):,} real ones that no model has seen."
    )


def sections(comparison: Comparison) -> Markup:
    """Return the sections that only tables have."""
    return html.render(
        TEMPLATE,
        total=len(comparison.columns),
        most=MOST,
        models=[(row.run, titled("shape", row, interval=False), _columns(comparison, row)) for row in comparison.rows],
        maps=_maps(comparison),
        uses=[(row.run, titled("tree_score", row), charts.bars(row.by_column["uses"])) for row in comparison.rows],
        remarks=table.remarks(comparison.notes, comparison.rows),
    )


def _columns(comparison: Comparison, row: Evaluation) -> list[ColumnChart]:
    """Draw the columns of a model that are least alike to the real ones."""
    names, alike = names_of(comparison.columns), row.by_column["shape"]
    found = []
    for place in np.argsort([alike[name] for name in names], kind="stable")[:MOST]:
        column, name = comparison.columns[place], names[place]
        real, made = comparison.test[:, place], row.arrays["samples"][:, place]
        if column.is_category:
            found.append(ColumnChart(name, alike[name], _categories(column, real, made)))
        else:
            low, high = map(_cell, column.decode(np.array(charts.span(real))))
            chart = charts.histogram(real, made, (low, high))
            missing = float(np.isnan(real).mean()), float(np.isnan(made).mean())
            found.append(ColumnChart(name, alike[name], (), chart, (low, high), missing))
    return found


def _categories(column: Any, real: np.ndarray, made: np.ndarray) -> list[charts.CategoryBar]:
    names = categories_of(column)
    a, b = (
        np.bincount(np.where(x < 0, len(names) - 1, x).astype(np.int64), minlength=len(names)) / len(x)
        for x in (real, made)
    )
    return charts.categories(a, b, names)


def _cell(value: Any) -> str:
    """Write a number or a time as people read it."""
    if isinstance(value, (float, np.floating)):
        return number(float(value))
    return minus(f"{value:,}") if isinstance(value, (int, np.integer)) else str(value)


def _maps(comparison: Comparison) -> list[tuple[str, str, list[tuple[str, Markup]]]]:
    """Draw the associations between columns: of real rows, of samples, and the difference, for each model."""
    columns = comparison.columns
    sizes = sizes_of(columns)
    tables = [
        with_unknown_category(x, columns)
        for x in (comparison.test, *(row.arrays["samples"] for row in comparison.rows))
    ]
    binning = Binning(tables[0], sizes)
    real, *made = (associations(x, sizes, binning) for x in tables)
    apart = np.mean([abs(one - real).mean(1) for one in made], axis=0)
    chosen = np.sort(np.argsort(-apart, kind="stable")[:MOST])
    names = [names_of(columns)[c] for c in chosen]
    square = np.ix_(chosen, chosen)
    found = []
    for row, one in zip(comparison.rows, made, strict=True):
        maps = {
            "real test rows": real,
            f"samples of {row.run}": one,
            "difference": np.clip(2 * (one - real), -1, 1),
        }
        drawn = [(title, charts.heat_map(values[square], names, title)) for title, values in maps.items()]
        found.append((row.run, titled("trend", row, interval=False), drawn))
    return found
