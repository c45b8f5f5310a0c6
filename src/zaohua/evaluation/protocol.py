"""Protocols: the real items, the measures and the references by which all models of a comparison are evaluated."""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from typing import ClassVar, Generic, cast

import numpy as np
from typing_extensions import TypeVar

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.evaluation.fidelity import Counts, Fidelity, Judged
from zaohua.evaluation.given import classes_of
from zaohua.evaluation.known_items import known_items
from zaohua.evaluation.measures import Measure, add_measures
from zaohua.evaluation.model import Codes, Model
from zaohua.evaluation.references import doubtful, is_praise
from zaohua.evaluation.results import Evaluation, Figures
from zaohua.evaluation.splits import IN_MEMORY, Items, Splits, held_out_rows, some
from zaohua.metrics.extractor import Classifier
from zaohua.metrics.intervals import Interval

SamplesT = TypeVar("SamplesT", default=np.ndarray)
"""Type of samples as they are measured: an array or a list of texts."""


class EvaluationProtocol(ABC, Generic[SamplesT]):
    """Protocol of an evaluation: real items, and measures of samples compared with them.

    A kind of data names its protocol in `Modality.protocol`. The constructor takes the splits, the number of samples
    and a seed, and the options that the class declares.

    Attributes:
        lead: name of the measure by which models are ordered.
        options: names of further arguments of the constructor, which `evaluate` and `compare` accept.
        measures: additional measures by name, besides those in `measures.MEASURES`.
        comparable: True if `compare` can order models by it.
        monitors: True if it can measure samples during training (see `monitor`).
        needs: methods that a model must have, and what models are measured by with each.
        scores_items: True if results include log-likelihoods of whole items.
        unit_seen: noun for the parts of items that are looked up among those of training; empty for whole items.
        modality, noun: name of the kind of data, and the noun for its items in the plural.
        splits: the real items.
        n: number of samples to draw.
        seed: seed of everything random.
        test: real items to compare with.
        target: name of the column to predict; empty for other data than tables.
        spoken: True if items are sounds, in which texts may be said.
    """

    lead: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ()
    measures: ClassVar[Mapping[str, Measure]] = {}
    comparable: ClassVar[bool] = True
    monitors: ClassVar[bool] = False
    needs: ClassVar[Mapping[str, str]] = {"sample": "by their samples"}
    scores_items: ClassVar[bool] = True
    unit_seen: ClassVar[str] = ""
    spoken: ClassVar[bool] = False

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

    # ---- properties of models, before items are read

    @classmethod
    @abstractmethod
    def items(cls, model: Model, items: object, labels: object) -> Items:
        """Convert real items to those that a model's codec represents.

        Args:
            model: fitted model.
            items: result of `zaohua.read`.
            labels: one label per item, or None.
        """

    @classmethod
    def needs_training(cls, model: Model) -> bool:
        """Return True if samples of a model are also compared with its training items."""
        return True

    @classmethod
    def describe(cls, model: Model) -> str:
        """Describe the items that a model generates; models with different descriptions can't be compared."""
        spec = model.spec_
        sides = "any length" if spec.shape is None else " x ".join(map(str, spec.tensor_shape))
        return f"{model.codec_.representation or cls.noun} of {sides}{f', {spec.levels} levels' if spec.levels else ''}"

    @classmethod
    def representation(cls, model: Model) -> str:
        """Return the representation that a model's likelihoods refer to; empty if they refer to the items."""
        return ""

    @classmethod
    def bits_measure(cls, model: Model) -> str | None:
        """Return the name of the measure of likelihoods in bits per number of an item; None if there is none."""
        return None

    @classmethod
    def held_out(cls, models: Sequence[Model], learnt: Items) -> tuple[Items, Items] | None:
        """Divide the items of training into those that models were trained on, and those that all of them held out.

        Args:
            models: fitted models; all that are compared.
            learnt: all items that they were given, the last result of `items`.

        Returns:
            Items of training and held-out ones; None if nothing was held out.

        Raises:
            ZaohuaError: the models held out other items.
        """
        held, kept = held_out_rows(models, len(learnt), learnt.groups)
        if not len(held):
            return None
        return learnt.take(some(kept, learnt.most)), learnt.take(some(held, learnt.most))

    @classmethod
    def common(cls, models: Sequence[Model], test: Items) -> Items:
        """Return test items that all models can represent: by default these; the rest is left out, and told of.

        Args:
            models: fitted models; all that are compared.
            test: the last result of `items` or of `held_out`.
        """
        return test

    # ---- items that a model was trained on

    def codes_for(self, model: Model) -> Codes:
        """Return the test items as the codec of a model encodes them."""
        return cast(Codes, self.test.codes)

    def trained_on(self, model: Model) -> tuple[float | None, list[str]]:
        """Return the share of the test items that a model was trained on, known by content, and a warning if any.

        Returns:
            The share, 0 if it isn't larger than among new items, None if the model remembers none; and the warning.
        """
        codes = self.codes_for(model)
        return known_items(model.count_seen(codes), len(codes), self.noun, self.unit_seen)

    # ---- samples

    def conditions(self, model: Model) -> Sequence[Hashable] | None:
        """Return the conditions of the samples to draw; None if the model draws conditions itself.

        By default these are the labels of the test items, for a model with labels.

        Raises:
            ZaohuaError: the model has labels, but the test items have none.
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
        """Convert samples of a model to the form in which they are measured."""

    def join(self, blocks: Sequence[SamplesT]) -> SamplesT:
        """Concatenate results of `to_measured`."""
        return cast(SamplesT, np.concatenate(cast(Sequence[np.ndarray], blocks)))  # other forms override it

    def duration(self, blocks: Sequence[object]) -> float:
        """Return the duration of samples of a model in seconds; 0 for data without a duration."""
        return 0.0

    def score(self, model: Model, rows: np.ndarray, conditions: Sequence[Hashable] | None) -> np.ndarray:
        """Compute log-likelihoods of the test items at `rows`, given their conditions; in nats, float64."""
        encoded = model.attach_conditions(self.test.codes[rows], conditions)
        return np.asarray(model.map_items(model.log_prob, encoded))

    def sizes(self, model: Model, rows: np.ndarray) -> np.ndarray:
        """Return the number of values of each test item at `rows`, by which `bits_measure` divides."""
        return np.full(len(rows), model.spec_.size)

    def predictions(self, model: Model) -> tuple[Figures, dict[str, np.ndarray]]:
        """Compute figures of the prediction of test items, other than log-likelihoods of whole items.

        Returns:
            The figures, and arrays that `gaps` needs.
        """
        return {}, {}

    # ---- measures

    @abstractmethod
    def measure(self, samples: SamplesT, conditions: Sequence[Hashable] | None = None, copies: bool = True) -> Figures:
        """Compute all figures of samples.

        Args:
            samples: result of `to_measured`.
            conditions: conditions of the samples.
            copies: True to search for copies of training items.
        """

    @abstractmethod
    def details(self, samples: SamplesT, conditions: Sequence[Hashable] | None, figures: Figures) -> Json:
        """Compute the other fields of an `Evaluation` that depend on the samples, by name."""

    def judged(self, samples: SamplesT) -> Judged | None:
        """Return samples, as judges of fidelity see them; None if these can't."""
        return None

    def judged_items(self, items: Items) -> Judged | None:
        """Return real items as judges of fidelity see them; None if these can't."""
        return self.judged(items.values)

    def asked_rows(self, count: int) -> np.ndarray:
        """Return the indices of the test items whose conditions `count` samples are made for, int64 (n,)."""
        return np.arange(count)

    def likeness(self, model: Model, samples: object, rows: np.ndarray) -> Counts:
        """Count how like the test items at `rows` samples are, the same number for each in turn (see `likeness`)."""
        return {}

    @functools.cached_property
    def fidelity(self) -> Fidelity | None:
        """Judges of fidelity to the conditions; None without conditions, or without training items to learn from."""
        return Fidelity.of(self.splits, self.test, self.judged_items, self.seed, self.spoken, self.classifier)

    @property
    def classifier(self) -> Classifier | None:
        """Classifier of items by their classes, trained on the training split; None without classes."""
        return None

    def class_labels(self, items: Items) -> list[Hashable] | None:
        """Return the classes of real items: their labels, or the first part of their conditions that is a label."""
        return classes_of(items.labels, self.splits.given)

    @property
    def references(self) -> dict[str, Figures]:
        """Figures of the references: real training items, and a trivial model."""
        return {}

    def gaps(self, best: Evaluation, others: Sequence[Evaluation]) -> dict[str, Interval]:
        """Compute how much worse than the best model the others are by the measure `lead`, by run."""
        raise ZaohuaError(f"models of {self.modality or self.noun} can't be compared")

    def monitor(self, model: Model) -> dict[str, float | None]:
        """Compute a few figures of samples during training, for the history."""
        raise ZaohuaError(f"{self.noun} can't be measured while a model trains")

    def telling(self, record: Mapping[str, float]) -> dict[str, float | None]:
        """Return figures with None for those that would be praise by a measure that can't tell the references apart."""
        return {name: None if name in self.doubtful and is_praise(name) else value for name, value in record.items()}

    @functools.cached_property
    def doubtful(self) -> dict[str, str]:
        """Measures that can't tell the references apart, and why (see `references.doubtful`)."""
        return doubtful(self.references)

    # ---- storage

    def examples(self, samples: SamplesT, blocks: Sequence[object]) -> dict[str, np.ndarray]:
        """Return the arrays that an `Evaluation` stores of samples, for its page and for `gaps`.

        Args:
            samples: result of `to_measured`.
            blocks: the same samples as the model returned them.
        """
        return {"samples": np.asarray(samples)}

    @property
    def real_examples(self) -> dict[str, np.ndarray]:
        """Arrays of test items that a page shows, besides their values."""
        return {}

    @property
    def name(self) -> str:
        """Name and hash of the extractor of features for distances; empty without distances."""
        return ""

    def matches(self, found: Evaluation) -> bool:
        """Return True if an evaluation was made by this protocol; False for data in memory, which have no name."""
        mine = (self.splits.data, self.splits.split, self.n, self.name, self.target)
        same = mine == (found.data, found.split, found.n, found.extractor, found.target)
        return same and self.splits.data != IN_MEMORY

    def complete(self, found: Evaluation) -> Evaluation:
        """Return an evaluation with the fields that older versions didn't store: `lead` and `noun`."""
        return dataclasses.replace(found, lead=self.lead, noun=self.noun)
