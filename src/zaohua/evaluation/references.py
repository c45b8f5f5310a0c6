"""Which measures tell anything: those that tell the references of their own table apart.

Every table has two references, real training items and a trivial model (samples of a Gaussian, or shuffled columns). A
measure that can't tell these two apart with these items and these features can't tell a good model from noise either.
In small sets that is usual: the balls of precision and coverage are so wide that noise lies inside them.

The rule: a measure tells little if the real items aren't better than the trivial model by it, with disjoint 95 %
intervals. Some measures have no interval of their own; another one of the same features decides for them
(`Measure.judge`). Fréchet distances also need more items than features. A measure that tells little names no winner,
and its figures aren't printed where they would read as praise.
"""

from __future__ import annotations

from collections.abc import Mapping

from zaohua.evaluation.measures import Measure, measure_names, measure_of, sorted_names
from zaohua.evaluation.results import FLOOR, REAL_PAIRS, SHUFFLED, Figure, Figures
from zaohua.metrics.intervals import Interval, wilson
from zaohua.report.numbers import digits

REAL = "real training items have"
LITTLE = "tells little here"
"""What is printed in place of the figure of a measure that can't tell the references apart."""


def doubtful(references: Mapping[str, Figures]) -> dict[str, str]:
    """Return the measures that can't tell the references apart, by name, and why.

    Args:
        references: figures of `FLOOR` and of the trivial model; with fewer references nothing is known.
    """
    return {**_of_items(references), **_of_pairs(references)}


def _of_pairs(references: Mapping[str, Figures]) -> dict[str, str]:
    """Return the measures of fidelity that can't tell real pairs from shuffled ones, and why."""
    real, shuffled = references.get(REAL_PAIRS, {}), references.get(SHUFFLED, {})
    reasons = {
        name: _overlap(name, real[name], shuffled[name], "real test pairs have", SHUFFLED)
        for name in real
        if name in shuffled
    }
    return {name: reason for name, reason in reasons.items() if reason}


def _of_items(references: Mapping[str, Figures]) -> dict[str, str]:
    floor = references.get(FLOOR)
    naive = [(name, figures) for name, figures in references.items() if name not in (FLOOR, REAL_PAIRS, SHUFFLED)]
    if floor is None or not naive:
        return {}
    other, trivial = naive[0]
    reasons = {
        judge: reason
        for judge in {measure_of(name).judge for name in measure_names()} - {""}
        if judge in floor
        and judge in trivial
        and (reason := _overlap(judge, floor[judge], trivial[judge], REAL, other))
    }
    return {name: reason for judge, reason in reasons.items() for name in judged_by(judge)}


def judged_by(judge: str) -> list[str]:
    """Return the measures for which a measure decides whether they tell anything."""
    return [name for name in measure_names() if measure_of(name).judge == judge]


def is_praise(name: str) -> bool:
    """Return True if a figure of a measure reads as praise; a distance doesn't, as nobody knows which one is small."""
    measure = measure_of(name)
    return measure.percent or measure.better != "lower"


def grouped(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the measures of each reason, in the order of tables."""
    groups: dict[str, list[str]] = {}
    for name in sorted_names(reasons):
        groups.setdefault(reasons[name], []).append(name)
    return groups


def _overlap(name: str, floor: Figure, trivial: Figure, first: str, other: str) -> str:
    """Return why a measure doesn't tell the trivial model from real items; empty if it does."""
    measure = measure_of(name)
    real, naive = _interval(measure, floor), _interval(measure, trivial)
    if (real.high < naive.low) if measure.better == "lower" else (real.low > naive.high):
        return ""
    has = "have" if other == SHUFFLED else "has"
    return f"{first} {_shown(measure, real)}, {other} {has} {_shown(measure, naive)}"


def _interval(measure: Measure, figure: Figure) -> Interval:
    """Return the interval of a figure; for a fraction of n items without one Wilson's, else the value alone."""
    if figure.low is not None and figure.high is not None:
        return Interval(figure.value, figure.low, figure.high)
    if measure.percent and figure.n:
        return wilson(figure.value, figure.n)
    return Interval(figure.value, figure.value, figure.value)


def _shown(measure: Measure, interval: Interval) -> str:
    value, low, high = (
        f"{end:.1%}" if measure.percent else digits(end) for end in (interval.value, interval.low, interval.high)
    )
    return f"{value} ({low.rstrip('%')} to {high})"
