"""Comparison of several models by the same protocol, with the significance of their differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from zaohua.core.advice import option
from zaohua.core.arguments import path_of
from zaohua.core.errors import ZaohuaError, shown
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.source import same_source
from zaohua.evaluation.comparison import Comparison, compared
from zaohua.evaluation.protocol import EvaluationProtocol
from zaohua.evaluation.results import load
from zaohua.evaluation.summaries import note_in_card
from zaohua.storage.published import is_published
from zaohua.tasks.evaluation.evaluate import ProgressFn, check_able, evaluate
from zaohua.tasks.evaluation.protocols import compared_kinds, kind_name, listed, protocol_class, protocol_for


def compare(
    runs: Sequence[str | Path],
    *,
    data: object = None,
    split: str | None = None,
    train: object = None,
    samples: int = 10_000,
    random_state: int = 0,
    protocol: EvaluationProtocol | None = None,
    log: ProgressFn | None = None,
    **options: object,
) -> Comparison:
    """Evaluate several runs with the same real items; stored evaluations by the same protocol are reused.

    Args:
        runs: run folders of models that generate the same kind of items.
        data, split, train, samples, random_state, protocol, log, options: as for `evaluate`.

    Raises:
        ZaohuaError: there are fewer than two runs, or their items or their training data differ.
    """
    import zaohua

    log = log or (lambda line: None)
    if isinstance(runs, str) or not isinstance(runs, Sequence):
        raise ZaohuaError(f"compare takes a list of run folders, not {shown(runs)}")
    runs = [path_of("a run", run) for run in runs]
    folders = list({Path(run).resolve(): Path(run) for run in runs}.values())
    if len(folders) < 2:
        raise ZaohuaError("compare takes at least two different runs")
    models = [zaohua.load(folder) for folder in folders]
    _check_alike(folders, models, train)
    if protocol is None:
        log("reading the real items, and measuring the baselines")
        first, *others = sorted(
            models, key=lambda model: model.y_codec_ is None
        )  # reads the conditions, if any needs them
        protocol = protocol_for(first, samples, data, split, train, others=others, **options)
    rows = []
    for folder, name, model in zip(folders, _names(folders), models, strict=True):
        found = load(folder)
        if found is None or found.seeds[0] != random_state or not protocol.matches(found):
            log(f"measuring {folder}")
            found = evaluate(model, samples=samples, random_state=random_state, protocol=protocol, run=folder, log=log)
            if not is_published(folder):  # nothing is written into what others made
                found.save(folder)
                note_in_card(folder, found)
        rows.append(replace(found, run=name))
    log("comparing the figures")
    return compared(rows, protocol)


def _names(folders: Sequence[Path]) -> list[str]:
    """Return the names of folders, with as many parents as distinguish them."""
    paths = [folder.resolve().parts for folder in folders]
    depth = next(k for k in range(1, 1 + max(map(len, paths))) if len({parts[-k:] for parts in paths}) == len(paths))
    return ["/".join(parts[-depth:]) for parts in paths]


def _check_alike(folders: Sequence[Path], models: Sequence[GenerativeModel], train: object) -> None:
    """Raise a `ZaohuaError` unless all models generate the same kind of items and have the same training data."""
    first = models[0]
    for folder, model in zip(folders, models, strict=True):
        cls = protocol_class(model)
        if cls is None or not cls.comparable:
            raise ZaohuaError(
                f"compare takes models of {listed(compared_kinds(), 'or')}, or of items of one size; {folder} is "
                f"a {type(model).__name__}, of {kind_name(model)}"
            )
        check_able(model, cls, folder)
        kinds = [_described(m) for m in (first, model)]
        if kinds[0] != kinds[1]:
            raise ZaohuaError(f"{folders[0]} makes {kinds[0]}, {folder} {kinds[1]}: they can't be compared")
        if train is None and not same_source(first.source_, model.source_):
            names = [(m.source_ or {}).get("X", "data in memory") for m in (first, model)]
            raise ZaohuaError(
                f"{folders[0]} learnt from {names[0]}, {folder} from {names[1]}: they can't be compared "
                f"({option('train')} says what both learnt from, if it is the same)"
            )


def _described(model: GenerativeModel) -> str:
    """Describe the items that a model generates."""
    cls = protocol_class(model)
    return kind_name(model) if cls is None else cls.describe(model)
