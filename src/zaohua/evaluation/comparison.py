"""Comparisons: evaluations by the same protocol, in order, and the significance of their differences."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from zaohua.core.json import Json
from zaohua.evaluation.faithful import Lead, lead_lines, leads
from zaohua.evaluation.measures import measure_of
from zaohua.evaluation.protocol import EvaluationProtocol
from zaohua.evaluation.references import LITTLE
from zaohua.evaluation.results import Evaluation, plain
from zaohua.evaluation.summaries import UNBOUND, doubts
from zaohua.metrics.intervals import Interval, paired


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several models, evaluated by the same protocol.

    Attributes:
        rows: evaluation of each model, the best first by the measure `lead`.
        test: the test items as they are measured: pictures, uint8, or rows.
        labels: classes of the test items, or None; models that know them drew their samples given these.
        columns: the codec's description of each column of a table.
        arrays: other arrays of test items that a page shows (see `EvaluationProtocol.real_examples`).
        behind: difference of each other model to the first by the measure `lead`, by run.
        winner: run of the first model if all these intervals are above 0 and there is no `doubt`; else None.
        likelihood_behind: difference of each other model to the best log-likelihood in nats per item, by run.
        likeliest: run with the best log-likelihood.
        likelihood_winner: that run if all these intervals are above 0 and no other log-likelihood is a bound.
        notes: remarks on the comparison as a whole.
        leads: the best model by each measure of fidelity to conditions, and the differences of the others to it.
    """

    rows: list[Evaluation]
    test: np.ndarray
    behind: dict[str, Interval]
    winner: str | None
    likelihood_behind: dict[str, Interval]
    likeliest: str | None
    likelihood_winner: str | None
    notes: list[str]
    leads: dict[str, Lead] = field(default_factory=dict)
    labels: list[Hashable] | None = None
    columns: Sequence[object] = ()
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def lead(self) -> str:
        """Name of the measure by which the models are ordered."""
        return self.rows[0].lead

    @property
    def doubt(self) -> str:
        """Reason why no model is called the winner, whatever the figures are; empty if one can be."""
        return doubt_of(self.rows)

    @property
    def noun(self) -> str:
        """Noun for the items, in the plural."""
        return self.rows[0].noun

    def to_json(self) -> Json:
        """Return all fields except the real items as JSON values."""
        values = {name: plain(value) for name, value in vars(self).items() if name not in NOT_JSON}
        return {"rows": [row.to_json() for row in self.rows], **values}


NOT_JSON = frozenset("rows labels test columns arrays".split())
"""Fields of a `Comparison` that its JSON values don't contain, or not unchanged."""


def compared(rows: list[Evaluation], protocol: EvaluationProtocol) -> Comparison:
    """Compare evaluations that were made by one protocol."""
    best, *rest = rows = in_order([protocol.complete(row) for row in rows])
    scored = likely(rows)
    faithful = leads(rows, protocol.seed)
    likelihood_behind = {row.run: _difference(scored[0], row) for row in scored[1:]}
    return Comparison(
        rows,
        protocol.test.values,
        notes=[*notes_on(rows), *lead_lines(faithful, rows)],
        leads=faithful,
        labels=protocol.class_labels(protocol.test),
        columns=protocol.test.columns,
        arrays=protocol.real_examples,
        **standing(rows, protocol.gaps(best, rest), scored, likelihood_behind),
    )


def in_order(rows: Sequence[Evaluation]) -> list[Evaluation]:
    """Sort evaluations by the measure `lead`, the best first."""
    lead = rows[0].lead
    sign = -1 if measure_of(lead).better == "higher" else 1
    return sorted(rows, key=lambda row: sign * row.figures[lead].value)


def likely(rows: Sequence[Evaluation]) -> list[Evaluation]:
    """Sort the evaluations with log-likelihoods, the highest first; none if their representations differ."""
    scored = [row for row in rows if "log_likelihood" in row.figures]
    if len(represented(scored)) > 1:
        return []
    return sorted(scored, key=lambda row: -row.figures["log_likelihood"].value)


def standing(
    rows: Sequence[Evaluation],
    behind: dict[str, Interval],
    scored: Sequence[Evaluation],
    likelihood_behind: dict[str, Interval],
) -> Json:
    """Return the fields of a `Comparison` with the differences between models, and the winners.

    Args:
        rows: evaluations in order.
        behind: difference of each other model to the first.
        scored: evaluations with log-likelihoods, in order.
        likelihood_behind: difference of each other log-likelihood to the first.
    """
    clear = bool(likelihood_behind) and all(interval.low > 0 for interval in likelihood_behind.values())
    bounds = any(row.figures["log_likelihood"].note not in UNBOUND for row in scored[1:])
    return {
        "behind": behind,
        "winner": rows[0].run if all(gap.low > 0 for gap in behind.values()) and not doubt_of(rows) else None,
        "likelihood_behind": likelihood_behind,
        "likeliest": scored[0].run if scored else None,
        "likelihood_winner": scored[0].run if clear and not bounds else None,
    }


def doubt_of(rows: Sequence[Evaluation]) -> str:
    """Return why no model can be the winner, whatever the figures are; empty if one can be.

    The measure `lead` can't tell the references apart, or a model was trained on the items that it is measured by.
    """
    lead = rows[0].lead
    if lead in rows[0].doubtful:
        return f"it {LITTLE}: {rows[0].doubtful[lead]}"
    learnt = [row.run for row in rows if row.trained_on]
    return f"{', '.join(learnt)} learnt from items that it is measured by" if learnt else ""


def represented(rows: Sequence[Evaluation]) -> list[str]:
    """Return the distinct representations that the log-likelihoods of models refer to."""
    return list(dict.fromkeys(row.representation for row in rows if "log_likelihood" in row.figures))


def _difference(best: Evaluation, other: Evaluation) -> Interval:
    """Compute the mean difference of the log-likelihoods of items that both models scored, in nats per item."""
    a, b = best.arrays["nats"], other.arrays["nats"]
    n = min(len(a), len(b))
    return paired(a[:n], b[:n])


def notes_on(rows: Sequence[Evaluation]) -> list[str]:
    """Return remarks on the comparison: dependence of the order on the extractor, representations, hardware."""
    notes = doubts(rows[0])
    for name in rows[0].others:
        swapped = [
            (a.run, b.run)
            for i, a in enumerate(rows)
            for b in rows[i + 1 :]
            if a.others.get(name, math.nan) > b.others.get(name, math.nan)
        ]
        if swapped:
            pairs = "; ".join(f"{first} before {second}" for first, second in swapped[:3])
            more = f" and {len(swapped) - 3} more" if len(swapped) > 3 else ""
            notes.append(f"the ranking depends on the extractor: {pairs}{more}, but not in {name}")
    kinds = [kind for kind in represented(rows) if kind]
    if kinds:
        apart = ", so they aren't compared" if len(kinds) > 1 else ""
        notes.append(f"log-likelihoods are of {'; '.join(kinds)}{apart}")
    machines = {(row.cost.device, row.about.get("processor"), row.about.get("gpu")) for row in rows}
    if len(machines) > 1:
        notes.append("times were taken on different machines, so they can't be compared")
    return notes
