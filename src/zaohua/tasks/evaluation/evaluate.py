"""Evaluation of a trained model: figures with their intervals, and costs.

The protocol and its reasons are described in `docs/evaluation.md`.
"""

from __future__ import annotations

import datetime
import math
import os
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from zaohua import __version__
from zaohua.core.advice import option
from zaohua.core.arguments import whole_number
from zaohua.core.errors import NotAvailable, ZaohuaError, shown
from zaohua.core.json import Json
from zaohua.estimator.base import GenerativeModel
from zaohua.evaluation.figures import figures_over_seeds, interval_figure
from zaohua.evaluation.measures import sorted_names
from zaohua.evaluation.protocol import EvaluationProtocol
from zaohua.evaluation.references import doubtful
from zaohua.evaluation.results import PROTOCOL, Evaluation, Figures, weights_of
from zaohua.families.density import Density
from zaohua.metrics.intervals import mean_interval, ratio_interval
from zaohua.tasks.evaluation import cost, fidelity, restoration
from zaohua.tasks.evaluation.protocols import needed_protocol, protocol_for, splits_of
from zaohua.tasks.restore.trained import trained_for

SCORED = {"exact": 10_000, "lower_bound": 1000, "estimate": 200}
"""Maximum number of test items to score; bounds and solutions of differential equations are slow."""
ProgressFn = Callable[[str], None]


def evaluate(
    model: GenerativeModel,
    *,
    data: object = None,
    split: str | None = None,
    train: object = None,
    samples: int = 10_000,
    seeds: int = 1,
    random_state: int = 0,
    protocol: EvaluationProtocol | None = None,
    run: str | Path | None = None,
    log: ProgressFn | None = None,
    **options: object,
) -> Evaluation:
    """Evaluate a model: by free samples, or if it learnt to undo a degradation, by what it restores.

    Args:
        model: fitted model, of a kind of data that has a protocol, or whose tensors have one shape.
        data: items on which it wasn't trained: a path, the name of a data set, or items in memory; by default the test
            split of its training data (see `splits_of`).
        split: "test" or "validation".
        train: its training data, if these aren't known.
        samples: number of samples, and of real items to compare with; fewer if there are fewer. Of sequences a
            hundredth.
        seeds: number of sets of samples; with several, figures have intervals over the sets.
        random_state: seed of the first set.
        protocol: protocol by which other models were evaluated already, with the same data.
        run: run folder, for the name and the hash of the weights.
        log: function that is called with progress messages.
        options: options of the protocol; None for a default. For images `inception`: file with the weights of the
            standard Inception network, for FID. For tables `target`: the column to predict; by default the last one
            with 2 to 20 categories, else the last one of numbers.

    Raises:
        ZaohuaError: the kind of data can't be evaluated, the model can't sample, or there are no held-out items.
    """
    if not any((isinstance(model, GenerativeModel), hasattr(model, "codec_"))):
        raise ZaohuaError(f"evaluate takes a fitted model, such as load({'runs/name'!r}) returns, not {shown(model)}")
    samples, seeds = whole_number(_named("samples"), samples, 12), whole_number(_named("seeds"), seeds)
    random_state = whole_number("random_state", random_state, 0)
    log = log or (lambda line: None)
    run = run if run is not None else getattr(model, "run_", None)
    about: Json = {
        "name": Path(run).resolve().name if run else type(model).__name__,
        "weights": weights_of(run) if run else "",
        "began": time.perf_counter(),
    }
    cls = needed_protocol(model, about["name"]) if protocol is None else type(protocol)
    degradation = trained_for(model)
    if degradation is not None and protocol is None:
        restoration.check_able(model, degradation, about["name"])
        log("reading the real items")
        splits = splits_of(model, data, split, train, cls)
        restored = restoration.measured(model, degradation, splits, samples, about, log)
        return replace(restored, about=machine(about["began"]))
    check_able(model, cls, about["name"])
    if protocol is None:
        log("reading the real items, and measuring the baselines")
        protocol = protocol_for(model, samples, data, split, train, (), **options)
    return _measured(model, protocol, about, seeds, random_state, log)


def _named(argument: str) -> str:
    """Return the name of an argument as it is typed, without a value."""
    return option(argument).rstrip("=")


def check_able(model: GenerativeModel, protocol: type[EvaluationProtocol], name: object) -> None:
    """Raise a `ZaohuaError` unless a model has all methods that a protocol needs, and makes items of nothing."""
    degradation = trained_for(model)
    if degradation is not None:
        raise ZaohuaError(
            f"{name} learnt to undo '{degradation}', and models are compared by free samples: `zaohua evaluate` "
            "measures what it restores"
        )
    for method, measured in protocol.needs.items():
        try:
            getattr(model, method)
        except NotAvailable as error:
            kind = "" if method == "sample" else f" of {protocol.modality}"
            raise ZaohuaError(f"{name}: models{kind} are measured {measured}, but {error}") from None


def _measured(
    model: GenerativeModel, protocol: EvaluationProtocol, about: Json, seeds: int, seed: int, log: ProgressFn
) -> Evaluation:
    """Evaluate a model by a protocol."""
    n, conditions = protocol.n, protocol.conditions(model)
    found: list[Figures] = []
    first: np.ndarray | None = None
    examples: dict[str, np.ndarray] = {}
    seconds, duration, memory = 0.0, 0.0, None
    for k in range(seeds):
        blocks, spent, memory = cost.sample(model, n, conditions, seed + k, _progress(log, "sampling", n))
        samples = protocol.join([protocol.to_measured(model, block) for block in blocks])
        log("measuring")
        counts = fidelity.faithful(model, protocol, samples)
        found.append({**protocol.measure(samples, conditions), **fidelity.figures_of(protocol, counts)})
        seconds, duration = seconds + spent, duration + protocol.duration(blocks)
        if not k:
            first, examples = samples, {**protocol.examples(samples, blocks), **fidelity.stored(counts)}
    assert first is not None  # there is a set of samples at least
    nats = _nats(model, protocol, log)
    log("predicting the test items")
    predicted, parts = protocol.predictions(model)
    more = fidelity.more_counts(model, protocol, seed)
    figures = {**figures_over_seeds(found), **_likelihood(model, nats, protocol), **predicted}
    figures.update(fidelity.figures_of(protocol, more))
    trained_on, known = protocol.trained_on(model)
    log("measuring the references")
    details = {"references": protocol.references, **protocol.details(first, conditions, found[0])}
    if protocol.fidelity is not None:
        details["references"] = {**details["references"], **protocol.fidelity.references}
    details["doubtful"] = {**protocol.doubtful, **doubtful(details["references"])}
    flags = (*known, *details.pop("flags", ()), *fidelity.remarks(model, protocol))
    arrays = {"nats": nats, **parts, **examples, **fidelity.stored(more), **details.pop("arrays", {})}
    return Evaluation(
        run=about["name"],
        model=type(model).__name__,
        modality=protocol.modality,
        noun=protocol.noun,
        lead=protocol.lead,
        data=protocol.splits.data,
        split=protocol.splits.split,
        n=n,
        seeds=tuple(range(seed, seed + seeds)),
        extractor=protocol.name,
        target=protocol.target,
        representation=protocol.representation(model) if len(nats) else "",
        figures=_ordered(figures),
        cost=cost.cost(model, n * seeds, seconds, memory, duration),
        about=machine(about["began"]),
        weights=about["weights"],
        arrays=arrays,
        flags=flags,
        trained_on=trained_on,
        **details,
    )


def _nats(model: GenerativeModel, protocol: EvaluationProtocol, log: ProgressFn) -> np.ndarray:
    """Compute log-likelihoods of test items, given their labels if the model has labels; none without these."""
    if not protocol.scores_items:
        return np.zeros(0)
    labels = None if model.y_codec_ is None else protocol.test.labels
    if not hasattr(model, "score_samples") or (model.y_codec_ is not None and labels is None):
        return np.zeros(0)
    count = min(len(protocol.test.codes), SCORED[model.score_kind])
    log(f"scoring {count:,} test items")
    return protocol.score(model, np.arange(count), None if labels is None else labels[:count])


def score_note(model: GenerativeModel) -> str:
    """Return the kind of a model's scores: exact, IWAE-K, bound, ODE (estimate by solving an ODE) or n/a.

    It is "density" for discrete values that the model treats as real numbers.
    """
    if not hasattr(model, "score_samples"):
        return "n/a"
    if isinstance(model, Density) and model.spec_.levels is not None:
        return "density"
    if model.score_kind == "lower_bound":
        k = getattr(model, "score_importance_samples", 1)
        return f"IWAE-{k}" if k > 1 else "bound"
    return "ODE" if model.score_kind == "estimate" else str(model.score_kind)


def _likelihood(model: GenerativeModel, nats: np.ndarray, protocol: EvaluationProtocol) -> Figures:
    """Compute the mean log-likelihood, in nats per item and, if possible, in bits per number."""
    if len(nats) < 2:
        return {}
    note, around = score_note(model), mean_interval(nats)  # Student's interval of a mean
    if note == "density":
        return {"log_density": interval_figure(around, len(nats))}
    found = {"log_likelihood": interval_figure(around, len(nats), note)}
    per = protocol.bits_measure(model)
    if per is not None:
        found[per] = interval_figure(
            ratio_interval(-nats / math.log(2), protocol.sizes(model, np.arange(len(nats)))), len(nats), note
        )
    return found


def _ordered(figures: Figures) -> Figures:
    """Sort figures in the order of tables."""
    return {name: figures[name] for name in sorted_names(figures)}


def machine(began: float) -> Json:
    """Return versions, hardware and date."""
    return {
        "protocol": PROTOCOL,
        "zaohua": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": round(time.perf_counter() - began, 1),
    }


def _processor() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def _progress(log: ProgressFn, what: str, n: int) -> Callable[[int], None]:
    """Return a function that logs the number of finished items out of n, and the remaining time."""
    began = time.perf_counter()

    def done(count: int) -> None:
        left = (time.perf_counter() - began) / count * (n - count)
        log(f"{what}: {count:,} of {n:,}, {left:,.0f} s left")

    return done
