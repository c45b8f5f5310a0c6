"""Figures of estimates with their intervals, of one set of samples or of several."""

from __future__ import annotations

from collections.abc import Sequence

from zaohua.evaluation.measures import measure_of
from zaohua.evaluation.results import Figure, Figures
from zaohua.metrics.intervals import Interval, mean_interval, wilson


def interval_figure(interval: Interval, n: int, note: str = "", p: float | None = None) -> Figure:
    """Create the figure of an estimate from n items with its interval."""
    return Figure(interval.value, interval.low, interval.high, n, note, p)


def fraction_figure(value: float, n: int, note: str = "", p: float | None = None) -> Figure:
    """Create the figure of a fraction of n items with Wilson's 95 % interval."""
    return interval_figure(wilson(value, n), n, note, p)


def figures_over_seeds(sets: Sequence[Figures]) -> Figures:
    """Average the figures of several seeds, of sampling or of training, with intervals over the seeds.

    Args:
        sets: figures of the same measures for each seed; those of a single seed are returned unchanged.
    """
    if len(sets) == 1:
        return dict(sets[0])
    return {name: _over_seeds(name, [figures[name] for figures in sets]) for name in sets[0]}


def _over_seeds(name: str, each: Sequence[Figure]) -> Figure:
    notes = dict.fromkeys(figure.note for figure in each if figure.note)
    around = measure_of(name).within(mean_interval([figure.value for figure in each]))  # may exceed the range
    return interval_figure(around, each[0].n or 0, "; ".join(notes))


def format_p(p: float) -> str:
    """Format a p value."""
    return f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"
