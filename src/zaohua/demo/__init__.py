"""Train one model of each family on the built-in digits and compare them: the first thing to try.

Every model learns the same 1500 digits with their labels, makes as many digits as were held out, and is measured with
the same classifier. Two references put the figures in perspective: the distance between real training digits and the
held-out ones (no model can honestly be much nearer), and a single normal distribution (any model worth its training
time is nearer).
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zaohua.core import registry
from zaohua.core.json import Json
from zaohua.demo import sounds, texts
from zaohua.estimator.base import GenerativeModel
from zaohua.evaluation.comparison import compared
from zaohua.evaluation.results import FLOOR, REAL_PAIRS, Evaluation
from zaohua.evaluation.summaries import note_in_card
from zaohua.modalities import datasets
from zaohua.modalities.images.evaluation import ImageProtocol
from zaohua.modalities.images.show import visible
from zaohua.storage.atomic import replace_file
from zaohua.tasks.evaluation import page
from zaohua.tasks.evaluation.evaluate import evaluate
from zaohua.tasks.evaluation.protocols import splits_of
from zaohua.training.trainable import Trainable

DATA, SEED, ROWS = "digits", 0, 8


@dataclass(frozen=True)
class Plan:
    """A model to train in the demo.

    Attributes:
        model: its command.
        share: the fraction of the demo's time that it trains for; 0 for a model that is fitted in one go.
        settings: fields that differ from the defaults.
        naive: whether it is a reference, which learns no labels.
    """

    model: str
    share: float = 0.0
    settings: Json = dataclasses.field(default_factory=dict)
    naive: bool = False


SMALL_UNET: Json = {"batch_size": 64, "channels": 32, "blocks": 1, "ema_decay": 0.995, "warmup_steps": 50}
PLANS = (
    Plan("gaussian", naive=True),
    Plan("gmm", settings={"n_components": 3}),
    Plan("r3gan", 0.2, {"batch_size": 64}),
    Plan("vae", 0.1, {"batch_size": 64}),
    Plan("made", 0.06, {"hidden": 512, "learning_rate": 2e-3, "dropout": 0.3}),
    Plan("edm", 0.15, SMALL_UNET),
    Plan("flow", 0.15, {**SMALL_UNET, "steps": 12, "score_steps": 20}),
)
"""The models to train. What they, the sounds and the texts leave of the time goes to sampling and measuring."""


@dataclass(frozen=True)
class Result:
    """What the page says of a model, or of a reference, of which most is None.

    Attributes:
        name: the model's command, or what the reference is.
        family: the model's; empty for a reference.
        summary: what the model is, in a line.
        paper: the paper that it comes from.
        reference: whether it is a reference rather than a competitor.
        frechet: Fréchet distance to the held-out items, in the features of the classifier.
        recall: the fraction of held-out items that look like some sample.
        accuracy: the fraction of samples that the classifier takes for the label they were made for.
        score: the mean of the held-out items' `score_samples`, in nats per item.
        score_kind: "exact", "lower_bound", "estimate" or "density".
        seconds: the training time.
        parameters: how many numbers the model learnt.
        milliseconds: the time to make one sample, in a batch of all.
        history: the records of training.
        sheet: samples, uint8 (n, H, W), ROWS times one of each label.
        evaluation: everything that was measured of the model.
    """

    name: str
    family: str = ""
    summary: str = ""
    paper: str = ""
    reference: bool = False
    frechet: float | None = None
    recall: float | None = None
    accuracy: float | None = None
    score: float | None = None
    score_kind: str = ""
    seconds: float | None = None
    parameters: int | None = None
    milliseconds: float | None = None
    history: tuple[Json, ...] = ()
    sheet: np.ndarray | None = None
    evaluation: Evaluation | None = None


@dataclass(frozen=True)
class Study:
    """Everything that the page shows.

    Attributes:
        results: references and models, in the order of the table.
        real: held-out items, uint8 (n, H, W), ROWS times one of each label.
        labels: the labels, sorted.
        n_train, n_test: how many items were learnt from and held out.
        seed: of everything random.
        extractor: the classifier in whose features distances are measured.
        seconds: the time that the demo took.
        sounding: the model of sounds.
        writing: the model of texts.
    """

    results: list[Result]
    real: np.ndarray
    labels: list[Hashable]
    n_train: int
    n_test: int
    seed: int
    extractor: str
    seconds: float
    sounding: sounds.SoundDemo
    writing: texts.Writing


Watch = Callable[[str], AbstractContextManager[Callable[..., None]]]
"""Makes a callback that shows the progress of training, by the name of what is trained."""


def run(out: Path, minutes: float, watch: Watch) -> Study:
    """Train, sample and measure all of `PLANS`; save runs in folders of `out`, and figures in results.json.

    Args:
        out: the folder of the demo.
        minutes: the time for all of it, on two cores.
        watch: makes the callback that shows progress.
    """
    began = time.perf_counter()
    protocol: ImageProtocol | None = None
    results: list[Result] = []
    waiting: list[tuple[Plan, GenerativeModel, float]] = []
    for plan in PLANS:
        model, seconds = _train(plan, out / plan.model, minutes, watch)
        waiting.append((plan, model, seconds))
        if protocol is None and model.y_codec_ is None:
            continue  # the first model with labels says what samples are judged by
        if protocol is None:
            protocol = ImageProtocol(splits_of(waiting[0][1], others=[model]), seed=SEED)
            results.append(_floor(protocol))
        results += [_measure(*trained, protocol, out / trained[0].model) for trained in waiting]
        waiting.clear()
    assert protocol is not None and protocol.test.labels is not None
    labels = sorted(set(protocol.test.labels), key=str)
    real = protocol.test.values[_sheet_rows(protocol.test.labels, labels)]
    sounding = sounds.make(out, minutes, watch, SEED)
    writing = texts.write(out, minutes, watch, SEED)
    study = Study(
        results,
        real,
        labels,
        len(protocol.train),
        protocol.n,
        SEED,
        protocol.name,
        time.perf_counter() - began,
        sounding,
        writing,
    )
    replace_file(out / "results.json", (json.dumps(_plain(study), indent=1) + "\n").encode())
    rows = [result.evaluation for result in results if result.evaluation is not None and not result.reference]
    page.write(compared(rows, protocol), out / "compare.html")
    return study


def _floor(protocol: ImageProtocol) -> Result:
    """Measure how far real training items are from the held-out ones, and how many of these the judge recognises."""
    figures = protocol.references[FLOOR]
    assert protocol.fidelity is not None  # the models have labels
    return Result(
        FLOOR,
        reference=True,
        frechet=figures["frechet"].value,
        recall=figures["recall"].value,
        accuracy=protocol.fidelity.references[REAL_PAIRS]["accuracy"].value,
    )


def _train(plan: Plan, folder: Path, minutes: float, watch: Watch) -> tuple[GenerativeModel, float]:
    """Fit the model of a plan; returns it and the seconds it took."""
    model: GenerativeModel = registry.model_class(plan.model)(random_state=SEED, **plan.settings)
    began = time.perf_counter()
    if not isinstance(model, Trainable):
        model.fit(DATA, None if plan.naive else True, out=folder)
        return model, time.perf_counter() - began
    model.set_params(max_minutes=plan.share * minutes, log_every=20)
    with watch(plan.model) as callback:
        model.fit(DATA, True, out=folder, overwrite=True, callbacks=[callback])
    return model, model.seconds_


def _measure(plan: Plan, model: GenerativeModel, seconds: float, protocol: ImageProtocol, folder: Path) -> Result:
    """Make as many samples as items were held out, with the same labels, and compare them."""
    entry, labels = registry.find(plan.model), sorted(set(protocol.test.labels or ()), key=str)
    found = evaluate(model, protocol=protocol, random_state=SEED, run=folder)
    found.save(folder)
    note_in_card(folder, found)
    value = {name: figure.value for name, figure in found.figures.items()}
    return Result(
        name=entry.command,
        family=entry.family,
        summary=entry.summary,
        paper=entry.paper,
        reference=plan.naive,
        frechet=value["frechet"],
        recall=value["recall"],
        accuracy=value.get("accuracy"),
        score=value.get("log_likelihood", value.get("log_density")),
        score_kind=_kind(model, value),
        seconds=seconds,
        parameters=found.cost.parameters,
        milliseconds=found.cost.milliseconds,
        history=tuple(getattr(model, "history_", ())),
        evaluation=found,
        sheet=visible(
            model, model.sample(len(labels) * ROWS, y=None if plan.naive else labels * ROWS, random_state=SEED + 1)
        ),
    )


def _kind(model: GenerativeModel, value: dict[str, float]) -> str:
    """Name the kind of a model's score; empty without a score."""
    return "density" if "log_density" in value else model.score_kind if "log_likelihood" in value else ""


def _sheet_rows(y: list[Hashable], labels: list[Hashable]) -> list[int]:
    """Find the first ROWS items of each label, in the order of a sheet with a column for each label."""
    places = {label: [i for i, other in enumerate(y) if other == label] for label in labels}
    return [places[label][row] for row in range(ROWS) for label in labels]


def _plain(study: Study) -> Json:
    """Return the figures and how they were measured, as JSON values."""
    skip = {"history", "sheet", "evaluation"}
    rows = [{k: v for k, v in vars(result).items() if k not in skip} for result in study.results]
    about = {k: v for k, v in vars(study).items() if k not in ("results", "real", "sounding", "writing")}
    corners = {
        datasets.known()[data].modality: {k: v for k, v in vars(corner).items() if k not in ("history", "kinds")}
        for data, corner in ((sounds.DATA, study.sounding), (texts.DATA, study.writing))
    }
    return {"data": DATA, **about, "results": rows, **corners}
