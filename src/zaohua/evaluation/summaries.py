"""Write an evaluation as text: in lines, and in the run's model card; and the verdict on several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zaohua.evaluation.measures import measure_of
from zaohua.evaluation.references import LITTLE, grouped, is_praise
from zaohua.evaluation.results import FLOOR, Evaluation, Figure, real_reference
from zaohua.metrics.copy_rate import ACCUSED
from zaohua.metrics.intervals import Interval
from zaohua.report.numbers import digits
from zaohua.storage import runs
from zaohua.storage.atomic import read_file
from zaohua.storage.card import card
from zaohua.storage.layout import CARDS, card_file, is_own, write_card

if TYPE_CHECKING:
    from zaohua.evaluation.comparison import Comparison

UNBOUND = ("exact", "ODE")
"""Kinds of log-likelihoods that are no lower bounds."""

QUALITY = re.compile(r"^- Quality: (?:not )?measured.*(?:\n  .*)*", re.MULTILINE)
"""Pattern of the section on quality in a model card."""

REFERRED = (
    *("frechet", "tree_score", "trend", "utility_auc", "utility_r2", "row_copies"),
    *("bits_per_byte", "nats_per_note", "copied", "copied_notes"),
    *("restored_psnr", "restored_ssim"),
)
"""Measures of which summaries also show the references."""


def note_in_card(run: str | Path, found: Evaluation) -> Path | None:
    """Replace the section on quality in a run's model card by the figures; the rest is unchanged.

    Returns:
        The path of the card; None if other texts have all the names of cards.
    """
    path = _card(Path(run))
    if path is None:
        return None
    if path.exists():
        text = read_file(path).decode("utf-8")
    else:
        text = card(runs.load_model(run, weights=False)[0], run)
    lines = "\n".join(f"  - {line}" for line in summary_lines(found))
    learnt = f"; {found.trained_on:.0%} of it was trained on" if found.trained_on else ""
    quality = f"- Quality: measured on {found.data}, {found.split}{learnt}\n{lines}"
    write_card(path, QUALITY.sub(lambda _: quality, text, count=1))
    return path


def _card(run: Path) -> Path | None:
    """Return the path of a run's card: one that Zaohua wrote, even if it was edited, or a new one."""
    written = [run / name for name in CARDS if (run / name).is_file()]
    own = [path for path in written if is_own(path)]
    texts = {path: read_file(path).decode("utf-8", errors="replace") for path in written}
    added = [path for path, text in texts.items() if "made with zaohua" in text and QUALITY.search(text)]
    return next(iter([*own, *added]), None) or card_file(run)


def summary_lines(found: Evaluation) -> list[str]:
    """Write an evaluation as lines of text."""
    of = f", of {found.representation}" if found.representation else ""
    lines = [
        f"{title_of(name, found)}: {told(name, found)}{of if name == 'log_likelihood' else ''}"
        for name in found.figures
    ]
    lines += [
        f"{title_of(measure, found)} of {name}: {shown(measure, figures[measure])}"
        for name, figures in found.references.items()
        for measure in REFERRED
        if measure in figures
    ]
    lines += _columns(found)
    beside = f" and as many {found.split} items" if found.extractor else ""
    beside = f" and the {found.split} {found.noun}" if found.lead and not found.extractor else beside
    of = f"{found.n:,} samples{beside}"
    spent = found.cost
    lines.append(
        f"of {of}, seeds {', '.join(map(str, found.seeds))}" + (f", in {found.extractor}" if found.extractor else "")
    )
    lines.append(
        f"cost: {_seconds(spent.training_seconds)}{spent.parameters:,} parameters, "
        f"{spent.network_evaluations:,} network evaluations and {spent.milliseconds:.3g} ms a sample"
        + (f", {digits(spent.real_time)} times real time" if spent.real_time else "")
        + (f", {spent.peak_memory / 2**20:,.0f} MiB" if spent.peak_memory else "")
    )
    return lines + [f"note: {note}" for note in (*doubts(found), *found.flags)]


def doubts(found: Evaluation) -> list[str]:
    """Write which measures can't tell the references apart, and why."""
    lines = []
    for reason, names in grouped(found.doubtful).items():
        titles = [title_of(name, found) for name in names if name in found.figures]
        if titles:
            lines.append(
                f"{_listed(titles)} {'tell' if len(titles) > 1 else 'tells'} little here: {reason}; {found.n:,} "
                f"{found.noun} are too few, or the features don't see the difference"
            )
    return lines


def _columns(found: Evaluation) -> list[str]:
    """Write the worst columns of a table."""
    shapes, uses = (found.by_column.get(what, {}) for what in ("shape", "uses"))
    least = ", ".join(f"{name} ({value:.1%})" for name, value in sorted(shapes.items(), key=lambda item: item[1])[:3])
    most = ", ".join(
        f"{name} ({digits(value)})" for name, value in sorted(uses.items(), key=lambda item: -item[1])[:3] if value > 0
    )
    return ([f"columns least alike: {least}"] if least else []) + (
        [f"columns that trees tell samples by, with what the AUC loses without them: {most}"] if most else []
    )


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:,.0f} s of training, "


def title_of(name: str, found: Evaluation) -> str:
    """Return the title of a measure, with the name of the extractor or of the target."""
    return measure_of(name).title.format(extractor=found.extractor.partition(",")[0], target=found.target)


def shown(name: str, figure: Figure, interval: bool = True) -> str:
    """Write a figure with its interval and note."""
    around = between(name, figure)
    more = (f" ({around})" if around else "") + (f", {figure.note}" if figure.note else "")
    return _number(name, figure.value) + (more if interval else "")


def told(name: str, found: Evaluation, interval: bool = True) -> str:
    """Write the figure of a model: as `shown`, unless its measure can't tell the references apart.

    Then a distance is marked, and other figures aren't written, since a high one would read as praise.
    """
    if name not in found.doubtful:
        return shown(name, found.figures[name], interval)
    if withheld(name, found):
        return f"n/a, {LITTLE}" if interval else "n/a"
    return f"{shown(name, found.figures[name], interval)}, {LITTLE}"


def withheld(name: str, found: Evaluation) -> bool:
    """Return True if a figure of a model isn't written: its measure tells little, and it is no distance."""
    return name in found.doubtful and is_praise(name)


def titled(name: str, found: Evaluation, interval: bool = True) -> str:
    """Write a measure's title and figure, or nothing if it wasn't measured."""
    return f"{title_of(name, found)} {told(name, found, interval)}" if name in found.figures else ""


def between(name: str, figure: Figure) -> str:
    """Format the ends of a figure's interval; empty without an interval."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{_number(name, figure.low).rstrip('%')} to {_number(name, figure.high)}"


def _number(name: str, value: float) -> str:
    return f"{value:.1%}" if measure_of(name).percent else digits(value)


# ---- several models


def verdict(comparison: Comparison) -> list[str]:
    """Write the winner and its lead, or that there is none: a sentence on samples, another on likelihoods."""
    return [_first(comparison)] + ([_likeliest(comparison)] if comparison.likeliest is not None else [])


def _first(comparison: Comparison) -> str:
    best, lead = comparison.rows[0], comparison.lead
    title = title_of(lead, best)
    figure = shown(lead, best.figures[lead], interval=False) + _beside_real(comparison)
    if comparison.winner is not None:
        return f"{comparison.winner} wins by {title}: {figure}. {_next(comparison.behind, lead)}{_copying(best)}"
    if comparison.doubt:
        return f"No winner by {title}: {comparison.doubt}. {best.run} comes first with {figure}, maybe by chance."
    near = _near(comparison.behind)
    most = "least" if measure_of(lead).better == "lower" else "most"
    return f"No winner by {title}: {best.run} has the {most}, {figure}, but {near} may be behind it by chance."


def _copying(best: Evaluation) -> str:
    """Write a warning if a model copies training items, since its figures are then meaningless."""
    copied, usual = (figures.get("row_copies") for figures in (best.figures, best.references.get(FLOOR, {})))
    if copied is not None and usual is not None and (copied.low or 0) > usual.value:
        return (
            f" But {_number('row_copies', copied.value)} of its samples equal training rows, of real test rows "
            f"{_number('row_copies', usual.value)}."
        )
    near = best.figures.get("copy_rate")
    if near is not None and near.p is not None and near.p < ACCUSED:
        share = _number("copy_rate", near.value)
        return f" But it copies: {share} of its samples are much nearer to training {best.noun} than to others."
    return _quoting(best)


def _quoting(best: Evaluation) -> str:
    """Write a warning if more of a model's samples stands in training items than of real ones, by their intervals."""
    real = best.references.get(real_reference(best.noun), {})
    for name in ("copied", "copied_notes"):
        if name in best.figures and name in real and (best.figures[name].low or 0) > (real[name].high or 0):
            share, usual = (_number(name, figures[name].value) for figures in (best.figures, real))
            return (
                f" But it copies: {share} of its samples stands in training {best.noun} in long passages, of real ones "
                f"{usual}."
            )
    return ""


def _beside_real(comparison: Comparison) -> str:
    """Write the figure of real training items, for comparison with the best model's."""
    best, lead = comparison.rows[0], comparison.lead
    floor = best.references.get(FLOOR, {}).get(lead)
    if floor is None or floor.value <= 0:
        return ""
    if measure_of(lead).better == "higher":
        return f", where real training items have {shown(lead, floor, interval=False)}"
    return f", {best.figures[lead].value / floor.value:,.1f} times that of real training {best.noun}"


def _likeliest(comparison: Comparison) -> str:
    scored = {row.run: row.figures["log_likelihood"] for row in comparison.rows if "log_likelihood" in row.figures}
    best, behind = comparison.likeliest or "", comparison.likelihood_behind
    figure = f"{digits(scored[best].value)} nats per item, {kind_of(scored[best].note)}"
    if not behind:
        return f"Only {best} has log-likelihoods: {figure}."
    if comparison.likelihood_winner is not None:
        return f"{best} wins by log-likelihood: {figure}. {_next(behind, 'log_likelihood')}"
    near = _near(behind)
    if near:
        return f"No winner by log-likelihood: {best} has the highest, {figure}, but {near} may be behind it by chance."
    bounds = _listed([run for run in behind if scored[run].note not in UNBOUND])
    return (
        f"No winner by log-likelihood: {best} has the highest, {figure}, but of {bounds} only a lower bound is "
        "known, and the truth may be higher."
    )


def kind_of(note: str) -> str:
    """Describe the kind of a log-likelihood."""
    if note.startswith("IWAE"):
        return f"a lower bound ({note})"
    return {"bound": "a lower bound", "ODE": "an estimate by solving an ODE"}.get(note, note)


def _next(behind: dict[str, Interval], name: str) -> str:
    run, gap = min(behind.items(), key=lambda item: item[1].value)
    value, low, high = (_number(name, end) for end in (gap.value, gap.low, gap.high))
    return f"The next, {run}, is {value} behind ({low} to {high}), and no interval of a difference holds 0."


def _near(behind: dict[str, Interval]) -> str:
    """List the models whose difference to the best isn't significant."""
    return _listed([run for run, gap in behind.items() if gap.low <= 0])


def _listed(names: Sequence[str]) -> str:
    """Join names to a phrase."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
