"""Which of several models is better, as far as that can be said: all measured alike, and differences with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import derive_seed
from zaohua.evaluation.evaluate import ProgressFn, check_makes, evaluate
from zaohua.evaluation.protocol import EvaluationProtocol, modality_of, protocol_for
from zaohua.evaluation.results import LEADS, MEASURES, Evaluation, load, plain
from zaohua.evaluation.summaries import UNBOUND, note_in_card
from zaohua.metrics.intervals import Interval, paired
from zaohua.modalities.tables.held_out import columns_of


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several models measured alike.

    Attributes:
        rows: what was found of each, the best first by the measure that leads (see `LEADS`).
        test: the test items, as they are measured: pictures, uint8, or rows.
        labels: of test pictures, in their order, or None; conditional models were asked for these.
        columns: of test rows, what the codec knows of each.
        arrays: what else of the test items a page shows (see `EvaluationProtocol.real_kept`).
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
    labels: list[Any] | None = None
    columns: Sequence[Any] = ()
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def lead(self) -> str:
        """The measure by which the models are set in order."""
        return LEADS[self.rows[0].modality]

    def to_json(self) -> dict[str, Any]:
        """Everything but the real items, as JSON values."""
        left_out = ("rows", "labels", "test", "columns", "arrays")
        values = {name: plain(value) for name, value in vars(self).items() if name not in left_out}
        return {"rows": [row.to_json() for row in self.rows], **values}


def compare(
    runs: Sequence[str | Path],
    *,
    data: str | Path | None = None,
    split: str | None = None,
    train: str | Path | None = None,
    samples: int = 10_000,
    random_state: int = 0,
    inception: str | Path | None = None,
    target: str | None = None,
    protocol: EvaluationProtocol | None = None,
    log: ProgressFn | None = None,
) -> Comparison:
    """Measure several runs by the same real items; what was measured so before is not measured again.

    Args:
        runs: folders of runs, all of pictures, all of sounds or all of tables.
        data, split, train, samples, random_state, inception, target, protocol, log: as for `evaluate`.

    Raises:
        ZaohuaError: there are fewer than two, or they make items of other kinds or learnt from other data.
    """
    import zaohua

    log = log or (lambda line: None)
    folders = list({Path(run).resolve(): Path(run) for run in runs}.values())
    if len(folders) < 2:
        raise ZaohuaError("compare takes at least two different runs")
    models = [zaohua.load(folder) for folder in folders]
    _check_alike(folders, models, train)
    if protocol is None:
        log("reading the real items, and measuring by what models are compared")
        protocol = protocol_for(models[0], samples, data, split, train, inception=inception, target=target)
    if protocol.splits.split == "validation":
        _check_held_out(folders, models, len(protocol.splits.train) + len(protocol.splits.test))
    rows = []
    for folder, name, model in zip(folders, _names(folders), models, strict=True):
        found = load(folder)
        if found is None or found.seeds[0] != random_state or not protocol.matches(found):
            log(f"measuring {folder}")
            found = evaluate(model, samples=samples, random_state=random_state, protocol=protocol, run=folder, log=log)
            found.save(folder)
            note_in_card(folder, found)
        rows.append(replace(found, run=name))
    log("telling differences from chance")
    return compared(rows, protocol)


def _names(folders: Sequence[Path]) -> list[str]:
    """What folders are called, with as many of those that they are in as tell them apart."""
    paths = [folder.resolve().parts for folder in folders]
    depth = next(k for k in range(1, 1 + max(map(len, paths))) if len({parts[-k:] for parts in paths}) == len(paths))
    return ["/".join(parts[-depth:]) for parts in paths]


def _check_alike(folders: Sequence[Path], models: Sequence[Any], train: Any) -> None:
    """Raise a `ZaohuaError` unless all make items, of the same kind and of the same data."""
    first = models[0]
    for folder, model in zip(folders, models, strict=True):
        if modality_of(model) not in LEADS:
            raise ZaohuaError(
                f"compare sets models of images, of sounds or of tables side by side; {folder} is "
                f"a {type(model).__name__}, of {modality_of(model)}"
            )
        check_makes(model, folder)
        kinds = [_kind(m) for m in (first, model)]
        if kinds[0] != kinds[1]:
            raise ZaohuaError(f"{folders[0]} makes {kinds[0]}, {folder} {kinds[1]}: they can't be compared")
        sources = [(m.source_ or {}).get("X") for m in (first, model)]
        if train is None and sources[0] != sources[1]:
            raise ZaohuaError(
                f"{folders[0]} learnt from {sources[0] or 'data in memory'}, {folder} from "
                f"{sources[1] or 'data in memory'}: they can't be compared (--train says what both "
                "learnt from, if it is the same)"
            )


def _check_held_out(folders: Sequence[Path], models: Sequence[Any], n: int) -> None:
    """Raise a `ZaohuaError` unless all held the same of n items out, so that none is measured by what it learnt."""
    held = [
        model.hold_out(n, derive_seed(model.seed_, "split"))[0] if getattr(model, "validation_fraction", 0) else ()
        for model in models
    ]
    for folder, rows in zip(folders, held, strict=True):
        if not np.array_equal(rows, held[0]):
            raise ZaohuaError(
                f"{folders[0]} and {folder} held out other items: give some that neither has seen "
                "(--data), or train both with the same --seed and --validation-fraction"
            )


def _kind(model: Any) -> str:
    """What items a model makes, for people."""
    if modality_of(model) == "tables":
        return f"tables of {', '.join(f'{column.name} ({column.size or column.kind})' for column in columns_of(model))}"
    if modality_of(model) == "sounds":
        codec = model.codec_
        length = "as long as nearly all" if codec.seconds is None else f"{codec.seconds:g} s"
        return f"sounds of {codec.form_.rate:,} Hz, {length}{', trimmed' if codec.trim else ''}"
    spec = model.spec_
    height, width = spec.shape
    levels = f", {spec.levels} levels" if spec.levels else ""
    return f"pictures of {width} x {height} with {spec.channels} channel{'s' if spec.channels > 1 else ''}{levels}"


def compared(rows: list[Evaluation], protocol: EvaluationProtocol) -> Comparison:
    """Evaluations made by one protocol, side by side."""
    best, *rest = rows = in_order(rows)
    scored = likely(rows)
    likelihood_behind = {row.run: _difference(scored[0], row) for row in scored[1:]}
    return Comparison(
        rows,
        protocol.test.values,
        notes=notes_on(rows),
        labels=protocol.test.labels,
        columns=protocol.test.columns,
        arrays=protocol.real_kept,
        **standing(rows, protocol.gaps(best, rest), scored, likelihood_behind),
    )


def in_order(rows: Sequence[Evaluation]) -> list[Evaluation]:
    """The best first, by the measure that leads."""
    lead = LEADS[rows[0].modality]
    sign = -1 if MEASURES[lead].better == "higher" else 1
    return sorted(rows, key=lambda row: sign * row.figures[lead].value)


def likely(rows: Sequence[Evaluation]) -> list[Evaluation]:
    """Those that tell log-likelihoods, the highest first; none if these are densities of different things."""
    scored = [row for row in rows if "log_likelihood" in row.figures]
    if len(represented(scored)) > 1:
        return []
    return sorted(scored, key=lambda row: -row.figures["log_likelihood"].value)


def standing(
    rows: Sequence[Evaluation],
    behind: dict[str, Interval],
    scored: Sequence[Evaluation],
    likelihood_behind: dict[str, Interval],
) -> dict[str, Any]:
    """The fields of a `Comparison` that say who is behind whom, and whether there is a winner.

    Args:
        rows: the evaluations in order.
        behind: how far each but the first is behind it.
        scored: those that tell log-likelihoods, in order.
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
    """What the log-likelihoods of some models are of, each once."""
    return list(dict.fromkeys(row.representation for row in rows if "log_likelihood" in row.figures))


def _difference(best: Evaluation, other: Evaluation) -> Interval:
    """How many nats an item is less likely under the other, of the items that both scored."""
    a, b = best.arrays["nats"], other.arrays["nats"]
    n = min(len(a), len(b))
    return paired(a[:n], b[:n])


def notes_on(rows: Sequence[Evaluation]) -> list[str]:
    """Where the order of models depends on the extractor, and what holds for more than one model."""
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
