"""The page of the demo: one HTML file that needs nothing else, with pictures and curves inside."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from zaohua import __version__
from zaohua.tasks import pictures
from zaohua.tasks.demo import DATA, ROWS, Result, Study
from zaohua.tasks.demo_text import RUN, Writing

TEMPLATE = Path(__file__).with_name("report.html")
WIDTH, HEIGHT, LEFT, BOTTOM = 460, 170, 44, 22


def write(study: Study, out: Path) -> Path:
    """Write the page as index.html into a folder; returns its path."""
    models = [result for result in study.results if result.sheet is not None and not result.reference]
    page = Template(TEMPLATE.read_text("utf-8")).substitute(
        data=DATA, n_train=f"{study.n_train:,}", n_test=study.n_test, n_labels=len(study.labels), seed=study.seed,
        extractor=html.escape(study.extractor), table=table(study.results),
        cards="\n".join(card(result, study) for result in models), writing=writing_card(study.writing),
        version=__version__, duration=f"{study.seconds / 60:.1f} minutes",
        example=html.escape(str(out / models[-1].name)),
    )  # fmt: skip
    path = out / "index.html"
    path.write_text(page, "utf-8")
    return path


# ---- the table, on the page and in the terminal


def header() -> list[tuple[str, str]]:
    """Titles of the table's columns, each with what it is in."""
    return [("model", ""), ("Fréchet distance", "lower is better"), ("recognised as asked", "higher is better"),
            ("score of held-out", "nats per item"), ("training", "seconds"), ("parameters", ""),
            ("sampling", "ms per sample")]


def cells(result: Result) -> list[tuple[str, str]]:
    """The row of a result: what each cell says, and what it adds in small."""
    kind = result.score_kind.replace("_", " ")
    return [(result.name, "naive reference" if result.reference and result.family else result.family),
            (_number(result.frechet), ""),
            ("–" if result.accuracy is None else f"{result.accuracy:.1%}", ""),
            (_number(result.score), kind), (_number(result.seconds), ""),
            ("–" if result.parameters is None else f"{result.parameters:,}", ""), (_number(result.milliseconds), "")]


def table(results: Sequence[Result]) -> str:
    """The table of measures; the best of the models in bold."""
    best = _best(results)
    head = "".join(f"<th>{title}<small>{html.escape(unit)}</small></th>" for title, unit in header())
    rows = []
    for result in results:
        row = []
        for column, (text, small) in enumerate(cells(result)):
            text = f"<b>{html.escape(text)}</b>" if (result.name, column) in best else html.escape(text)
            row.append(f"<td>{text}" + (f"<small>{html.escape(small)}</small>" if small else "") + "</td>")
        rows.append(f"<tr{' class=reference' if result.reference else ''}>{''.join(row)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _best(results: Sequence[Result]) -> set[tuple[str, int]]:
    """Which cells hold the best of the models: (name, column)."""
    models = [result for result in results if not result.reference]
    nearest = min(model.frechet or math.inf for model in models)
    clearest = max(model.accuracy or 0 for model in models)
    bold = {1: lambda model: model.frechet == nearest, 2: lambda model: model.accuracy == clearest}
    return {(model.name, column) for model in models for column, is_best in bold.items() if is_best(model)}


# ---- a model's card


def card(result: Result, study: Study) -> str:
    """Samples beside real items, the curve of training, and the facts."""
    rate = result.history[-1].get("step") if result.history else None
    facts = [("distance to real", _number(result.frechet), ""),
             ("recognised as asked", "–" if result.accuracy is None else f"{result.accuracy:.1%}", ""),
             ("score in nats", _number(result.score), result.score_kind.replace("_", " ")),
             ("training", _number(result.seconds), "s" + (f", {rate:,} steps" if rate else "")),
             ("parameters", "–" if result.parameters is None else f"{result.parameters:,}", ""),
             ("one sample", _number(result.milliseconds), "ms")]
    curve = loss_curve(result.history) or '<p class="note">Fitted in one go: there is no curve of training.</p>'
    return f"""<article>
{_head(result)}
<div class="columns">
{_figure(result.sheet, f"Samples of {result.name}", "made by the model")}
{_figure(study.real, "Real digits", "real, held out")}
</div>
<div class="below"><figure>{curve}</figure><dl>{_listed(facts)}</dl></div>
</article>"""


def writing_card(writing: Writing) -> str:
    """What the model of texts wrote, the curve of its training, and the facts."""
    facts = [("predicts held-out text", f"{writing.bits:.2f}", "bits per character"),
             (f"copied, {RUN} characters or more", f"{writing.copied:.1%}", f"of held-out text {writing.real:.1%}"),
             ("training text", f"{writing.characters:,}", "characters"),
             ("training", _number(writing.seconds), f"s, {writing.steps:,} steps"),
             ("parameters", f"{writing.parameters:,}", "")]
    texts = "".join(f"<blockquote><b>{html.escape(prompt)}</b>{html.escape(text.removeprefix(prompt))}</blockquote>"
                    for prompt, text in writing.samples)
    return f"""<article class="texts">
{_head(writing)}
<div class="columns">{texts}</div>
<div class="below"><figure>{loss_curve(writing.history)}</figure><dl>{_listed(facts)}</dl></div>
<p class="note">It learnt {html.escape(writing.data)}, letter by letter, and goes on from what is in colour.</p>
</article>"""


def _head(result: Result | Writing) -> str:
    paper = f'<p class="paper">{html.escape(result.paper)}</p>' if result.paper else ""
    return (f"<header><h2>{html.escape(result.name)}<span>{html.escape(result.family)}</span></h2>"
            f"<p>{html.escape(result.summary)}</p>{paper}</header>")


def _listed(facts: Sequence[tuple[str, str, str]]) -> str:
    return "".join(f"<div><dt>{name}</dt><dd>{value} <small>{more}</small></dd></div>" for name, value, more in facts)


def _figure(images: np.ndarray | None, alt: str, caption: str) -> str:
    assert images is not None
    sheet = np.pad(pictures.grid(images, len(images) // ROWS, gap=14, height=32, background=0), 14)
    return (f'<figure><img src="{pictures.data_uri(sheet)}" alt="{html.escape(alt)}" width="{sheet.shape[1]}" '
            f'height="{sheet.shape[0]}"><figcaption>{html.escape(caption)}</figcaption></figure>')


def loss_curve(history: Sequence[dict[str, Any]]) -> str:
    """The losses of training as an inline SVG: seconds to the right, each phase a line; empty without records."""
    names = sorted({key for record in history for key in record if key.startswith("loss")})[:2]
    lines = {name: [(r["seconds"], r[name]) for r in history if name in r and math.isfinite(r[name])] for name in names}
    points = [point for line in lines.values() for point in line]
    if len(points) < 2:
        return ""
    values = np.array([value for _, value in points])
    low, high = (float(q) for q in np.quantile(values, [0.0, 0.97]))
    low, high = (low, high) if high > low else (low - 1, high + 1)
    end = max(seconds for seconds, _ in points)

    def place(seconds: float, value: float) -> tuple[float, float]:
        share = (min(max(value, low), high) - low) / (high - low)
        return LEFT + seconds / end * (WIDTH - LEFT), (HEIGHT - BOTTOM) * (1 - share) + 6 * share

    parts = [_axes(low, high, end)]
    for style, (name, line) in zip("ab", lines.items(), strict=False):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in line))
        parts.append(f'<path class="{style}" d="M{path}"/>')
        label = name.removeprefix("loss/") if len(names) > 1 else "loss"
        parts.append(f'<text class="{style}" x="{LEFT + 80 * (1 + "ab".index(style))}" y="{HEIGHT - 5}">'
                     f"{html.escape(label)}</text>")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Loss of training">{"".join(parts)}</svg>'


def _axes(low: float, high: float, end: float) -> str:
    """Three lines across, with the values and times at their ends."""
    parts = []
    for share in (0.0, 0.5, 1.0):
        y, value = (HEIGHT - BOTTOM) * (1 - share) + 6 * share, _number(low + share * (high - low))
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
                     f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{value}</text>')
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 5}">0</text>'
                 f'<text x="{WIDTH}" y="{HEIGHT - 5}" text-anchor="end">{end:.0f} s of training</text>')
    return "".join(parts)


def _number(value: float | None) -> str:
    """Three digits that count, or a dash."""
    if value is None:
        return "–"
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{min(digits, 3)}f}".replace("-", "−")
