"""Store what an evaluation finds: figures with their intervals, what they are of, and what the model costs."""

from __future__ import annotations

import dataclasses
import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zaohua.core.errors import CheckpointError
from zaohua.core.json import Json, JsonValue
from zaohua.storage.atomic import MANIFEST, read_folder, to_bytes, write_folder
from zaohua.storage.layout import WEIGHTS

FOLDER, FIGURES, ARRAYS = "evaluation", "figures.json", "arrays.npz"
FLOOR, NAIVE, APART = "real train vs test", "Gaussian", "independent columns"
"""Names of the references: what nothing is honestly much better than, and what anything should be better than."""
PROTOCOL = 1
"""Version of how figures are computed; those of other versions aren't compared."""


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        value: it.
        low, high: its 95 % interval, where there is one.
        n: number of items that it is of.
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
        peak_memory: of the process while it sampled, in bytes; None where the system doesn't say.
        device: where it sampled.
        real_time: how many seconds the items that it makes in a second last; None of what has no duration.
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
        modality: name of the kind of data; empty for items of a codec that belongs to none.
        data: what it was measured on.
        split: "test", "validation" or what was given.
        n: samples, and real items they are compared with.
        seeds: of sampling, one for each set of samples.
        extractor: name and hash of the features in which distances are computed; empty without distances.
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
        weights: sha256 of the weights that were evaluated.
        lead: name of the measure by which models are ordered; empty if they can't be, or weren't when it was stored.
        noun: what the items are called, in the plural.
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
    about: Json = field(default_factory=dict)
    weights: str = ""
    target: str = ""
    representation: str = ""
    lead: str = ""
    noun: str = "items"
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def to_json(self) -> Json:
        """Return everything but the arrays, as JSON values."""
        return {name: plain(value) for name, value in vars(self).items() if name != "arrays"}

    @classmethod
    def from_json(cls, data: Json, arrays: dict[str, np.ndarray] | None = None) -> Evaluation:
        """Return what `to_json` wrote, with its arrays."""
        values = dict(data)
        values["figures"] = _figures(data["figures"])
        values["references"] = {name: _figures(figures) for name, figures in data["references"].items()}
        values["cost"] = Cost(**data["cost"])
        values["seeds"], values["flags"] = tuple(data["seeds"]), tuple(data["flags"])
        return cls(**values, arrays=arrays or {})

    def save(self, run: str | Path) -> None:
        """Save it in the run's folder, atomically."""
        stream = io.BytesIO()
        np.savez_compressed(stream, allow_pickle=False, **self.arrays)
        write_folder(Path(run) / FOLDER, {FIGURES: to_bytes(self.to_json()), ARRAYS: stream.getvalue()})


def load(run: str | Path) -> Evaluation | None:
    """Load the evaluation of a run; None if there is none, or if the run was trained further since.

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
    """Return the sha256 of a run's weights from its manifest; empty without one."""
    try:
        return str(json.loads((Path(run) / MANIFEST).read_bytes())["sha256"][WEIGHTS])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _figures(data: Json) -> Figures:
    return {name: Figure(**values) for name, values in data.items()}


def plain(value: object) -> JsonValue:
    """Return a value with dictionaries instead of dataclasses, inside dictionaries and tuples too."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return list(value) if isinstance(value, tuple) else value
