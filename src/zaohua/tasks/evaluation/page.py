"""Page of a comparison as one self-contained HTML file: tables with intervals, charts and samples."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, cast

from markupsafe import Markup

from zaohua import __version__
from zaohua.evaluation import plain_page, table
from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.measures import measure_of
from zaohua.evaluation.results import FLOOR, Evaluation
from zaohua.evaluation.splits import IN_MEMORY
from zaohua.evaluation.summaries import kind_of, title_of, verdict
from zaohua.modalities.registry import known
from zaohua.report import charts, html
from zaohua.report.numbers import minus
from zaohua.storage.atomic import encoded, replace_file

TEMPLATE = Path(__file__).with_name("page.html.jinja")
NEGATIVE = r"(?<!\w)-(?=\d)"


class Page(Protocol):
    """Interface of the part of a page that a kind of data defines: a module or an object with two functions.

    Make the HTML with `zaohua.report.html.render`, from a template of your own. It escapes all values, and so does the
    page: a plain string that `sections` returns is shown as text.
    """

    def about(self, comparison: Comparison) -> str:
        """Return a sentence of plain text on the number and kind of the compared items."""
        ...

    def sections(self, comparison: Comparison) -> Markup:
        """Return additional sections for this kind of data as HTML, such as samples."""
        ...


def page_of(modality: str) -> Page | None:
    """Return the module of a kind of data's `Modality.page`, or None."""
    found = next((kind.load(kind.page) for kind in known() if kind.name == modality), None)
    return cast(Page | None, found)


def write(comparison: Comparison, path: str | Path, command: str = "", sections: Page | None = None) -> Path:
    """Write the page; create missing folders.

    Args:
        comparison: the models and what was found.
        path: where to write the file.
        command: the command that makes the page again, which the page shows; by default a likely one.
        sections: what the page shows of the items themselves; by default what their modality does. Without either
            the page has tables, charts and remarks only.

    Returns:
        The path.

    Raises:
        ZaohuaError: it can't be written.
    """
    target = Path(path)
    replace_file(target, encoded(text(comparison, command, sections)))
    return target


def text(comparison: Comparison, command: str = "", sections: Page | None = None) -> str:
    """Make the text of the page; the arguments are those of `write`."""
    rows = comparison.rows
    own = sections or page_of(rows[0].modality) or cast(Page, plain_page)
    return html.render(
        TEMPLATE,
        rows=rows,
        data=Path(rows[0].data).name,
        about=own.about(comparison).strip(),
        verdict=[_headed(line, rows) for line in verdict(comparison)],
        facts=_facts(rows),
        lead=comparison.lead,
        quality=table.quality(comparison),
        cost=table.costs(comparison),
        charts=_charts(comparison),
        dashed=_dashed(rows[0])[2],
        direction="Higher" if _higher(comparison) else "Lower",
        behind=_behind(comparison),
        sections=own.sections(comparison),
        command=command or _command(rows),
        version=__version__,
    )


def write_chart(comparison: Comparison, path: str | Path) -> Path | None:
    """Write the first chart of the page, quality against training time, as a separate SVG file.

    Args:
        comparison: the models and what was found.
        path: where to write the file, in a folder that exists.

    Returns:
        The path, or None if no model was timed.
    """
    drawn = chart_text(comparison)
    if drawn is None:
        return None
    replace_file(Path(path), encoded(drawn))
    return Path(path)


def chart_text(comparison: Comparison) -> str | None:
    """Draw the first chart of the page as an SVG; None if no model was timed."""
    found = _charts(comparison)
    if not found:
        return None
    return html.render("chart.svg.jinja", chart=found[0][0], width=charts.WIDTH, height=charts.TALL)


def _headed(line: str, rows: Sequence[Evaluation]) -> tuple[str, str]:
    """Split a sentence of the verdict into its bold part and the rest."""
    heads = [*(f"{row.run} wins by" for row in rows), *(f"Only {row.run} has" for row in rows), "No winner by"]
    head = next((head for head in heads if line.startswith(head)), "")
    return head, re.sub(NEGATIVE, minus("-"), line[len(head) :])


def _facts(rows: Sequence[Evaluation]) -> list[tuple[str, str, str]]:
    """List facts about the evaluation: a name, a value, and a remark in small print."""

    def each(of: Callable[[Evaluation], object]) -> str:
        return "; ".join(dict.fromkeys(str(of(row)) for row in rows if of(row)))

    first = rows[0]
    name, _, digest = first.extractor.partition(", ")
    hardware = each(lambda row: row.about.get("gpu") or row.about.get("processor"))
    cores = each(lambda row: row.about.get("cores"))
    by = ("ranked by", title_of(first.lead, first), "")
    by = ("predicted", first.target, "") if first.target else by
    by = ("distances in", name, digest) if name else by
    return [
        ("data", first.data, f"{first.split} split"),
        ("samples of each", f"{first.n:,}", f"and as many real {first.noun}" if name else ""),
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


# ---- charts


def _higher(comparison: Comparison) -> bool:
    """Return True if higher values of the measure `lead` are better."""
    return measure_of(comparison.lead).better == "higher"


def _charts(comparison: Comparison) -> list[tuple[Markup, list[str]]]:
    """Draw quality against the times of training and of sampling, each with the list of models without a time."""
    rows, lead = comparison.rows, comparison.lead
    dashed, whose, _ = _dashed(rows[0])
    costs: tuple[tuple[str, Callable[[Evaluation], float | None]], ...] = (
        ("training, seconds", lambda row: row.cost.training_seconds),
        ("ms per sample", lambda row: row.cost.milliseconds),
    )
    found = []
    for title, of in costs:
        points = [
            charts.Point(row.run, cost, row.figures[lead].value, row.figures[lead].low, row.figures[lead].high)
            for row in rows
            if (cost := of(row))
        ]
        if not points:
            continue
        chart = charts.scatter(
            points,
            title,
            title_of(lead, rows[0]),
            dashed,
            whose,
            _higher(comparison),
        )
        found.append((chart, [row.run for row in rows if not of(row)]))
    return found


def _dashed(first: Evaluation) -> tuple[float | None, str, str]:
    """Return the figure of the dashed line of charts, its short name, and whose it is: real items, else a baseline."""
    names = [FLOOR, *first.references]
    name = next((name for name in names if first.lead in first.references.get(name, {})), "")
    if not name:
        return None, "", ""
    value = first.references[name][first.lead].value
    return (
        (value, f"real {first.noun}", "the figure of as many real training items")
        if name == FLOOR
        else (value, name, f"a {name}")
    )


def _behind(comparison: Comparison) -> Markup:
    """Draw the differences of the other models to the first."""
    best = comparison.rows[0]
    found = charts.forest(f"Behind {best.run}, {title_of(comparison.lead, best)}", comparison.behind)
    if comparison.likelihood_behind and comparison.likeliest is not None:
        notes = {
            row.run: kind_of(row.figures["log_likelihood"].note)
            for row in comparison.rows
            if "log_likelihood" in row.figures
        }
        found += charts.forest(f"Behind {comparison.likeliest}, nats per item", comparison.likelihood_behind, notes)
    for name, lead in comparison.leads.items():
        found += charts.forest(f"Behind {lead.best}, {title_of(name, best)}", lead.behind)
    return found


def _command(rows: Sequence[Evaluation]) -> str:
    """Return the command that reproduces the page, as far as it is known."""
    first = rows[0]
    given = first.split not in ("test", "validation") and first.data != IN_MEMORY
    data = f" --data {first.data}" if given else ""
    split = " --split validation" if first.split == "validation" else ""
    return (
        f"zaohua compare {' '.join(row.run for row in rows)}{data}{split} --samples {first.n} "
        f"--seed {first.seeds[0]}" + (f" --target {shlex.quote(first.target)}" if first.target else "")
    )
