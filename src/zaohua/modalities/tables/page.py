"""What a page shows of models of tables: columns over each other, how they hang together, what tells samples apart."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from zaohua.evaluation import table_html
from zaohua.evaluation.compare import Comparison
from zaohua.evaluation.results import Evaluation
from zaohua.evaluation.summaries import shown, title_of
from zaohua.metrics.columns import associations
from zaohua.metrics.rows import Binning
from zaohua.modalities.tables import charts
from zaohua.modalities.tables.held_out import categories_of, names_of, sizes_of, with_unknown_category
from zaohua.report import markup
from zaohua.report.markup import minus

MOST = 24
"""Columns of a table that are shown, the worst first."""
LEGEND = '<p class="legend"><i class="real"></i> real test rows <i class="made"></i> samples</p>'


def about(comparison: Comparison) -> str:
    """What was measured, for the head of the page."""
    return (
        f"Each made {comparison.rows[0].n:,} rows of {len(comparison.columns)} columns, which are set beside "
        f"{len(comparison.test):,} real ones that no model has seen. "
    )


def sections(comparison: Comparison) -> str:
    """The sections that only tables have."""
    total = len(comparison.columns)
    some, worst = "All columns, the least alike first", ""
    if total > MOST:
        some = f"The {MOST} of {total} columns that are least alike"
        worst = f" Of {total} columns the {MOST} are shown that differ most, on average over the models."
    return "\n".join(
        [
            markup.section(
                "Columns",
                LEGEND + _columns(comparison),
                f"{some}, with how alike each is: 100 % minus the largest difference of the distribution "
                "functions of numbers, or half the sum of the differences of shares of categories. What lies "
                "beyond the middle 99 % of real numbers is in the outermost bins.",
            ),
            markup.section(
                "How columns hang together",
                _maps(comparison),
                "The stronger the colour, the more two columns tell of each other: the size of the correlation "
                "of numbers; Cramér's V of categories, for which numbers are cut at ten real quantiles. The "
                f"difference is drawn twice as strong: red is too much, blue too little.{worst}",
            ),
            markup.section(
                "What tells samples from real rows",
                f'<div class="pair">{_uses(comparison.rows)}</div>',
                "By how much the AUC of trees that tell samples from test rows falls when a column's values "
                "change places. Columns that go together share what they tell.",
            ),
            markup.section("To be known", table_html.remarks(comparison.notes, comparison.rows)),
        ]
    )


def _columns(comparison: Comparison) -> str:
    """Each model's columns over the real ones, folded away from the third model on."""
    found, names = [], names_of(comparison.columns)
    for place, row in enumerate(comparison.rows):
        order = np.argsort([row.by_column["shape"][name] for name in names], kind="stable")[:MOST]
        cells = "".join(_column(comparison, row, int(c)) for c in order)
        said = f"{title_of('shape', row)} {shown('shape', row.figures['shape'], interval=False)}"
        found.append(
            f'<details class="model"{" open" if place < 2 else ""}><summary><b>{escape(row.run)}</b> {said}'
            f'</summary><div class="columns-grid">{cells}</div></details>'
        )
    return "".join(found)


def _column(comparison: Comparison, row: Evaluation, place: int) -> str:
    """One column, real rows and samples."""
    column, name = comparison.columns[place], names_of(comparison.columns)[place]
    real, made = comparison.test[:, place], row.arrays["samples"][:, place]
    chart = _categories(column, real, made) if column.is_category else _numbers(column, real, made)
    return (
        f'<figure class="column"><figcaption><b title="{escape(name)}">{escape(name)}</b>'
        f"<span>{row.by_column['shape'][name]:.1%}</span></figcaption>{chart}</figure>"
    )


def _categories(column: Any, real: np.ndarray, made: np.ndarray) -> str:
    names = categories_of(column)
    a, b = (
        np.bincount(np.where(x < 0, len(names) - 1, x).astype(np.int64), minlength=len(names)) / len(x)
        for x in (real, made)
    )
    return charts.categories(a, b, names)


def _numbers(column: Any, real: np.ndarray, made: np.ndarray) -> str:
    low, high = map(_cell, column.decode(np.array(charts.span(real))))
    missing = [float(np.isnan(x).mean()) for x in (real, made)]
    below = f"<span>missing</span><span>{missing[0]:.1%} <b>{missing[1]:.1%}</b></span>"
    return charts.histogram(real, made, (low, high)) + (f'<div class="ends">{below}</div>' if any(missing) else "")


def _cell(value: Any) -> str:
    """A number or a time as people read it."""
    if isinstance(value, (float, np.floating)):
        return markup.number(float(value))
    return minus(f"{value:,}") if isinstance(value, (int, np.integer)) else str(value)


def _maps(comparison: Comparison) -> str:
    """How columns hang together: of real rows, of samples, and the difference."""
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
        maps = (
            (real, "real test rows"),
            (one, f"samples of {row.run}"),
            (np.clip(2 * (one - real), -1, 1), "difference"),
        )
        said = f"{title_of('trend', row)} {shown('trend', row.figures['trend'], interval=False)}"
        found.append(
            f'<h3>{escape(row.run)} <small>{said}</small></h3><div class="maps">'
            + "".join(
                markup.figure(charts.heat_map(values[square], names, title), escape(title)) for values, title in maps
            )
            + "</div>"
        )
    return "".join(found)


def _uses(rows: Sequence[Evaluation]) -> str:
    """What each model's samples are told by."""
    found = []
    for row in rows:
        score = f"{title_of('tree_score', row)} {shown('tree_score', row.figures['tree_score'])}"
        found.append(
            f'<figure class="forest"><figcaption>{escape(row.run)} <small>{escape(score)}</small></figcaption>'
            f"{charts.bars(row.by_column['uses'])}</figure>"
        )
    return "".join(found)
