"""What all models of a comparison are measured by: the same real items, measures and references."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from typing import ClassVar, Generic, cast

import numpy as np
from typing_extensions import TypeVar

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.evaluation.measures import Measure, add_measures, measure_of
from zaohua.evaluation.model import Model
from zaohua.evaluation.results import Evaluation, Figure, Figures
from zaohua.evaluation.splits import IN_MEMORY, Items, Splits
from zaohua.metrics.intervals import Interval, mean_interval, wilson

SamplesT = TypeVar("SamplesT", default=np.ndarray)
"""Samples in the form in which they are measured, such as an array or a list of texts."""


class EvaluationProtocol(ABC, Generic[SamplesT]):
    """Real items, and the measures by which samples are compared with them.

    A kind of data names its protocol in `Modality.protocol`. The constructor takes the splits, the number of samples
    and a seed, and the options that the class declares.

    Attributes:
        lead: name of the measure by which models are ordered.
        options: names of further arguments of the constructor, which `evaluate` and `compare` take.
        measures: measures of its own, by name; those of `measures.MEASURES` need no mention.
        comparable: whether `compare` can order models by it.
        monitors: whether it can measure samples while a model trains (see `monitor`).
        scores_items: whether figures of log-likelihoods of whole items are to be given.
        no_validation: why items that training held out aren't measured by; empty where they are.
        modality, noun: name of the kind of data, and what its items are called.
        splits: the real items.
        n: how many samples to draw.
        seed: of all that is drawn.
        test: the real items to compare with.
        target: the column that is predicted; empty where there is no such thing.
    """

    lead: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ()
    measures: ClassVar[Mapping[str, Measure]] = {}
    comparable: ClassVar[bool] = True
    monitors: ClassVar[bool] = False
    scores_items: ClassVar[bool] = True
    no_validation: ClassVar[str] = ""

    modality: str = ""
    noun: str = "items"
    splits: Splits
    n: int
    seed: int
    test: Items
    target: str = ""

    def __init_subclass__(cls, **given: object) -> None:
        super().__init_subclass__(**given)
        add_measures(cls.measures)

    # ---- of models, before there are items

    @classmethod
    @abstractmethod
    def items(cls, model: Model, items: object, labels: object) -> Items:
        """Return real items as the codec of a model gives them.

        Args:
            model: a fitted one.
            items: as `zaohua.read` returns them.
            labels: one for each, or None.
        """

    @classmethod
    def needs_training(cls, model: Model) -> bool:
        """Return whether samples of a model are compared with its training items, too."""
        return True

    @classmethod
    def describe(cls, model: Model) -> str:
        """Describe what items a model makes; models with other descriptions aren't compared."""
        spec = model.spec_
        sides = "any length" if spec.shape is None else " x ".join(map(str, spec.tensor_shape))
        return f"{model.codec_.representation or cls.noun} of {sides}{f', {spec.levels} levels' if spec.levels else ''}"

    @classmethod
    def representation(cls, model: Model) -> str:
        """Describe what a model's likelihoods are of, if models may differ in that; empty if they are of the items."""
        return ""

    @classmethod
    def bits_measure(cls, model: Model) -> str | None:
        """Return the name of the measure of likelihoods in bits per number of an item; None if there is none."""
        return None

    # ---- samples

    def conditions(self, model: Model) -> Sequence[Hashable] | None:
        """Return the conditions for which a model is to make its samples; None if it draws them itself.

        Here the labels of the test items, for a model that takes labels.

        Raises:
            ZaohuaError: the model takes labels, and the test items have none.
        """
        if model.y_codec_ is None:
            return None
        if self.test.labels is None:
            raise ZaohuaError(
                f"this {type(model).__name__} makes {self.noun} of labels, and {self.splits.data} carries none"
            )
        return list(self.test.labels)

    @abstractmethod
    def to_measured(self, model: Model, block: object) -> SamplesT:
        """Return samples, as a model made them, in the form in which they are measured."""

    def join(self, blocks: Sequence[SamplesT]) -> SamplesT:
        """Return blocks of samples, as `to_measured` returns them, as one."""
        return cast(SamplesT, np.concatenate(cast(Sequence[np.ndarray], blocks)))  # other forms override it

    def duration(self, blocks: Sequence[object]) -> float:
        """Return how many seconds samples last, as a model made them; 0 of what has no duration."""
        return 0.0

    # ---- likelihoods

    def score(self, model: Model, rows: np.ndarray, conditions: Sequence[Hashable] | None) -> np.ndarray:
        """Return log-likelihoods of some test items under a model, given as many conditions; nats, float64."""
        encoded = model.attach_conditions(self.test.codes[rows], conditions)
        return np.asarray(model.map_items(model.log_prob, encoded))

    def sizes(self, model: Model, rows: np.ndarray) -> np.ndarray:
        """Return how many numbers some test items have for a model, by which `bits_measure` divides."""
        return np.full(len(rows), model.spec_.size)

    def predictions(self, model: Model) -> Figures:
        """Return figures of how well a model predicts the test items, other than log-likelihoods of whole items."""
        return {}

    # ---- measures

    @abstractmethod
    def measure(self, samples: SamplesT, conditions: Sequence[Hashable] | None = None, copies: bool = True) -> Figures:
        """Return all figures of some samples.

        Args:
            samples: as `to_measured` returns them.
            conditions: those for which they were made.
            copies: whether to search for copies of training items.
        """

    @abstractmethod
    def details(self, samples: SamplesT, conditions: Sequence[Hashable] | None, figures: Figures) -> Json:
        """Return what an `Evaluation` holds of some samples besides their figures: its fields, by name."""

    @property
    def references(self) -> dict[str, Figures]:
        """Figures of what nothing is honestly much better than, and of what anything should be better than."""
        return {}

    def gaps(self, best: Evaluation, others: Sequence[Evaluation]) -> dict[str, Interval]:
        """Return by how much each of some models is worse than the best by the measure that leads, by run."""
        raise ZaohuaError(f"models of {self.modality or self.noun} can't be compared")

    def monitor(self, model: Model) -> dict[str, float]:
        """Return quick figures of samples of a model that is being trained, for its history."""
        raise ZaohuaError(f"{self.noun} can't be measured while a model trains")

    # ---- what is kept

    def examples(self, samples: SamplesT, blocks: Sequence[object]) -> dict[str, np.ndarray]:
        """Return the arrays that an `Evaluation` keeps of some samples, for a page to show and `gaps` to compare.

        Args:
            samples: as `to_measured` returns them.
            blocks: the same as the model made them.
        """
        return {"samples": np.asarray(samples)}

    @property
    def real_examples(self) -> dict[str, np.ndarray]:
        """The arrays that a page shows of test items, besides their values."""
        return {}

    @property
    def name(self) -> str:
        """Name and hash of the features in which distances are computed; empty if there are none."""
        return ""

    def matches(self, found: Evaluation) -> bool:
        """Return whether an evaluation was made by this protocol; of data in memory that isn't known."""
        mine = (self.splits.data, self.splits.split, self.n, self.name, self.target)
        same = mine == (found.data, found.split, found.n, found.extractor, found.target)
        return same and self.splits.data != IN_MEMORY

    def complete(self, found: Evaluation) -> Evaluation:
        """Return an evaluation with what was not yet kept when it was stored: the measure that leads, the noun."""
        return dataclasses.replace(found, lead=self.lead, noun=self.noun)


def of(interval: Interval, n: int, note: str = "") -> Figure:
    """Return a figure of n items with its interval."""
    return Figure(interval.value, interval.low, interval.high, n, note)


def share(value: float, n: int, note: str = "") -> Figure:
    """Return a share of n items with Wilson's 95 % interval."""
    return of(wilson(value, n), n, note)


def figures_over_seeds(sets: Sequence[Figures]) -> Figures:
    """Return figures of several sets of samples, or of several trainings, as one: means, with intervals over the seeds.

    Args:
        sets: of each seed, the same measures; a single one is returned as it is.
    """
    if len(sets) == 1:
        return dict(sets[0])
    return {name: _over_seeds(name, [figures[name] for figures in sets]) for name in sets[0]}


def _over_seeds(name: str, each: Sequence[Figure]) -> Figure:
    notes = dict.fromkeys(figure.note for figure in each if figure.note)
    around = measure_of(name).within(mean_interval([figure.value for figure in each]))  # Student's knows no ends
    return of(around, each[0].n or 0, "; ".join(notes))


def chance(p: float) -> str:
    """Format a p value."""
    return f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"


def side_by_side(labels: Sequence[Hashable] | None, n: int, each: int) -> np.ndarray:
    """Return which of n items a page shows: so many of each label, row by row with a column for a label.

    Of the first twelve labels, and as many of all as there are of the rarest; without labels the first ones.
    """
    if labels is None:
        return np.arange(min(n, each * 10))
    classes = sorted(set(labels), key=str)[:12]
    places = {label: [i for i, other in enumerate(labels) if other == label][:each] for label in classes}
    return np.array([places[label][k] for k in range(min(map(len, places.values()))) for label in classes])
