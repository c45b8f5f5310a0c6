"""An evaluation as people read it: in lines, and in the run's model card."""

from __future__ import annotations

import math
import re
from pathlib import Path

from zaohua.folders import replace_file
from zaohua.tasks.evaluation.figures import MEASURES, Evaluation, Figure


def note_in_card(run: str | Path, found: Evaluation) -> None:
    """Write the figures into a run's card, in place of what it said of quality."""
    path = Path(run) / "README.md"
    text = path.read_text("utf-8") if path.exists() else f"# {found.run}\n"
    lines = "\n".join(f"  - {line}" for line in told_of(found))
    quality = f"- Quality: measured on {found.data}, {found.split}\n{lines}"
    pattern = re.compile(r"^- Quality:.*(?:\n  .*)*", re.MULTILINE)
    text = pattern.sub(lambda _: quality, text, count=1) if pattern.search(text) else f"{text.rstrip()}\n\n{quality}\n"
    replace_file(path, text.encode())


def told_of(found: Evaluation) -> list[str]:
    """An evaluation in lines for people."""
    lines = [f"{title_of(name, found)}: {shown(name, figure)}" for name, figure in found.figures.items()]
    if found.references:
        lines += [f"{title_of('frechet', found)} of {name}: {shown('frechet', figures['frechet'])}"
                  for name, figures in found.references.items()]
    of = f"{found.n:,} samples and as many {found.split} items" if found.modality == "images" else f"{found.n} samples"
    spent = found.cost
    lines.append(f"of {of}, seeds {', '.join(map(str, found.seeds))}" + (f", in {found.extractor}" if found.extractor
                                                                         else ""))
    lines.append(f"cost: {_seconds(spent.training_seconds)}{spent.parameters:,} parameters, "
                 f"{spent.network_evaluations:,} network evaluations and {spent.milliseconds:.3g} ms a sample"
                 + (f", {spent.peak_memory / 2**20:,.0f} MiB" if spent.peak_memory else ""))
    return lines + [f"note: {flag}" for flag in found.flags]


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:,.0f} s of training, "


def title_of(name: str, found: Evaluation) -> str:
    """The title of a measure, with the extractor's name where it belongs."""
    return MEASURES[name].title.format(extractor=found.extractor.partition(",")[0])


def shown(name: str, figure: Figure, interval: bool = True) -> str:
    """A figure with its interval and note, as people read it."""
    percent = MEASURES[name].percent

    def number(value: float) -> str:
        return f"{value:.1%}" if percent else digits(value)

    around = f" ({number(figure.low)} to {number(figure.high)})" if interval and figure.low is not None \
        and figure.high is not None else ""
    return number(figure.value) + around + (f", {figure.note}" if figure.note and interval else "")


def digits(value: float) -> str:
    """Three digits that count."""
    places = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{min(places, 4)}f}"
