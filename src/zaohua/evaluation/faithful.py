"""Differences of models in their fidelity to conditions, by the same test items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zaohua.evaluation.fidelity import PREFIX
from zaohua.evaluation.measures import base_of, measure_of, sorted_names
from zaohua.evaluation.results import Evaluation
from zaohua.evaluation.summaries import title_of
from zaohua.metrics.intervals import Interval
from zaohua.metrics.judges.statistics import difference
from zaohua.report.numbers import digits


@dataclass(frozen=True)
class Lead:
    """The best model by a measure of fidelity, and how much worse the others are.

    Attributes:
        best: its run.
        behind: difference of each other model to it by run, with the interval of a bootstrap over the test items.
    """

    best: str
    behind: dict[str, Interval]


def leads(rows: Sequence[Evaluation], seed: int = 0) -> dict[str, Lead]:
    """Return the lead by each measure of fidelity that several models were measured by, and that tells anything.

    Args:
        rows: evaluations by one protocol.
        seed: seed of the bootstrap.
    """
    names = {name.removeprefix(PREFIX) for row in rows for name in row.arrays if name.startswith(PREFIX)}
    found = {name: _lead(name, rows, seed) for name in sorted_names(names)}
    return {name: lead for name, lead in found.items() if lead is not None and name not in rows[0].doubtful}


def _lead(name: str, rows: Sequence[Evaluation], seed: int) -> Lead | None:
    sign = -1 if measure_of(name).better == "higher" else 1
    key = f"{PREFIX}{name}"
    some = [row for row in rows if key in row.arrays and name in row.figures]
    best, *others = sorted(some, key=lambda row: sign * row.figures[name].value)
    others = [row for row in others if row.arrays[key].shape == best.arrays[key].shape]
    if not others:
        return None
    gaps = {row.run: difference(base_of(name), row.arrays[key], best.arrays[key], seed) for row in others}
    return Lead(best.run, {run: _turned(gap) if sign < 0 else gap for run, gap in gaps.items()})


def _turned(gap: Interval) -> Interval:
    return Interval(-gap.value, -gap.high, -gap.low)


def lead_lines(found: Mapping[str, Lead], rows: Sequence[Evaluation]) -> list[str]:
    """Write the leads as remarks on a comparison."""
    lines = []
    for name, lead in found.items():
        behind = ", ".join(f"{run} {_span(name, gap)} behind" for run, gap in lead.behind.items())
        lines.append(f"fidelity, {title_of(name, rows[0])}: {lead.best} comes first; {behind}, by the same conditions")
    return lines


def _span(name: str, gap: Interval) -> str:
    value, low, high = (
        f"{end:.1%}" if measure_of(name).percent else digits(end) for end in (gap.value, gap.low, gap.high)
    )
    return f"{value} ({low} to {high})"
