"""A comparison as one HTML file that needs nothing else: tables with intervals, charts, and pictures to look at."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zaohua import __version__
from zaohua.tasks import charts, markup
from zaohua.tasks.evaluation import table
from zaohua.tasks.evaluation.compare import Comparison, real_sheet, sheet
from zaohua.tasks.evaluation.figures import FLOOR, MEASURES, Evaluation
from zaohua.tasks.evaluation.telling import digits, kind_of, shown, title_of, verdict
from zaohua.tasks.markup import facts, minus

TEMPLATE = Path(__file__).with_name("page.html")
LARGEST, ENLARGED = 96, 56
"""Pixels of the longer side that larger pictures are made smaller to, and of the shorter that small ones grow to."""
NEIGHBOURS = 8
"""Samples of each model that are shown over their nearest training picture."""
NEGATIVE = r"(?<!\w)-(?=\d)"
ARROWS = {"lower": "↓", "higher": "↑", "none": ""}


def write(comparison: Comparison, path: str | Path, command: str = "") -> Path:
    """Write the page; folders are made.

    Args:
        comparison: what it shows.
        path: of the file.
        command: by which the page can be made again; what it must have been, by default.

    Returns:
        The path.
    """
    rows = comparison.rows
    first, target = rows[0], Path(path)
    page = markup.fill(
        TEMPLATE, count=len(rows), data=escape(Path(first.data).name), n=f"{first.n:,}", split=escape(first.split),
        size=_size(comparison.test), verdict="".join(f"<p>{_emphasised(line, rows)}</p>" for line in
                                                     verdict(comparison)),
        facts=facts(_facts(rows)), quality=_table(table.quality(comparison), "frechet"),
        cost=_table(table.costs(comparison)), glossary=_glossary(comparison), charts=_charts(rows),
        behind=_behind(comparison), sheets=_sheets(comparison), neighbours=_neighbours(rows), classes=_classes(rows),
        others=_others(comparison), command=escape(command or _command(rows)), version=__version__,
    )  # fmt: skip
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, "utf-8")
    return target


def _size(pixels: np.ndarray) -> str:
    height, width = pixels.shape[1:3]
    return f"{width} × {height}"


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
    return [("data", escape(first.data), f"{escape(first.split)} split"),
            ("samples of each", f"{first.n:,}", "and as many real pictures"),
            ("seeds", each(lambda row: ", ".join(map(str, row.seeds))), ""),
            ("distances in", escape(name), escape(digest)),
            ("hardware", hardware or "–", f"{cores} cores" if cores else ""),
            ("versions", f"zaohua {each(lambda row: row.about.get('zaohua')) or '–'}",
             f"torch {each(lambda row: row.about.get('torch')) or '–'}, Python "
             f"{each(lambda row: row.about.get('python')) or '–'}"),
            ("date", each(lambda row: row.about.get("date")) or "–", "")]


# ---- tables


def _table(found: table.Table, by: str = "") -> str:
    """A table whose headers sort it."""
    head = "".join(_header(column, column.name == by) for column in found.columns)
    bodies = [[_row(row) for row in found.rows if row.reference is reference] for reference in (True, False)]
    return ('<div class="scroll"><table class="sortable"><thead><tr><th scope="col" aria-sort="none"><button>model'
            f"</button></th>{head}</tr></thead>" + "".join(f"<tbody>{''.join(body)}</tbody>" for body in bodies if body)
            + "</table></div>")


def _header(column: table.Column, sorted_by: bool) -> str:
    arrow = f'&nbsp;<i title="{column.better} is better">{ARROWS[column.better]}</i>' if column.better != "none" else ""
    order = {"higher": "descending"}.get(column.better, "ascending") if sorted_by else "none"
    title, bracket, inside = escape(column.title).partition("[")
    return (f'<th scope="col" aria-sort="{order}" data-better="{column.better}"><button title="{escape(column.about)}">'
            f"{title}{arrow}{f'<small>{bracket}{inside}</small>' if bracket else ''}</button></th>")


def _row(row: table.Row) -> str:
    small = f"<small>{escape(row.model)}</small>" if row.model.lower() not in ("", row.name.lower()) else ""
    return (f"<tr{' class=reference' if row.reference else ''}><th scope=\"row\">{escape(row.name)}{small}</th>"
            + "".join(map(_cell, row.cells)) + "</tr>")


def _cell(cell: table.Cell) -> str:
    text = f"<b>{minus(cell.text)}</b>" if cell.best else minus(cell.text)
    small = "".join(f"<small>{part}</small>" for part in (minus(cell.around), escape(cell.note)) if part)
    value = "" if cell.value is None else f' data-value="{cell.value!r}"'
    return f"<td{value}>{text}{small}</td>"


def _glossary(comparison: Comparison) -> str:
    """What the columns mean."""
    columns = [*table.quality(comparison).columns, *table.costs(comparison).columns]
    return "".join(f"<div><dt>{escape(column.title)}</dt><dd>{escape(column.about)}</dd></div>" for column in columns)


def _heat(title: str, rows: Sequence[Evaluation], of: Callable[[Evaluation], dict[str, float]], caption: str) -> str:
    """Shares of each class as a table whose cells are the darker the larger they are; empty without any."""
    rows = [row for row in rows if of(row)]
    if not rows:
        return ""
    classes = list(dict.fromkeys(name for row in rows for name in of(row)))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in classes)
    shares = {row.run: "".join(_share(of(row).get(name)) for name in classes) for row in rows}
    body = "".join(f'<tr><th scope="row">{escape(run)}</th>{cells}</tr>' for run, cells in shares.items())
    return (f'<section><h3>{title}</h3><div class="scroll"><table class="heat"><thead><tr><th></th>{head}</tr></thead>'
            f'<tbody>{body}</tbody></table></div><p class="note">{caption}</p></section>')


def _share(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "<td>–</td>"
    return f'<td style="--share:{value:.3f}">{value:.0%}</td>'


def _classes(rows: Sequence[Evaluation]) -> str:
    found = _heat("Recall of each class", rows, lambda row: row.recall_by_class,
                  "Share of the test pictures of a class that look like some sample. Faint columns are hard for all; a "
                  "faint cell is what one model leaves out. Blurred samples lie near to everything: read it with "
                  "precision.")
    found += _heat("Recognised of each class", rows, lambda row: row.accuracy_by_class,
                   "Share of the samples made for a class that the classifier takes for it.")
    return f'<section><h2>Class by class</h2><div class="stack">{found}</div></section>' if found else ""


def _others(comparison: Comparison) -> str:
    """Distances in other features, and what is to be known about all that."""
    rows = comparison.rows
    names = list(dict.fromkeys(name for row in rows for name in row.others))
    columns = [table.Column("frechet", title_of("frechet", rows[0]), "lower", rows[0].extractor)]
    columns += [table.Column(name, f"FD[{name.partition(',')[0]}]", "lower", name) for name in names]
    body = []
    for row in rows:
        values = [row.figures["frechet"].value, *(row.others.get(name) for name in names)]
        cells = [table.Cell() if value is None else table.Cell(digits(value), value) for value in values]
        body.append(table.Row(row.run, row.model, cells))
    shown_ = _table(table.Table(columns, body), "frechet") if names else ""
    notes = [escape(note) for note in comparison.notes]
    flags: dict[str, list[str]] = {}
    for row in rows:
        for flag in row.flags:
            flags.setdefault(flag, []).append(row.run)
    notes += [f"<b>{escape(', '.join(runs)) if len(runs) < len(rows) else 'all'}</b>: {escape(flag)}"
              for flag, runs in flags.items()]
    listed = f'<ul class="notes">{"".join(f"<li>{note}</li>" for note in notes)}</ul>' if notes else \
        '<p class="note">No flags: nothing about the samples looked odd.</p>'
    return shown_ + listed


# ---- charts


def _charts(rows: Sequence[Evaluation]) -> str:
    """Quality against time, of training and of sampling."""
    floor = rows[0].references.get(FLOOR, {}).get("frechet")
    title = title_of("frechet", rows[0])
    costs: tuple[tuple[str, Callable[[Evaluation], float | None]], ...] = (
        ("training, seconds", lambda row: row.cost.training_seconds), ("ms per sample",
                                                                       lambda row: row.cost.milliseconds))
    found = []
    for what, of in costs:
        points = [charts.Point(row.run, cost, row.figures["frechet"].value, row.figures["frechet"].low,
                               row.figures["frechet"].high) for row in rows if (cost := of(row))]
        left_out = [row.run for row in rows if not of(row)]
        chart = charts.scatter(points, what, title, None if floor is None else floor.value)
        found.append(markup.figure(chart, f"Not timed: {escape(', '.join(left_out))}" if left_out else "", "chart"))
    return "".join(found)


def _behind(comparison: Comparison) -> str:
    """How far each model is behind the first."""
    best = comparison.rows[0]
    found = charts.forest(f"Behind {best.run}, {title_of('frechet', best)}", comparison.behind)
    if comparison.likelihood_behind and comparison.likeliest is not None:
        notes = {row.run: kind_of(row.figures["log_likelihood"].note) for row in comparison.rows
                 if "log_likelihood" in row.figures}
        found += charts.forest(f"Behind {comparison.likeliest}, nats per item", comparison.likelihood_behind, notes)
    return found


# ---- pictures


def _sheets(comparison: Comparison) -> str:
    """Real pictures, then samples of each model, a column for each label."""
    labels = comparison.labels
    classes = None if labels is None else sorted(set(labels), key=str)[:12]
    found = [_sheet(real_sheet(comparison), classes, "Real pictures", "<b>real</b> never seen in training")]
    for row in comparison.rows:
        where = f"{title_of('frechet', row)} {shown('frechet', row.figures['frechet'], interval=False)}"
        asked = classes if row.accuracy_by_class or "accuracy" in row.figures else None
        caption = f"<b>{escape(row.run)}</b> {escape(where)}" + ("" if asked or not classes else ", without labels")
        found.append(_sheet(sheet(comparison, row), classes, f"Samples of {row.run}", caption, asked is not None))
    return "".join(found)


def _sheet(images: np.ndarray, classes: Sequence[Any] | None, alt: str, caption: str, named: bool = True) -> str:
    columns = len(classes) if classes else 10
    names = "".join(f"<span>{escape(str(name))}</span>" for name in classes or ()) if named else ""
    above = f'<div class="labels" style="--columns:{columns}">{names or "&nbsp;"}</div>' if classes else ""
    return markup.figure(above + _on_black(images, columns, alt), caption)


def _on_black(images: np.ndarray, columns: int, alt: str) -> str:
    return markup.sheet(_fit(images), columns, alt, ENLARGED, gap=4)


def _fit(images: np.ndarray) -> np.ndarray:
    """Pictures no larger than a page shows them."""
    height, width = images.shape[1:3]
    if max(height, width) <= LARGEST:
        return images
    size = (max(1, round(width * LARGEST / max(height, width))), max(1, round(height * LARGEST / max(height, width))))
    squeezed = images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images
    return np.stack([np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)) for image in squeezed])


def _neighbours(rows: Sequence[Evaluation]) -> str:
    """Samples of each model over the training pictures that are nearest to them."""
    found = []
    for row in rows:
        samples, nearest = row.arrays.get("samples"), row.arrays.get("nearest")
        if samples is None or nearest is None or not len(nearest):
            continue
        k = min(NEIGHBOURS, len(samples), len(nearest))
        copies = row.figures.get("copy_rate")
        told = "" if copies is None else f" {MEASURES['copy_rate'].title} {escape(shown('copy_rate', copies))}"
        pair = (_on_black(samples[:k], k, f"Samples of {row.run}")
                + _on_black(nearest[:k], k, "The training pictures that are nearest to them"))
        found.append(markup.figure(pair, f"<b>{escape(row.run)}</b>{told}"))
    return "".join(found)


def _command(rows: Sequence[Evaluation]) -> str:
    """By which the page can be made again."""
    first = rows[0]
    data = "" if first.split in ("test", "validation") else f" --data {first.data}"
    split = " --split validation" if first.split == "validation" else ""
    return (f"zaohua compare {' '.join(row.run for row in rows)}{data}{split} --samples {first.n} "
            f"--seed {first.seeds[0]}")
