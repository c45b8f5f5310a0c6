"""Several evaluations made by one protocol, in order, and which differences are more than chance."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from zaohua.core.json import Json
from zaohua.evaluation.measures import measure_of
from zaohua.evaluation.protocol import EvaluationProtocol
from zaohua.evaluation.results import Evaluation, plain
from zaohua.evaluation.summaries import UNBOUND
from zaohua.metrics.intervals import Interval, paired


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several models measured alike.

    Attributes:
        rows: what was found of each, the best first by the measure that leads.
        test: the test items, as they are measured: pictures, uint8, or rows.
        labels: of test items, in their order, or None; conditional models made their samples for these.
        columns: of test rows, what the codec knows of each.
        arrays: what else of the test items a page shows (see `EvaluationProtocol.real_examples`).
        behind: how far each but the first is behind it by that measure, by run.
        winner: the first, if all those intervals lie above 0; else None.
        likelihood_behind: the same of log-likelihoods in nats per item, by run, behind the best.
        likeliest: run with the best log-likelihood.
        likelihood_winner: that run if all those intervals lie above 0 and no other's figure is a bound.
        notes: what to know about the comparison as a whole.
    """

    rows: list[Evaluation]
    test: np.ndarray
    behind: dict[str, Interval]
    winner: str | None
    likelihood_behind: dict[str, Interval]
    likeliest: str | None
    likelihood_winner: str | None
    notes: list[str]
    labels: list[Hashable] | None = None
    columns: Sequence[object] = ()
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def lead(self) -> str:
        """The measure by which the models are ordered."""
        return self.rows[0].lead

    @property
    def noun(self) -> str:
        """What the items are called, in the plural."""
        return self.rows[0].noun

    def to_json(self) -> Json:
        """Return everything but the real items, as JSON values."""
        values = {name: plain(value) for name, value in vars(self).items() if name not in NOT_JSON}
        return {"rows": [row.to_json() for row in self.rows], **values}


NOT_JSON = frozenset("rows labels test columns arrays".split())
"""Fields of a `Comparison` that aren't among its JSON values as they are."""


def compared(rows: list[Evaluation], protocol: EvaluationProtocol) -> Comparison:
    """Compare evaluations that were made by one protocol."""
    best, *rest = rows = in_order([protocol.complete(row) for row in rows])
    scored = likely(rows)
    likelihood_behind = {row.run: _difference(scored[0], row) for row in scored[1:]}
    return Comparison(
        rows,
        protocol.test.values,
        notes=notes_on(rows),
        labels=protocol.test.labels,
        columns=protocol.test.columns,
        arrays=protocol.real_examples,
        **standing(rows, protocol.gaps(best, rest), scored, likelihood_behind),
    )


def in_order(rows: Sequence[Evaluation]) -> list[Evaluation]:
    """Return evaluations in order, the best first by the measure that leads."""
    lead = rows[0].lead
    sign = -1 if measure_of(lead).better == "higher" else 1
    return sorted(rows, key=lambda row: sign * row.figures[lead].value)


def likely(rows: Sequence[Evaluation]) -> list[Evaluation]:
    """Return those that have log-likelihoods, the highest first; none if these are densities of different things."""
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
    """Return the fields of a `Comparison` that say who is behind whom, and whether there is a winner.

    Args:
        rows: the evaluations in order.
        behind: how far each but the first is behind it.
        scored: those that have log-likelihoods, in order.
        likelihood_behind: how far each but the first of these is behind it.
    """
    clear = bool(likelihood_behind) and all(interval.low > 0 for interval in likelihood_behind.values())
    bounds = any(row.figures["log_likelihood"].note not in UNBOUND for row in scored[1:])
    return {
        "behind": behind,
        "winner": rows[0].run if all(gap.low > 0 for gap in behind.values()) else None,
        "likelihood_behind": likelihood_behind,
        "likeliest": scored[0].run if scored else None,
        "likelihood_winner": scored[0].run if clear and not bounds else None,
    }


def represented(rows: Sequence[Evaluation]) -> list[str]:
    """Return what the log-likelihoods of some models are of, each once."""
    return list(dict.fromkeys(row.representation for row in rows if "log_likelihood" in row.figures))


def _difference(best: Evaluation, other: Evaluation) -> Interval:
    """Return how many nats an item is less likely under the other, of the items that both scored."""
    a, b = best.arrays["nats"], other.arrays["nats"]
    n = min(len(a), len(b))
    return paired(a[:n], b[:n])


def notes_on(rows: Sequence[Evaluation]) -> list[str]:
    """Return where the order of models depends on the extractor, and what holds for more than one model."""
    notes = []
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
