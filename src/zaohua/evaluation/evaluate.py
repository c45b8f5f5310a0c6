"""How good a trained model is: every figure with what it was taken of, and what the model costs.

The protocol, and why it is so, is in `docs/evaluation.md`.
"""

from __future__ import annotations

import datetime
import math
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from zaohua import __version__
from zaohua.core.errors import NotAvailable, ZaohuaError
from zaohua.evaluation import cost
from zaohua.evaluation.protocol import EvaluationProtocol, figures_over_seeds, modality_of, of, protocol_for
from zaohua.evaluation.results import LEADS, MEASURES, PROTOCOL, Evaluation, Figures, weights_of
from zaohua.families.density import Density
from zaohua.metrics.intervals import Interval, mean_interval

SCORED = {"exact": 10_000, "lower_bound": 1000, "estimate": 200}
"""Test items whose log-likelihood is taken, at most: bounds and solutions of differential equations take long."""
BITS = {"pixels": "bits_per_dim", "mu-law levels": "bits_per_sample"}
"""Which measure the likelihoods of codes make when they are divided by how many numbers there are."""
ProgressFn = Callable[[str], None]


def evaluate(
    model: Any,
    *,
    data: str | Path | None = None,
    split: str | None = None,
    train: str | Path | None = None,
    samples: int = 10_000,
    seeds: int = 1,
    random_state: int = 0,
    inception: str | Path | None = None,
    target: str | None = None,
    protocol: EvaluationProtocol | None = None,
    run: str | Path | None = None,
    log: ProgressFn | None = None,
) -> Evaluation:
    """Measure a model.

    Args:
        model: a fitted one, of images, sounds, tables or texts.
        data: items that it never saw; by default the test split of what it was trained on (see `splits`).
        split: "test" or "validation".
        train: what it was trained on, if that isn't known.
        samples: to compare with as many real items; fewer if there are fewer. Of texts, a hundredth as many.
        seeds: sets of samples; with several, all figures but those of texts have intervals over them.
        random_state: of the first set.
        inception: weights of the standard Inception network, for FID.
        target: column of a table that is to be predicted; by default the last with 2 to 20 categories, else the last
            of numbers.
        protocol: by which other models were measured already, of the same data.
        run: its folder, for the name and the weights' hash.
        log: is told what is being done.

    Raises:
        ZaohuaError: the model is of another modality or makes no items, or there are none to measure by.
    """
    if samples < 12 or seeds < 1:
        raise ZaohuaError(f"--samples must be at least 12 and --seeds at least 1, not {samples} and {seeds}")
    log = log or (lambda line: None)
    run = run if run is not None else getattr(model, "run_", None)
    about = {
        "name": Path(run).resolve().name if run else type(model).__name__,
        "weights": weights_of(run) if run else "",
        "began": time.perf_counter(),
    }
    modality = modality_of(model)
    check_makes(model, about["name"])
    if modality in LEADS:
        if protocol is None:
            log("reading the real items, and measuring by what models are compared")
            protocol = protocol_for(model, samples, data, split, train, inception=inception, target=target)
        return _measured(model, protocol, about, seeds, random_state, log)
    if modality == "texts":
        from zaohua.modalities.texts.evaluation import evaluate_texts

        return evaluate_texts(model, about, data, split, max(1, samples // 100), random_state, log)
    raise ZaohuaError(
        f"evaluate measures images, sounds, tables and texts; {about['name']} is a "
        f"{type(model).__name__}, of {modality_of(model)}: `zaohua score` tells how well it "
        "predicts items"
    )


def check_makes(model: Any, name: object) -> None:
    """Raise a `ZaohuaError` unless a model makes new items, by which models are measured."""
    try:
        _ = model.sample
    except NotAvailable as error:
        raise ZaohuaError(f"{name}: models are measured by their samples, but {error}") from None


def _measured(
    model: Any, protocol: EvaluationProtocol, about: dict[str, Any], seeds: int, seed: int, log: ProgressFn
) -> Evaluation:
    """Measure a model by a protocol."""
    n, asked = protocol.n, protocol.asked(model)
    used: list[int] = []
    found: list[Figures] = []
    first, kept = np.zeros(0), dict[str, np.ndarray]()
    seconds, sounding, memory = 0.0, 0.0, None
    for k in range(seeds):
        drawn, took, memory = cost.sample(model, n, asked, seed + k, _progress(log, "sampling", n))
        samples = np.concatenate([protocol.seen(model, block) for block in drawn])
        log("measuring")
        found.append(protocol.measure(samples, asked))
        used.append(seed + k)
        seconds, sounding = seconds + took, sounding + cost.sounding(drawn)
        if not k:
            first, kept = samples, protocol.kept(samples, drawn)
    nats = _nats(model, protocol, log)
    figures = {**figures_over_seeds(found), **_likelihood(model, nats, protocol)}
    log("measuring the references")
    details = protocol.details(first, asked, found[0])
    arrays = {"samples": first, "nats": nats, **kept, **details.pop("arrays", {})}
    return Evaluation(
        run=about["name"],
        model=type(model).__name__,
        modality=protocol.modality,
        data=protocol.splits.data,
        split=protocol.splits.split,
        n=n,
        seeds=tuple(used),
        extractor=protocol.name,
        target=protocol.target,
        representation=representation(model) if len(nats) else "",
        figures=_ordered(figures),
        cost=cost.cost(model, n * seeds, seconds, memory, sounding),
        references=protocol.references,
        about=machine(about["began"]),
        weights=about["weights"],
        arrays=arrays,
        **details,
    )


def _nats(model: Any, protocol: EvaluationProtocol, log: ProgressFn) -> np.ndarray:
    """Log-likelihoods of test items, given their labels if the model takes any; none where those aren't known."""
    labels = None if model.y_codec_ is None else protocol.test.labels
    if not hasattr(model, "score_samples") or (model.y_codec_ is not None and labels is None):
        return np.zeros(0)
    count = min(len(protocol.test.codes), SCORED[model.score_kind])
    log(f"scoring {count:,} test items")
    return protocol.score(model, np.arange(count), None if labels is None else labels[:count])


def score_note(model: Any) -> str:
    """What kind of number a model's score is: exact, IWAE-K, bound, ODE (an estimate by solving one) or n/a.

    Or a density: of items with levels, which the model takes for real numbers.
    """
    if not hasattr(model, "score_samples"):
        return "n/a"
    if isinstance(model, Density) and model.spec_.levels is not None:
        return "density"
    if model.score_kind == "lower_bound":
        k = getattr(model, "score_importance_samples", 1)
        return f"IWAE-{k}" if k > 1 else "bound"
    return "ODE" if model.score_kind == "estimate" else str(model.score_kind)


def _likelihood(model: Any, nats: np.ndarray, protocol: EvaluationProtocol) -> Figures:
    if len(nats) < 2:
        return {}
    note, around = score_note(model), mean_interval(nats)  # Student's interval of a mean
    if note == "density":
        return {"log_density": of(around, len(nats))}
    found = {"log_likelihood": of(around, len(nats), note)}
    per = BITS.get(model.codec_.representation)
    if per is not None:
        found[per] = of(_ratio(-nats / math.log(2), protocol.dims(model, np.arange(len(nats)))), len(nats), note)
    return found


def _ratio(x: np.ndarray, sizes: np.ndarray) -> Interval:
    """The sum of x over the sum of sizes, with the interval of a ratio of means."""
    value = float(x.sum() / sizes.sum())
    off = mean_interval(x - value * sizes)
    return Interval(value, *(value + end / float(sizes.mean()) for end in (off.low, off.high)))


def representation(model: Any) -> str:
    """What a model's likelihoods are of, where that isn't the items as they are: of sounds, how it takes them."""
    if modality_of(model) != "sounds":
        return ""
    shape = model.spec_.shape
    what = ("bent " if getattr(model.codec_, "mu", 0) else "") + model.codec_.representation
    return what if shape is None else f"{what}, {' x '.join(map(str, shape))}"


def _ordered(figures: Figures) -> Figures:
    return {name: figures[name] for name in MEASURES if name in figures}


def machine(began: float) -> dict[str, Any]:
    """Versions, hardware, and when."""
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
    """The name of the processor, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def _progress(log: ProgressFn, what: str, n: int) -> Callable[[int], None]:
    """Tells of how far n items are, and how long the rest will take."""
    began = time.perf_counter()

    def done(count: int) -> None:
        left = (time.perf_counter() - began) / count * (n - count)
        log(f"{what}: {count:,} of {n:,}, {left:,.0f} s left")

    return done
