"""A comparison as one HTML file that needs nothing else: tables with intervals, charts, and pictures to look at."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from zaohua import __version__
from zaohua.evaluation import plain_page, table, table_html
from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.measures import measure_of
from zaohua.evaluation.results import FLOOR, Evaluation
from zaohua.evaluation.summaries import kind_of, title_of, verdict
from zaohua.modalities.registry import known
from zaohua.report import charts, markup
from zaohua.report.markup import facts, minus

TEMPLATE = Path(__file__).with_name("page.html")
NEGATIVE = r"(?<!\w)-(?=\d)"


def write(comparison: Comparison, path: str | Path, command: str = "") -> Path:
    """Write the page; folders are made.

    Args:
        comparison: what it shows.
        path: of the file.
        command: by which the page can be made again; what it must have been, by default.

    Returns:
        The path.
    """
    rows, pages = comparison.rows, _pages(comparison)
    first, target = rows[0], Path(path)
    page = markup.fill(
        TEMPLATE,
        count=len(rows),
        data=escape(Path(first.data).name),
        about=escape(pages.about(comparison)),
        verdict="".join(f"<p>{_emphasised(line, rows)}</p>" for line in verdict(comparison)),
        facts=facts(_facts(rows)),
        quality=table_html.html(table.quality(comparison), comparison.lead),
        cost=table_html.html(table.costs(comparison)),
        glossary=_glossary(comparison),
        charts=_charts(comparison),
        direction="Higher" if _higher(comparison) else "Lower",
        behind=_behind(comparison),
        sections=pages.sections(comparison),
        command=escape(command or _command(rows)),
        version=__version__,
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, "utf-8")
    return target


def _pages(comparison: Comparison) -> Any:
    """Return the module that makes the part of a page for the kind of data of a comparison."""
    name = comparison.rows[0].modality
    found = next((kind.load(kind.page) for kind in known() if kind.name == name), None)
    return plain_page if found is None else found


def _emphasised(line: str, rows: Sequence[Evaluation]) -> str:
    """A sentence of the verdict, with what it begins with in bold."""
    heads = [*(f"{row.run} wins by" for row in rows), *(f"Only {row.run} tells" for row in rows), "No winner by"]
    head = next((head for head in heads if line.startswith(head)), "")
    return f"<b>{escape(head)}</b>{escape(re.sub(NEGATIVE, minus('-'), line[len(head) :]))}"


def _facts(rows: Sequence[Evaluation]) -> list[tuple[str, str, str]]:
    """What was measured, and by what."""

    def each(of: Callable[[Evaluation], Any]) -> str:
        return escape("; ".join(dict.fromkeys(str(of(row)) for row in rows if of(row))))

    first = rows[0]
    name, _, digest = first.extractor.partition(", ")
    hardware = each(lambda row: row.about.get("gpu") or row.about.get("processor"))
    cores = each(lambda row: row.about.get("cores"))
    by = ("distances in", escape(name), escape(digest)) if name else ("predicted", escape(first.target or "–"), "")
    return [
        ("data", escape(first.data), f"{escape(first.split)} split"),
        ("samples of each", f"{first.n:,}", f"and as many real {first.noun}" if name else first.noun),
        ("seeds", each(lambda row: ", ".join(map(str, row.seeds))), ""),
        by,
        ("hardware", hardware or "–", f"{cores} cores" if cores else ""),
        (
            "versions",
            f"zaohua {each(lambda row: row.about.get('zaohua')) or '–'}",
            f"torch {each(lambda row: row.about.get('torch')) or '–'}, Python "
            f"{each(lambda row: row.about.get('python')) or '–'}",
        ),
        ("date", each(lambda row: row.about.get("date")) or "–", ""),
    ]


def _glossary(comparison: Comparison) -> str:
    """What the columns mean."""
    columns = [*table.quality(comparison).columns, *table.costs(comparison).columns]
    return "".join(f"<div><dt>{escape(column.title)}</dt><dd>{escape(column.about)}</dd></div>" for column in columns)


# ---- charts


def _higher(comparison: Comparison) -> bool:
    """Whether the measure that leads is the better the higher it is."""
    return measure_of(comparison.lead).better == "higher"


def _charts(comparison: Comparison) -> str:
    """Quality against time, of training and of sampling."""
    rows, lead = comparison.rows, comparison.lead
    floor = rows[0].references.get(FLOOR, {}).get(lead)
    costs: tuple[tuple[str, Callable[[Evaluation], float | None]], ...] = (
        ("training, seconds", lambda row: row.cost.training_seconds),
        ("ms per sample", lambda row: row.cost.milliseconds),
    )
    found = []
    for what, of in costs:
        points = [
            charts.Point(row.run, cost, row.figures[lead].value, row.figures[lead].low, row.figures[lead].high)
            for row in rows
            if (cost := of(row))
        ]
        left_out = [row.run for row in rows if not of(row)]
        if not points:
            continue
        chart = charts.scatter(
            points,
            what,
            title_of(lead, rows[0]),
            None if floor is None else floor.value,
            f"real {rows[0].noun}",
            _higher(comparison),
        )
        found.append(markup.figure(chart, f"Not timed: {escape(', '.join(left_out))}" if left_out else "", "chart"))
    return "".join(found)


def _behind(comparison: Comparison) -> str:
    """How far each model is behind the first."""
    best = comparison.rows[0]
    found = charts.forest(f"Behind {best.run}, {title_of(comparison.lead, best)}", comparison.behind)
    if comparison.likelihood_behind and comparison.likeliest is not None:
        notes = {
            row.run: kind_of(row.figures["log_likelihood"].note)
            for row in comparison.rows
            if "log_likelihood" in row.figures
        }
        found += charts.forest(f"Behind {comparison.likeliest}, nats per item", comparison.likelihood_behind, notes)
    return found


def _command(rows: Sequence[Evaluation]) -> str:
    """By which the page can be made again."""
    first = rows[0]
    data = "" if first.split in ("test", "validation") else f" --data {first.data}"
    split = " --split validation" if first.split == "validation" else ""
    return (
        f"zaohua compare {' '.join(row.run for row in rows)}{data}{split} --samples {first.n} "
        f"--seed {first.seeds[0]}" + (f" --target {shlex.quote(first.target)}" if first.target else "")
    )
