"""Fidelity of a model's samples to their conditions, and of its likelihoods (see `zaohua.evaluation.fidelity`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from zaohua.estimator.base import GenerativeModel
from zaohua.evaluation.fidelity import PREFIX, Counts
from zaohua.evaluation.given import kinds_of, numbers_of
from zaohua.evaluation.protocol import EvaluationProtocol
from zaohua.evaluation.results import Figures
from zaohua.metrics.judges.matcher import wrong_choices
from zaohua.tasks.evaluation.givens import given_of

SCORED = {"exact": 200, "lower_bound": 40}
"""Number of test items that are scored with ten conditions each, by the kind of score; none by ODEs, which are slow."""
REPEATED, TIMES = 64, 4
"""Number of test items that several samples are drawn for, and how many."""


def faithful(model: GenerativeModel, protocol: EvaluationProtocol[Any], samples: Any) -> Counts:
    """Count how well samples fit the conditions of the test items; nothing if the model's are of other kinds."""
    if protocol.fidelity is None or not _is_measured(model, protocol):
        return {}
    items = protocol.judged(samples)
    assert items is not None  # as those of real items aren't
    return protocol.fidelity.counts(items, protocol.asked_rows(len(items)))


def _is_measured(model: GenerativeModel, protocol: EvaluationProtocol[Any]) -> bool:
    given = protocol.splits.given
    return model.y_codec_ is not None and bool(given) and kinds_of(given_of([model])) == kinds_of(given)


def more_counts(model: GenerativeModel, protocol: EvaluationProtocol[Any], seed: int) -> Counts:
    """Count what takes more samples or scores: likeness to the test items, and retrieval by likelihood."""
    fidelity = protocol.fidelity
    if fidelity is None or not _is_measured(model, protocol):
        return {}
    return {**_repeated(model, protocol, seed), **_retrieved(model, protocol)}


def _repeated(model: GenerativeModel, protocol: EvaluationProtocol[Any], seed: int) -> Counts:
    """Count how like the test items several samples of their conditions are, if both have the same axes."""
    alike = [part for part in protocol.splits.given if part.kind == "tensors" and part.axes == model.spec_.axes]
    if not alike:
        return {}
    rows = _spread(len(protocol.test), REPEATED)
    asked = [protocol.test.labels[i] for i in rows for _ in range(TIMES)]
    counts = protocol.likeness(model, model.sample(len(asked), y=asked, random_state=seed), rows)
    return {name: _at(values, rows, len(protocol.test)) for name, values in counts.items()}


def _retrieved(model: GenerativeModel, protocol: EvaluationProtocol[Any]) -> Counts:
    """Count for how many test items the likelihood is highest with their own condition of ten.

    For plain labels alone this is classification, which `zaohua.tasks.classify` measures.
    """
    kinds = {part.kind for part in protocol.splits.given}
    most = SCORED.get(str(getattr(model, "score_kind", ""))) if hasattr(model, "score_samples") else None
    if most is None or kinds == {"labels"}:
        return {}
    labels = list(protocol.test.labels)
    numbers = numbers_of(labels)
    first = np.unique(numbers, return_index=True)[1]
    rows, rng = _spread(len(labels), most), np.random.default_rng(protocol.seed)
    choices = [[int(row), *wrong_choices(numbers, first, int(row), rng)] for row in rows]
    items = np.repeat(rows, [len(some) for some in choices])
    encoded = model.attach_conditions(protocol.codes_for(model)[items], [labels[i] for some in choices for i in some])
    nats = np.split(
        np.asarray(model.map_items(model.log_prob, encoded)), np.cumsum([len(some) for some in choices])[:-1]
    )
    right = np.array([(one[0] > one[1:]).all() for one in nats], np.float64)
    return {"retrieved": _at(np.stack([right, np.ones(len(right))], 1), rows, len(labels))}


def figures_of(protocol: EvaluationProtocol[Any], counts: Counts) -> Figures:
    """Return the figures of counts."""
    return {} if protocol.fidelity is None else protocol.fidelity.figures(counts)


def remarks(model: GenerativeModel, protocol: EvaluationProtocol[Any]) -> list[str]:
    """Return remarks on what fidelity isn't measured to, and what its judges cost."""
    judges = protocol.fidelity
    if judges is None or not _is_measured(model, protocol):
        return []
    without = [f"fidelity to {name} isn't measured: there is no judge for it" for name in judges.unmeasured]
    spent = f"judges of fidelity learnt from real pairs in {judges.seconds:.0f} CPU seconds"
    return [*without, *([spent] if judges.seconds >= 1 else [])]


def stored(counts: Counts) -> dict[str, np.ndarray]:
    """Return counts as arrays of an `Evaluation`."""
    return {f"{PREFIX}{name}": values for name, values in counts.items()}


def _spread(n: int, most: int) -> np.ndarray:
    """Return the indices of some of n items, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int64))


def _at(counts: np.ndarray, rows: np.ndarray, n: int) -> np.ndarray:
    found = np.zeros((n, counts.shape[1]))
    found[rows] = counts
    return found
