"""Comparisons of several seeds combined: means, with Student's intervals over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.evaluation.comparison import Comparison, in_order, likely, notes_on, standing
from zaohua.evaluation.figures import figures_over_seeds
from zaohua.evaluation.measures import measure_of
from zaohua.evaluation.results import Cost, Evaluation
from zaohua.metrics.intervals import Interval, mean_interval


def comparison_over_seeds(found: Sequence[Comparison]) -> Comparison:
    """Combine comparisons of the same models, trained from several seeds each.

    Figures and costs are means. The intervals are over the seeds, those of differences over the differences of runs of
    one seed, so they include the randomness of training, of sampling and of random splits. Samples and figures
    by class or column are those of the first seed.

    Args:
        found: a comparison for each seed, with runs of the same names and the same real items.

    Raises:
        ZaohuaError: the runs aren't the same.
    """
    if len(found) == 1:
        return found[0]
    each = [{row.run: row for row in comparison.rows} for comparison in found]
    if len({tuple(sorted(rows)) for rows in each}) > 1:
        raise ZaohuaError(
            "comparisons of several seeds must have the same models, not "
            + "; ".join(", ".join(sorted(rows)) for rows in each)
        )
    rows = in_order([_row([rows[run] for rows in each]) for run in each[0]])
    scored = likely(rows)
    lead = rows[0].lead
    return replace(
        found[0],
        rows=rows,
        notes=notes_on(rows),
        **standing(rows, _behind(rows, each, lead), scored, _behind(scored, each, "log_likelihood")),
    )


def _row(each: Sequence[Evaluation]) -> Evaluation:
    """Combine evaluations of the same model, trained from several seeds."""
    flags = dict.fromkeys(flag for row in each for flag in row.flags)
    others = {name: float(np.mean([row.others[name] for row in each])) for name in each[0].others}
    return replace(
        each[0],
        seeds=tuple(row.seeds[0] for row in each),
        flags=tuple(flags),
        others=others,
        figures=figures_over_seeds([row.figures for row in each]),
        cost=_cost([row.cost for row in each]),
    )


def _cost(each: Sequence[Cost]) -> Cost:
    """Return the means of the costs, and the maximum of the memory."""

    def mean(name: str) -> float | None:
        values = [value for cost in each if (value := getattr(cost, name)) is not None]
        return float(np.mean(values)) if values else None

    memory = [cost.peak_memory for cost in each if cost.peak_memory is not None]
    return replace(
        each[0],
        training_seconds=mean("training_seconds"),
        milliseconds=mean("milliseconds") or 0.0,
        real_time=mean("real_time"),
        peak_memory=max(memory, default=None),
    )


def _behind(rows: Sequence[Evaluation], each: Sequence[dict[str, Evaluation]], name: str) -> dict[str, Interval]:
    """Compute the difference of each other model to the first by a measure, with the interval over the seeds."""
    sign = -1 if measure_of(name).better == "lower" else 1
    return {
        row.run: mean_interval(
            [sign * (found[rows[0].run].figures[name].value - found[row.run].figures[name].value) for found in each]
        )
        for row in rows[1:]
    }
