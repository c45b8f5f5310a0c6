"""What an evaluation finds: figures with their intervals, what they were taken of, and how they are kept with a run."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from zaohua.core.errors import CheckpointError
from zaohua.metrics.intervals import Interval
from zaohua.storage.atomic import MANIFEST, read_folder, to_bytes, write_folder
from zaohua.storage.runs import WEIGHTS

FOLDER, FIGURES, ARRAYS = "evaluation", "figures.json", "arrays.npz"
FLOOR, NAIVE, APART = "real train vs test", "Gaussian", "independent columns"
"""The references: what nothing is honestly much better than, and what anything should be, of pictures and of tables."""
PROTOCOL = 1
"""Version of how figures are taken; those of another aren't compared."""


@dataclass(frozen=True)
class Measure:
    """A column of tables.

    Attributes:
        title: with {extractor} or {target} where its name belongs.
        better: which way is better; "none" for what only describes.
        about: what it is, in a line.
        percent: whether it is a share.
        most: what it can't exceed.
    """

    title: str
    better: Literal["lower", "higher", "none"]
    about: str
    percent: bool = False
    most: float = math.inf

    def within(self, interval: Interval) -> Interval:
        """An interval, cut off where the measure ends."""
        least, most = (0.0, 1.0) if self.percent else (-math.inf, self.most)
        return Interval(interval.value, max(least, interval.low), min(most, interval.high))


LEADS = {"images": "frechet", "sounds": "frechet", "tables": "tree_score"}
"""By what models are set in order."""
NOUNS = {"images": "pictures", "sounds": "sounds", "tables": "rows", "texts": "texts"}
"""What items of each modality are called."""
MEASURES: dict[str, Measure] = {
    "frechet": Measure("FD[{extractor}]", "lower", "Fréchet distance of features of samples to those of test items"),
    "frechet_corrected": Measure("FD, less bias", "lower", "the same without what the number of items adds to it"),
    "fid": Measure("FID", "lower", "Fréchet distance in the features of the standard Inception network"),
    "kernel": Measure("KD", "lower", "unbiased squared maximum mean discrepancy, cubic kernel"),
    "precision": Measure("precision", "higher", "share of samples that look like some test item", True),
    "recall": Measure("recall", "higher", "share of test items that look like some sample", True),
    "diversity": Measure(
        "diversity",
        "none",
        "mean distance of samples of a class from one another over that of test "
        "items: 1 if they are as varied, 0 if they are all alike",
    ),
    "density": Measure("density", "none", "how often samples lie where test items crowd; 1 for real ones"),
    "coverage": Measure("coverage", "higher", "share of test items with a sample in their neighbourhood", True),
    "sliced_wasserstein": Measure("sliced W2", "lower", "mean Wasserstein distance of features along directions"),
    "two_sample": Measure(
        "told apart",
        "lower",
        "share of held-out answers right of a classifier that tells samples from test items; a half is chance",
        True,
    ),
    "accuracy": Measure("recognised", "higher", "share of samples that the classifier takes for what was asked", True),
    "classifier_score": Measure("classifier score", "higher", "whether samples are clear and of many classes"),
    "inception_score": Measure("Inception score", "higher", "classifier score of the standard Inception network"),
    "copy_rate": Measure(
        "copy rate",
        "none",
        "share of samples nearer to training items than the nearest hundredth "
        "of test items; p tells whether that is more than chance",
        True,
    ),
    "tree_score": Measure(
        "two-sample score",
        "higher",
        "1 - (2 AUC - 1) of boosted trees that tell samples from test rows; 100 % if they can't",
        True,
    ),
    "trend": Measure("trends", "higher", "mean over pairs of columns of how alike they hang together", True),
    "shape": Measure(
        "shapes",
        "higher",
        "mean over columns of how alike their values are distributed; columns drawn apart have 100 %",
        True,
    ),
    "utility_auc": Measure(
        "AUC of {target}",
        "higher",
        "of real test rows, by boosted trees that learnt from samples; 0.5 is chance",
        most=1.0,
    ),
    "utility_f1": Measure("F1 of {target}", "higher", "the same, mean of the F1 of each category", most=1.0),
    "utility_r2": Measure(
        "R² of {target}", "higher", "of real test rows, by boosted trees that learnt from samples", most=1.0
    ),
    "closest": Measure(
        "nearer to training",
        "none",
        "share of samples whose nearest real row is a training row rather "
        "than one of as many held-out ones; a half is chance, and p that of more",
        True,
    ),
    "row_copies": Measure(
        "copied rows",
        "none",
        "share of samples that equal a training row in all columns; p tells whether that is more than of test rows",
        True,
    ),
    "log_likelihood": Measure("log-likelihood", "higher", "of test items, nats per item"),
    "bits_per_dim": Measure("bits per dim", "lower", "the negative log-likelihood per number of an item"),
    "bits_per_sample": Measure("bits per sample", "lower", "the negative log-likelihood per sample of a wave"),
    "log_density": Measure(
        "log-density",
        "none",
        "of test items whose levels the model takes for real numbers: it may "
        "exceed any log-probability, and isn't compared",
    ),
    "bits_per_byte": Measure("bits per byte", "lower", "of test texts, in windows of half the context"),
    "copied": Measure(
        "copied",
        "none",
        "share of what was written that stands in the training text in runs of 30 characters or more",
        True,
    ),
}
"""What is measured, in the order of tables."""


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        value: it.
        low, high: its 95 % interval, where there is one.
        n: items it is of.
        note: what kind of number it is, or a p value.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    note: str = ""


Figures = dict[str, Figure]


@dataclass(frozen=True)
class Cost:
    """What a model costs.

    Attributes:
        training_seconds: wall time.
        parameters: numbers learnt.
        network_evaluations: calls of a network that one sample takes.
        milliseconds: that one sample takes, in a batch.
        peak_memory: of the process while it sampled, in bytes; None where that can't be told.
        device: where it sampled.
        real_time: seconds of sound that it makes in a second; None of what doesn't sound.
    """

    training_seconds: float | None
    parameters: int
    network_evaluations: int
    milliseconds: float
    peak_memory: int | None
    device: str
    real_time: float | None = None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was found of a run.

    Attributes:
        run: name of its folder.
        model: class of the model.
        modality: "images", "sounds", "tables" or "texts".
        data: what it was measured on.
        split: "test", "validation" or what was given.
        n: samples, and real items they are compared with.
        seeds: of sampling, one for each set of samples.
        extractor: name and hash of what distances of pictures or sounds are taken in.
        target: the column that is predicted, of tables.
        representation: what likelihoods are of, where models may differ in that; empty where it is the items.
        others: Fréchet distances by other extractors, by their names and hashes.
        figures: of the model, by the names of `MEASURES`.
        references: the same of `FLOOR`, and of `NAIVE` or `APART`.
        by_column: of tables "shape" of each column, and "uses": what it tells trees apart by, as a fall of the AUC.
        recall_by_class: recall of the test items of each class.
        accuracy_by_class: share recognised of the samples of each.
        cost: of the model.
        flags: what to know before any of this is believed.
        about: versions, hardware, the protocol, when.
        weights: sha256 of the weights it was taken of.
        arrays: "samples" uint8 or rows, "nats" of test items; of pictures "nearest" training items of the first
            samples; of sounds the same of those that are "shown" (their indices), how these sound, "heard", and
            "nearest_heard"; of tables "told" and "told_real", how the trees ranked samples and test rows; not in the
            JSON.
    """

    run: str
    model: str
    modality: str
    data: str
    split: str
    n: int
    seeds: tuple[int, ...]
    extractor: str
    figures: Figures
    cost: Cost
    references: dict[str, Figures] = field(default_factory=dict)
    others: dict[str, float] = field(default_factory=dict)
    recall_by_class: dict[str, float] = field(default_factory=dict)
    accuracy_by_class: dict[str, float] = field(default_factory=dict)
    by_column: dict[str, dict[str, float]] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    weights: str = ""
    target: str = ""
    representation: str = ""
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Everything but the arrays, as JSON values."""
        return {name: plain(value) for name, value in vars(self).items() if name != "arrays"}

    @classmethod
    def from_json(cls, data: dict[str, Any], arrays: dict[str, np.ndarray] | None = None) -> Evaluation:
        """The inverse of `to_json`."""
        values = dict(data)
        values["figures"] = _figures(data["figures"])
        values["references"] = {name: _figures(figures) for name, figures in data["references"].items()}
        values["cost"] = Cost(**data["cost"])
        values["seeds"], values["flags"] = tuple(data["seeds"]), tuple(data["flags"])
        return cls(**values, arrays=arrays or {})

    def same_protocol(self, other: Evaluation) -> str | None:
        """Why figures of the two aren't to be compared, or None."""
        for name in ("modality", "data", "split", "n", "extractor", "target"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                return f"{self.run} was measured with {name} {mine}, {other.run} with {theirs}"
        return None

    def save(self, run: str | Path) -> None:
        """Keep it in the run's folder, atomically."""
        stream = io.BytesIO()
        np.savez_compressed(stream, allow_pickle=False, **self.arrays)
        write_folder(Path(run) / FOLDER, {FIGURES: to_bytes(self.to_json()), ARRAYS: stream.getvalue()})


def load(run: str | Path) -> Evaluation | None:
    """What was found of a run, unless it has been trained on since, or nothing was found yet.

    Raises:
        CheckpointError: a file of it is damaged.
    """
    folder = Path(run) / FOLDER
    if not (folder / FIGURES).exists():
        return None
    files = read_folder(folder, {FIGURES, ARRAYS})
    try:
        with np.load(io.BytesIO(files[ARRAYS]), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        found = Evaluation.from_json(json.loads(files[FIGURES]), arrays)
    except (ValueError, KeyError, TypeError):
        raise CheckpointError(f"{folder} isn't what zaohua saves: evaluate the run again") from None
    current = found.weights == weights_of(run) and found.about.get("protocol") == PROTOCOL
    return found if current else None


def weights_of(run: str | Path) -> str:
    """The sha256 of a run's weights, as its manifest has it."""
    try:
        return str(json.loads((Path(run) / MANIFEST).read_bytes())["sha256"][WEIGHTS])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _figures(data: dict[str, Any]) -> Figures:
    return {name: Figure(**values) for name, values in data.items()}


def plain(value: Any) -> Any:
    """Dataclasses as dictionaries, whatever they are in."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return list(value) if isinstance(value, tuple) else value
