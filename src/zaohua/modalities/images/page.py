"""What a page shows of models of pictures: samples, their nearest training pictures, classes, other extractors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from zaohua.evaluation import table, table_html
from zaohua.evaluation.comparison import Comparison
from zaohua.evaluation.measures import MEASURES
from zaohua.evaluation.protocol import side_by_side
from zaohua.evaluation.results import Evaluation
from zaohua.evaluation.summaries import digits, shown, title_of
from zaohua.report import markup

LARGEST, ENLARGED = 96, 56
"""Pixels of the longer side that larger pictures are made smaller to, and of the shorter that small ones grow to."""
NEIGHBOURS = 8
"""Samples of each model that are shown over their nearest training picture."""


def about(comparison: Comparison) -> str:
    """What was measured, for the head of the page."""
    height, width = comparison.test.shape[1:3]
    return (
        f"Each made {comparison.rows[0].n:,} pictures of {width} × {height} pixels, which are set beside as many "
        "real ones that no model has seen. "
    )


def sections(comparison: Comparison) -> str:
    """The sections that only pictures have."""
    grid = '<div class="grid">{}</div>'
    return "\n".join(
        [
            markup.section("Samples", grid.format(_sheets(comparison)), "The first that were made, none picked."),
            markup.section(
                "Nearest training pictures",
                grid.format(_neighbours(comparison.rows)),
                "Above, samples; below each, the training picture that is nearest to it. The copy rate is the "
                "share of samples that are nearer than one in a hundred test pictures is; a small p says that "
                "they are more than chance brings.",
            ),
            classes(comparison.rows),
            markup.section("By other yardsticks", others(comparison), kind="even"),
        ]
    )


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
        pair = _on_black(samples[:k], k, f"Samples of {row.run}") + _on_black(
            nearest[:k], k, "The training pictures that are nearest to them"
        )
        found.append(markup.figure(pair, f"<b>{escape(row.run)}</b>{told}"))
    return "".join(found)


def sheet(comparison: Comparison, row: Evaluation, each: int = 8) -> np.ndarray:
    """Samples as a page shows them: so many of each label, a column for a label; the first ones of a model without."""
    samples = row.arrays["samples"]
    return samples[side_by_side(comparison.labels, len(samples), each)]


def real_sheet(comparison: Comparison, each: int = 8) -> np.ndarray:
    """The test pictures shown likewise."""
    return comparison.test[side_by_side(comparison.labels, len(comparison.test), each)]


# ---- classes, and other extractors


def _heat(title: str, rows: Sequence[Evaluation], of: Callable[[Evaluation], dict[str, float]], caption: str) -> str:
    """Shares of each class as a table whose cells are the darker the larger they are; empty without any."""
    rows = [row for row in rows if of(row)]
    if not rows:
        return ""
    classes = list(dict.fromkeys(name for row in rows for name in of(row)))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in classes)
    shares = {row.run: "".join(_share(of(row).get(name)) for name in classes) for row in rows}
    body = "".join(f'<tr><th scope="row">{escape(run)}</th>{cells}</tr>' for run, cells in shares.items())
    return (
        f'<section><h3>{title}</h3><div class="scroll"><table class="heat"><thead><tr><th></th>{head}</tr></thead>'
        f'<tbody>{body}</tbody></table></div><p class="note">{caption}</p></section>'
    )


def _share(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "<td>–</td>"
    return f'<td style="--share:{value:.3f}">{value:.0%}</td>'


def classes(rows: Sequence[Evaluation]) -> str:
    """How much of each class is there, and how much of it is recognised."""
    noun = rows[0].noun
    found = _heat(
        "Recall of each class",
        rows,
        lambda row: row.recall_by_class,
        f"Share of the test {noun} of a class that are like some sample. Faint columns are hard for all; a "
        "faint cell is what one model leaves out. Blurred samples lie near to everything: read it with "
        "precision.",
    )
    found += _heat(
        "Recognised of each class",
        rows,
        lambda row: row.accuracy_by_class,
        "Share of the samples made for a class that the classifier takes for it.",
    )
    return markup.section("Class by class", f'<div class="stack">{found}</div>') if found else ""


def others(comparison: Comparison) -> str:
    """Distances in other features, and what is to be known about all that."""
    rows = comparison.rows
    names = list(dict.fromkeys(name for row in rows for name in row.others))
    columns = [table.TableColumn("frechet", title_of("frechet", rows[0]), "lower", rows[0].extractor)]
    columns += [table.TableColumn(name, f"FD[{name.partition(',')[0]}]", "lower", name) for name in names]
    body = []
    for row in rows:
        values = [row.figures["frechet"].value, *(row.others.get(name) for name in names)]
        cells = [table.Cell() if value is None else table.Cell(digits(value), value) for value in values]
        body.append(table.Row(row.run, row.model, cells))
    shown_ = table_html.html(table.Table(columns, body), "frechet") if names else ""
    return shown_ + table_html.remarks(comparison.notes, rows)
