"""Write the page of the demo: one HTML file that needs nothing else, with pictures and curves inside."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from zaohua import __version__
from zaohua.demo import DATA, ROWS, Result, Study
from zaohua.demo.sounds import JUDGED, SoundDemo
from zaohua.demo.texts import RUN, Writing
from zaohua.report import html
from zaohua.report.charts import loss_curve
from zaohua.report.numbers import number, percent, whole
from zaohua.report.sheets import on_black
from zaohua.storage.atomic import encoded, replace_file

TEMPLATES = Path(__file__).parent


def write(study: Study, out: Path) -> Path:
    """Write the page as index.html into a folder; returns its path."""
    models = [result for result in study.results if result.sheet is not None and not result.reference]
    page = html.render(
        TEMPLATES / "report.html.jinja",
        study=study,
        data=DATA,
        header=header(),
        table=table(study.results),
        cards=[*(card(result, study) for result in models), sound_card(study.sounding), text_card(study.writing)],
        version=__version__,
        example=out / models[-1].name,
    )
    path = out / "index.html"
    replace_file(path, encoded(page))
    return path


# ---- the table, on the page and in the terminal


def header() -> list[tuple[str, str]]:
    """Return the titles of the table's columns, each with its unit or the better direction."""
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
    """Return the row of a result: the text of each cell, and what it adds in small print."""
    return [
        (result.name, "naive reference" if result.reference and result.family else result.family),
        (number(result.frechet), ""),
        (percent(result.recall), ""),
        (percent(result.accuracy), ""),
        (number(result.score), result.score_kind.replace("_", " ")),
        (number(result.seconds), ""),
        (whole(result.parameters), ""),
        (number(result.milliseconds), ""),
    ]


@dataclass(frozen=True)
class TableRow:
    """A row of the table: whether it is a reference, and text, small print and whether it is the best of each cell."""

    reference: bool
    cells: list[tuple[str, str, bool]]


def table(results: Sequence[Result]) -> list[TableRow]:
    """Make the table of measures, in which the best of the models is marked."""
    best = _best(results)
    return [
        TableRow(
            result.reference,
            [(text, small, (result.name, column) in best) for column, (text, small) in enumerate(cells(result))],
        )
        for result in results
    ]


def _best(results: Sequence[Result]) -> set[tuple[str, int]]:
    """Find the cells with the best figures of the models: (name, column)."""
    models = [result for result in results if not result.reference]
    nearest = min(model.frechet or math.inf for model in models)
    fullest = max(model.recall or 0 for model in models)
    clearest = max(model.accuracy or 0 for model in models)
    bold: dict[int, Callable[[Result], bool]] = {
        1: lambda model: model.frechet == nearest,
        2: lambda model: model.recall == fullest,
        3: lambda model: model.accuracy == clearest,
    }
    return {(model.name, column) for model in models for column, is_best in bold.items() if is_best(model)}


# ---- a model's card


def card(result: Result, study: Study) -> Markup:
    """Make the card of a model of pictures: samples beside real ones, the curve of training, and facts."""
    assert result.sheet is not None
    rate = result.history[-1].get("step") if result.history else None
    facts = [
        ("distance to real", number(result.frechet), ""),
        ("recognised as asked", percent(result.accuracy), ""),
        ("score in nats", number(result.score), result.score_kind.replace("_", " ")),
        ("training", number(result.seconds), "s" + (f", {rate:,} steps" if rate else "")),
        ("parameters", whole(result.parameters), ""),
        ("one sample", number(result.milliseconds), "ms"),
    ]
    return html.render(
        TEMPLATES / "images.html.jinja",
        of=result,
        facts=facts,
        curve=loss_curve(result.history),
        made=on_black(result.sheet, len(result.sheet) // ROWS, f"Samples of {result.name}"),
        real=on_black(study.real, len(study.real) // ROWS, "Real digits"),
    )


def sound_card(sounding: SoundDemo) -> Markup:
    """Make the card of the model of sounds: a real one and samples of each kind to see and hear, and facts."""
    facts = [
        ("recognised as asked", percent(sounding.recognised), f"of real sounds {sounding.real:.1%}"),
        ("makes a second of sound in", number(1000 / sounding.speed), "ms"),
        ("training sounds", whole(sounding.sounds), ""),
        ("training", number(sounding.seconds), f"s, {sounding.steps:,} steps"),
        ("parameters", whole(sounding.parameters), ""),
    ]
    kinds = [
        (
            kind.replace("-", " "),
            [(one.sound, on_black(one.picture[None], 1, f"Spectrogram of a {kind}", gap=0)) for one in heard],
        )
        for kind, heard in sounding.kinds.items()
    ]
    return html.render(
        TEMPLATES / "sounds.html.jinja",
        of=sounding,
        facts=facts,
        curve=loss_curve(sounding.history),
        kinds=kinds,
        judged=JUDGED,
    )


def text_card(writing: Writing) -> Markup:
    """Make the card of the model of texts: what it wrote, and facts."""
    facts = [
        ("predicts held-out text", f"{writing.bits:.2f}", "bits per character"),
        (f"copied, {RUN} characters or more", percent(writing.copied), f"of held-out text {writing.real:.1%}"),
        ("training text", whole(writing.characters), "characters"),
        ("training", number(writing.seconds), f"s, {writing.steps:,} steps"),
        ("parameters", whole(writing.parameters), ""),
    ]
    return html.render(TEMPLATES / "texts.html.jinja", of=writing, facts=facts, curve=loss_curve(writing.history))
