"""The page of the demo: one HTML file that needs nothing else, with pictures and curves inside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from zaohua import __version__
from zaohua.demo import DATA, ROWS, Result, Study
from zaohua.demo.sounds import JUDGED, Heard, SoundDemo
from zaohua.demo.texts import RUN, Writing
from zaohua.report import markup
from zaohua.report.charts import loss_curve
from zaohua.report.markup import number

TEMPLATE = Path(__file__).with_name("report.html")


def write(study: Study, out: Path) -> Path:
    """Write the page as index.html into a folder; returns its path."""
    models = [result for result in study.results if result.sheet is not None and not result.reference]
    page = markup.fill(
        TEMPLATE,
        data=DATA,
        n_train=f"{study.n_train:,}",
        n_test=study.n_test,
        n_labels=len(study.labels),
        seed=study.seed,
        extractor=escape(study.extractor),
        table=table(study.results),
        cards="\n".join(card(result, study) for result in models),
        sounding=sounding_card(study.sounding),
        writing=writing_card(study.writing),
        version=__version__,
        duration=f"{study.seconds / 60:.1f} minutes",
        example=escape(str(out / models[-1].name)),
    )
    path = out / "index.html"
    path.write_text(page, "utf-8")
    return path


# ---- the table, on the page and in the terminal


def header() -> list[tuple[str, str]]:
    """Titles of the table's columns, each with what it is in."""
    return [
        ("model", ""),
        ("Fréchet distance", "lower is better"),
        ("recall", "higher is better"),
        ("recognised as asked", "higher is better"),
        ("score of held-out", "nats per item"),
        ("training", "seconds"),
        ("parameters", ""),
        ("sampling", "ms per sample"),
    ]


def cells(result: Result) -> list[tuple[str, str]]:
    """The row of a result: what each cell says, and what it adds in small."""
    kind = result.score_kind.replace("_", " ")
    return [
        (result.name, "naive reference" if result.reference and result.family else result.family),
        (number(result.frechet), ""),
        (_share(result.recall), ""),
        (_share(result.accuracy), ""),
        (number(result.score), kind),
        (number(result.seconds), ""),
        ("–" if result.parameters is None else f"{result.parameters:,}", ""),
        (number(result.milliseconds), ""),
    ]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def table(results: Sequence[Result]) -> str:
    """The table of measures; the best of the models in bold."""
    best = _best(results)
    head = "".join(f"<th>{title}<small>{escape(unit)}</small></th>" for title, unit in header())
    rows = []
    for result in results:
        row = []
        for column, (text, small) in enumerate(cells(result)):
            text = f"<b>{escape(text)}</b>" if (result.name, column) in best else escape(text)
            row.append(f"<td>{text}" + (f"<small>{escape(small)}</small>" if small else "") + "</td>")
        rows.append(f"<tr{' class=reference' if result.reference else ''}>{''.join(row)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _best(results: Sequence[Result]) -> set[tuple[str, int]]:
    """Which cells hold the best of the models: (name, column)."""
    models = [result for result in results if not result.reference]
    nearest = min(model.frechet or math.inf for model in models)
    fullest = max(model.recall or 0 for model in models)
    clearest = max(model.accuracy or 0 for model in models)
    bold = {
        1: lambda model: model.frechet == nearest,
        2: lambda model: model.recall == fullest,
        3: lambda model: model.accuracy == clearest,
    }
    return {(model.name, column) for model in models for column, is_best in bold.items() if is_best(model)}


# ---- a model's card


def card(result: Result, study: Study) -> str:
    """Samples beside real items, the curve of training, and the facts."""
    rate = result.history[-1].get("step") if result.history else None
    facts = [
        ("distance to real", number(result.frechet), ""),
        ("recognised as asked", _share(result.accuracy), ""),
        ("score in nats", number(result.score), result.score_kind.replace("_", " ")),
        ("training", number(result.seconds), "s" + (f", {rate:,} steps" if rate else "")),
        ("parameters", "–" if result.parameters is None else f"{result.parameters:,}", ""),
        ("one sample", number(result.milliseconds), "ms"),
    ]
    curve = loss_curve(result.history) or '<p class="note">Fitted in one go: there is no curve of training.</p>'
    return f"""<article>
{_head(result)}
<div class="columns">
{_figure(result.sheet, f"Samples of {result.name}", "made by the model")}
{_figure(study.real, "Real digits", "real, held out")}
</div>
<div class="below"><figure>{curve}</figure><dl>{markup.facts(facts)}</dl></div>
</article>"""


def sounding_card(sounding: SoundDemo) -> str:
    """Sounds of each kind to be seen and heard, a real one and some that were made, and the facts."""
    facts = [
        ("recognised as asked", _share(sounding.recognised), f"of real sounds {sounding.real:.1%}"),
        ("makes a second of sound in", number(1000 / sounding.speed), "ms"),
        ("training sounds", f"{sounding.sounds:,}", ""),
        ("training", number(sounding.seconds), f"s, {sounding.steps:,} steps"),
        ("parameters", f"{sounding.parameters:,}", ""),
    ]
    kinds = "".join(
        f"<section><h3>{escape(kind.replace('-', ' '))}</h3><div>{_heard(kind, heard)}</div></section>"
        for kind, heard in sounding.kinds.items()
    )
    return f"""<article class="sounds">
{_head(sounding, ", on sounds")}
<div class="columns">{kinds}</div>
<div class="below"><figure>{loss_curve(sounding.history)}</figure><dl>{markup.facts(facts)}</dl></div>
<p class="note">Data: {escape(sounding.data)}. What is learnt and made are log-mel spectrograms; Griffin and Lim’s
method makes sounds of them, and the pictures are spectrograms of those: time to the right, pitch upwards, bright is
loud. Recognition: {JUDGED} samples of each kind, by a small classifier of the spectrograms of real sounds.</p>
</article>"""


def _heard(kind: str, heard: Sequence[Heard]) -> str:
    """Spectrograms with their players, the first of them real."""
    alt = f"Spectrogram of a {kind}"
    return "".join(
        markup.figure(
            markup.sheet(one.picture[None], 1, alt, gap=0) + one.sound.player(), "made" if i else "real, held out"
        )
        for i, one in enumerate(heard)
    )


def writing_card(writing: Writing) -> str:
    """What the model of texts wrote, the curve of its training, and the facts."""
    facts = [
        ("predicts held-out text", f"{writing.bits:.2f}", "bits per character"),
        (f"copied, {RUN} characters or more", f"{writing.copied:.1%}", f"of held-out text {writing.real:.1%}"),
        ("training text", f"{writing.characters:,}", "characters"),
        ("training", number(writing.seconds), f"s, {writing.steps:,} steps"),
        ("parameters", f"{writing.parameters:,}", ""),
    ]
    texts = "".join(
        f"<blockquote><b>{escape(prompt)}</b>{escape(text.removeprefix(prompt))}</blockquote>"
        for prompt, text in writing.samples
    )
    return f"""<article class="texts">
{_head(writing, ", on texts")}
<div class="columns">{texts}</div>
<div class="below"><figure>{loss_curve(writing.history)}</figure><dl>{markup.facts(facts)}</dl></div>
<p class="note">It learnt {escape(writing.data)}, letter by letter, and goes on from what is in colour.</p>
</article>"""


def _head(result: Result | SoundDemo | Writing, on: str = "") -> str:
    paper = f'<p class="paper">{escape(result.paper)}</p>' if result.paper else ""
    return (
        f"<header><h2>{escape(result.name)}<span>{escape(result.family)}{on}</span></h2>"
        f"<p>{escape(result.summary)}</p>{paper}</header>"
    )


def _figure(images: np.ndarray | None, alt: str, caption: str) -> str:
    assert images is not None
    return markup.figure(markup.sheet(images, len(images) // ROWS, alt), escape(caption))
