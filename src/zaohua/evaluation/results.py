"""Results of evaluations: figures with their intervals, costs of models, and their storage in the run."""

from __future__ import annotations

import dataclasses
import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zaohua.core.errors import CheckpointError, ZaohuaError
from zaohua.core.json import Json, JsonValue
from zaohua.storage.atomic import MANIFEST, hashes_of, read_file, read_folder, to_bytes, write_folder
from zaohua.storage.layout import WEIGHTS

FOLDER, FIGURES, ARRAYS = "evaluation", "figures.json", "arrays.npz"
FLOOR, NAIVE, APART = "real train vs test", "Gaussian", "independent columns"
"""Names of the references: real training items, a Gaussian, and shuffled columns of a table."""
REAL_PAIRS, SHUFFLED = "real test pairs", "shuffled test pairs"
"""Names of the references of fidelity: real test items with their own conditions, and with those of others."""
NOTHING = "doing nothing"
"""Name of the reference of restoration: what is seen, as it is."""
PROTOCOL = 3
"""Version of the computation of figures; figures of different versions can't be compared."""


@dataclass(frozen=True)
class Figure:
    """Value of a measure.

    Attributes:
        value: the value.
        low, high: ends of its 95 % interval; None without an interval.
        n: number of items.
        note: kind of the number ("exact", "bound" ...), or a p value.
        p: p value of a test for copies; None for other figures.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    note: str = ""
    p: float | None = None


Figures = dict[str, Figure]


@dataclass(frozen=True)
class Cost:
    """Cost of a model.

    Attributes:
        training_seconds: wall time of training.
        parameters: number of parameters.
        network_evaluations: network calls per sample.
        milliseconds: time per sample, in a batch.
        peak_memory: peak memory of the process during sampling in bytes; None if the system doesn't report it.
        device: device of sampling.
        real_time: seconds of generated items per second of sampling; None for data without a duration.
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
    """Result of the evaluation of a run.

    Attributes:
        run: name of the run folder.
        model: class name of the model.
        modality: name of the kind of data; empty for items of a codec that belongs to none.
        data: name of the data.
        split: "test", "validation" or "given".
        n: number of samples, and of real items that they are compared with.
        seeds: seed of each set of samples.
        extractor: name and hash of the extractor of features for distances; empty without distances.
        target: name of the predicted column of a table.
        representation: representation that likelihoods refer to; empty if they refer to the items.
        others: Fréchet distances by other extractors, by their names and hashes.
        figures: figures of the model, by the names in `MEASURES`.
        references: figures of `FLOOR`, and of `NAIVE` or `APART`; of sequences those of real items and of a baseline;
            of conditional models `REAL_PAIRS` and `SHUFFLED`; of models that restore `NOTHING`.
        by_column: for tables "shape", the similarity of each column, and "uses", its permutation importance in the
            trees that distinguish samples from real rows.
        recall_by_class: recall of the test items of each class.
        accuracy_by_class: accuracy of the classifier on the samples of each class.
        cost: cost of the model.
        flags: warnings about the reliability of the figures.
        doubtful: measures that can't tell the references apart, and why (see `references.doubtful`).
        trained_on: share of the test items that are training items, known by content; None if it isn't known.
        about: versions, hardware, the protocol and the date.
        weights: sha256 of the evaluated weights.
        lead: name of the measure by which models are ordered; empty if there is none, or in older files.
        noun: noun for the items, in the plural.
        arrays: arrays that aren't in the JSON: "samples", uint8 or rows; "nats", log-likelihoods of test items; for
            pictures "nearest", the nearest training items of the first samples; for sounds the same for the indices
            "shown", with the waves "heard" and "nearest_heard"; for tables "told" and "told_real", the scores of
            samples and test rows by the trees; for sequences "surprise", "sizes" and "items" of the parts of test items
            (see `predictions.Parts`), and what a page shows of samples; under "fidelity" and the name of a measure, the
            counts of each test item (see `fidelity`); of models that restore "restored" and "nothing", the first
            pictures as they were restored and as they were seen.
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
    doubtful: dict[str, str] = field(default_factory=dict)
    trained_on: float | None = None
    about: Json = field(default_factory=dict)
    weights: str = ""
    target: str = ""
    representation: str = ""
    lead: str = ""
    noun: str = "items"
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def to_json(self) -> Json:
        """Return all fields except the arrays as JSON values."""
        return {name: plain(value) for name, value in vars(self).items() if name != "arrays"}

    @classmethod
    def from_json(cls, data: Json, arrays: dict[str, np.ndarray] | None = None) -> Evaluation:
        """Create an evaluation from the result of `to_json` and its arrays."""
        values = dict(data)
        values["figures"] = _figures(data["figures"])
        values["references"] = {name: _figures(figures) for name, figures in data["references"].items()}
        values["cost"] = Cost(**data["cost"])
        values["seeds"], values["flags"] = tuple(data["seeds"]), tuple(data["flags"])
        return cls(**values, arrays=arrays or {})

    def save(self, run: str | Path) -> None:
        """Save the evaluation in the run folder, atomically.

        Raises:
            ZaohuaError: files that aren't an evaluation have its names, or it can't be written.
        """
        folder = Path(run) / FOLDER
        own = hashes_of(folder)
        if others := [name for name in (FIGURES, ARRAYS) if (folder / name).exists() and name not in own]:
            raise ZaohuaError(f"{folder / others[0]} isn't what zaohua saves, so it isn't replaced: move it")
        stream = io.BytesIO()
        np.savez_compressed(stream, allow_pickle=False, **self.arrays)
        write_folder(folder, {FIGURES: to_bytes(self.to_json()), ARRAYS: stream.getvalue()})


def load(run: str | Path) -> Evaluation | None:
    """Load the evaluation of a run; None if there is none, or if the run was trained further afterwards.

    Raises:
        CheckpointError: a file of the evaluation is damaged.
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
        return str(json.loads(read_file(Path(run) / MANIFEST))["sha256"][WEIGHTS])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def real_reference(noun: str) -> str:
    """Return the name of the reference of held-out real items in place of samples, as copies are searched for."""
    return f"real {noun}"


def _figures(data: Json) -> Figures:
    return {name: Figure(**values) for name, values in data.items()}


def plain(value: object) -> JsonValue:
    """Convert dataclasses to dictionaries and tuples to lists, also inside dictionaries."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return list(value) if isinstance(value, tuple) else value
