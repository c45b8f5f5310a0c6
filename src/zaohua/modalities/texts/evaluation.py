"""How good a model of texts is: how well it predicts texts that it hasn't seen, and how much it copies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zaohua import modalities
from zaohua.core.errors import ZaohuaError
from zaohua.evaluation import cost
from zaohua.evaluation.evaluate import ProgressFn, machine
from zaohua.evaluation.results import Evaluation, Figure, Figures
from zaohua.evaluation.splits import is_named
from zaohua.modalities.images.evaluation import share
from zaohua.modalities.texts.copying import copy_report
from zaohua.modalities.texts.surprise import surprise


def evaluate_texts(
    model: Any,
    about: dict[str, Any],
    data: str | Path | None,
    split: str | None,
    samples: int,
    seed: int,
    log: ProgressFn,
) -> Evaluation:
    """Measure a model of texts; see `evaluate`."""
    source = data if data is not None else (model.source_ or {}).get("X")
    if data is None and not is_named(source):
        raise ZaohuaError(
            f"{source or 'data in memory'} has no test split: give texts that training never saw (--data)"
        )
    if split not in (None, "test"):
        raise ZaohuaError("models of texts are measured by test texts: training told the loss of its validation share")
    log("predicting the test texts")
    items, labels = modalities.read(
        source, True if model.y_codec_ is not None else None, split="test" if is_named(source) else None
    )
    found = surprise(model, items, labels)
    n = min(samples, 100)
    blocks, seconds, memory = cost.sample(model, n, None, seed)
    figures: Figures = {
        "bits_per_byte": Figure(
            found.bits_per_byte, n=found.size, note=f"exact, context {found.context}, stride {found.stride}"
        )
    }
    references: dict[str, Figures] = {}
    if not model.apart_ and (model.source_ or {}).get("X") is not None:
        report = copy_report(model, cost.gathered(blocks), held_out=None if is_named(source) else source)
        figures["copied"] = share(
            report.samples.fraction, report.samples.characters, f"longest {report.samples.longest}"
        )
        if report.real is not None:
            references["real texts"] = {"copied": share(report.real.fraction, report.real.characters)}
    return Evaluation(
        run=about["name"],
        model=type(model).__name__,
        modality="texts",
        data=str(source),
        split="test" if is_named(source) else "given",
        n=n,
        seeds=(seed,),
        extractor="",
        figures=figures,
        cost=cost.cost(model, n, seconds, memory),
        references=references,
        about=machine(about["began"]),
        weights=about["weights"],
    )
