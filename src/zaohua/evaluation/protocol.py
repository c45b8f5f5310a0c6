"""What all models of a comparison are measured by, whatever they make: the same real items, measures and references."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zaohua.evaluation.results import MEASURES, NOUNS, Evaluation, Figure, Figures
from zaohua.evaluation.splits import Splits
from zaohua.metrics.intervals import Interval, mean_interval
from zaohua.modalities import taken_by


class EvaluationProtocol(ABC):
    """Real items, and the measures that samples are compared with them by.

    Attributes:
        modality: of the items.
        splits: the real items.
        n: samples to take.
        seed: of all that is drawn.
        test: the real items to compare with.
        name: name and hash of what distances are taken in; empty where there is no such thing.
        target: the column that is predicted; empty where there is no such thing.
    """

    modality: str
    splits: Splits
    n: int
    seed: int
    test: Any
    target: str = ""

    @property
    def name(self) -> str:
        """Name and hash of what distances are taken in."""
        return ""

    @property
    def noun(self) -> str:
        """What its items are called."""
        return NOUNS[self.modality]

    @abstractmethod
    def asked(self, model: Any) -> Sequence[Any] | None:
        """The conditions that samples of a model are made for, or None."""

    @abstractmethod
    def seen(self, model: Any, block: Any) -> np.ndarray:
        """Samples as they came from a model, in the form in which they are measured."""

    def score(self, model: Any, rows: np.ndarray, asked: Sequence[Any] | None) -> np.ndarray:
        """Log-likelihoods of some test items under a model, of as many conditions; nats, float64."""
        encoded = model.attach_conditions(self.test.codes[rows], asked)
        return np.asarray(model.map_items(model.log_prob, encoded))

    def dims(self, model: Any, rows: np.ndarray) -> np.ndarray:
        """Of how many numbers, for that model, some test items are."""
        return np.full(len(rows), model.spec_.size)

    @abstractmethod
    def measure(self, samples: np.ndarray, asked: Sequence[Any] | None = None, copies: bool = True) -> Figures:
        """All figures of some samples.

        Args:
            samples: as `seen` gives them.
            asked: the conditions that they were made for.
            copies: whether to look for copies of training items.
        """

    @abstractmethod
    def details(self, samples: np.ndarray, asked: Sequence[Any] | None, figures: Figures) -> dict[str, Any]:
        """What an `Evaluation` holds of some samples besides their figures."""

    def kept(self, samples: np.ndarray, drawn: Sequence[Any]) -> dict[str, np.ndarray]:
        """What else of some samples an `Evaluation` keeps, for a page to show.

        Args:
            samples: as `seen` gives them.
            drawn: the same as they came from the model, in blocks.
        """
        return {}

    @property
    def real_kept(self) -> dict[str, np.ndarray]:
        """The same of the test items."""
        return {}

    @property
    @abstractmethod
    def references(self) -> dict[str, Figures]:
        """Figures of what nothing is honestly much better than, and of what anything should be better than."""

    @abstractmethod
    def gaps(self, best: Evaluation, others: Sequence[Evaluation]) -> dict[str, Interval]:
        """How far each of some models is behind the best by the measure that leads, by run."""

    def matches(self, found: Evaluation) -> bool:
        """Whether an evaluation was made by this protocol."""
        mine = (self.splits.data, self.splits.split, self.n, self.name, self.target)
        return mine == (found.data, found.split, found.n, found.extractor, found.target)


def of(interval: Interval, n: int, note: str = "") -> Figure:
    """A figure of n items with its interval."""
    return Figure(interval.value, interval.low, interval.high, n, note)


def figures_over_seeds(sets: Sequence[Figures]) -> Figures:
    """Figures of several sets of samples, or of several trainings, in one: means, with intervals over the seeds.

    Args:
        sets: of each seed, the same measures; a single one is returned as it is.
    """
    if len(sets) == 1:
        return dict(sets[0])
    return {name: _over_seeds(name, [figures[name] for figures in sets]) for name in sets[0]}


def _over_seeds(name: str, each: Sequence[Figure]) -> Figure:
    notes = dict.fromkeys(figure.note for figure in each if figure.note)
    around = MEASURES[name].within(mean_interval([figure.value for figure in each]))  # Student's knows no ends
    return of(around, each[0].n or 0, "; ".join(notes))


def chance(p: float) -> str:
    """A p value as people read it."""
    return f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"


def protocol_for(
    model: Any,
    samples: int,
    data: str | Path | None = None,
    split: str | None = None,
    train: str | Path | None = None,
    **options: Any,
) -> EvaluationProtocol:
    """What a model is measured by: the one place that knows which modality has which protocol.

    Args:
        model: a fitted one.
        samples: to measure by, at most.
        data, split, train: where the real items are (see `splits_of`).
        options: of the protocol, None for its defaults.

    Raises:
        ZaohuaError: there are no items to measure by, or an option is of another modality.
    """
    from zaohua.core.errors import ZaohuaError
    from zaohua.evaluation import splits
    from zaohua.modalities.images.evaluation import ImageProtocol
    from zaohua.modalities.sounds.evaluation import SoundProtocol
    from zaohua.modalities.tables.evaluation import TableProtocol
    from zaohua.modalities.tables.held_out import rows

    kinds: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
        "images": (ImageProtocol, splits.pictures, ("inception",)),
        "sounds": (SoundProtocol, splits.recordings, ()),
        "tables": (TableProtocol, rows, ("target",)),
    }
    modality = modality_of(model)
    cls, read, known = kinds[modality]
    for name, value in options.items():
        if value is not None and name not in known:
            raise ZaohuaError(f"--{name} isn't for models of {modality}")
    found = splits.splits_of(model, data, split, train, read)
    return cls(found, samples, **{name: options.get(name) for name in known})


def modality_of(model: Any) -> str:
    """Return the name of the kind of data that a model makes; before it is fitted, the first that it takes."""
    codec = getattr(model, "codec_", None)
    return str(taken_by(model.codec_types)[0][0].name if codec is None else codec.modality)


def side_by_side(labels: Sequence[Any] | None, n: int, each: int) -> np.ndarray:
    """Which of n items a page shows: so many of each label, row by row with a column for a label.

    Of the first twelve labels, and as many of all as there are of the rarest; without labels the first ones.
    """
    if labels is None:
        return np.arange(min(n, each * 10))
    classes = sorted(set(labels), key=str)[:12]
    places = {label: [i for i, other in enumerate(labels) if other == label][:each] for label in classes}
    return np.array([places[label][k] for k in range(min(map(len, places.values()))) for label in classes])
