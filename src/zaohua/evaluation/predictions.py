"""Protocol for sequences: how well models predict the same held-out ones, in a unit that all models share.

The unit is a property of the items and not of a model's tokens: bits per byte of texts, nats a note of music. The
held-out items are divided into the same parts for all models, so that differences are paired.
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar, cast

import numpy as np

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.evaluation.fidelity import Fidelity
from zaohua.evaluation.figures import fraction_figure, interval_figure
from zaohua.evaluation.given import kinds_of
from zaohua.evaluation.model import Model
from zaohua.evaluation.protocol import EvaluationProtocol
from zaohua.evaluation.results import Evaluation, Figure, Figures, real_reference
from zaohua.evaluation.splits import Items, Splits
from zaohua.metrics.bigram import BigramClasses, are_classes
from zaohua.metrics.intervals import Interval, mean_interval, ratio_interval
from zaohua.metrics.text_overlap import TextOverlap

SampleT = TypeVar("SampleT")
SHARE, MOST = 100, 100
"""One sample is drawn for so many that are asked for, and so many at most: sequences take long."""


@dataclass(frozen=True)
class Parts:
    """Predictions of the parts of some items.

    Attributes:
        nats: -log p of each part, float64 (n,).
        sizes: size of each part, int64 (n,).
        items: index of the item that each is a part of, int64 (n,), ascending.
    """

    nats: np.ndarray
    sizes: np.ndarray
    items: np.ndarray

    def joined(self) -> Parts:
        """Join the parts of each item."""
        items, at = np.unique(self.items, return_inverse=True)
        nats, sizes = (np.bincount(at, weights) for weights in (self.nats, self.sizes))
        return Parts(nats, sizes.astype(np.int64), items)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays that an `Evaluation` stores."""
        return {"surprise": self.nats, "sizes": self.sizes, "items": self.items}

    @classmethod
    def of(cls, found: Evaluation) -> Parts:
        """Return what an evaluation stored."""
        return cls(*(found.arrays[name] for name in ("surprise", "sizes", "items")))


class PredictionProtocol(EvaluationProtocol[list[SampleT]]):
    """Protocol for models of sequences, which are compared by their predictions.

    Args:
        splits: real items; copies are searched for, and a baseline is learnt, if those of training are there.
        n: number of samples that are asked for, of which a hundredth is drawn, and 100 at most.
        seed: isn't used, as nothing is drawn here.

    Attributes:
        per_nat: number of the measure's units in one nat.
        per_item: name of the measure of nats per item; empty for none.
        copied: name of the measure of copies.
        baseline: name of the simplest model, whose predictions are a reference.
    """

    scores_items: ClassVar[bool] = False
    needs: ClassVar[Mapping[str, str]] = {
        **EvaluationProtocol.needs,
        "score_samples": "by how well they predict held-out items",
    }
    per_nat: ClassVar[float] = 1.0
    per_item: ClassVar[str] = ""
    copied: ClassVar[str]
    baseline: ClassVar[str]

    def __init__(self, splits: Splits, n: int = 10_000, seed: int = 0):
        self.splits, self.seed, self.test = splits, seed, splits.test
        self.n = min(max(1, n // SHARE), MOST)

    @classmethod
    def needs_training(cls, model: Model) -> bool:
        """Return whether the training items are known: without them, nothing is said of copies."""
        return (getattr(model, "source_", None) or {}).get("X") is not None

    @property
    def left_out(self) -> tuple[str, ...]:
        """Remarks on what was left out of the test items, for results."""
        return ()

    # ---- samples

    def conditions(self, model: Model) -> list[Hashable] | None:
        """Return the conditions of test items that are evenly spread; None for a model without conditions."""
        found = super().conditions(model)
        if found is None:
            return None
        return [found[i] for i in self.asked_rows(self.n)]

    def asked_rows(self, count: int) -> np.ndarray:
        """Return the indices of the test items whose conditions samples are made for: evenly spread."""
        return np.arange(count) * max(1, len(self.test) // count) % len(self.test)

    def to_measured(self, model: Model, block: object) -> list[SampleT]:
        """Return samples as they are."""
        return list(cast(Sequence[SampleT], block))  # what `sample` returns

    def join(self, blocks: Sequence[list[SampleT]]) -> list[SampleT]:
        """Return blocks of samples as one list."""
        return [sample for block in blocks for sample in block]

    def examples(self, samples: list[SampleT], blocks: Sequence[object]) -> dict[str, np.ndarray]:
        """Return nothing: `shown` has what is kept of samples."""
        return {}

    @abstractmethod
    def shown(self, samples: Sequence[SampleT], conditions: Sequence[Hashable] | None) -> dict[str, np.ndarray]:
        """Return the arrays that a page shows of the first samples, or of test items."""

    # ---- predictions

    @abstractmethod
    def parts(self, model: Model) -> Parts:
        """Return what a model predicts of each part of the test items."""

    def note(self, model: Model) -> str:
        """Return a remark on how predictions are taken."""
        return str(getattr(model, "score_kind", ""))

    def whole(self, model: Model, sizes: np.ndarray) -> Parts:
        """Return what a model predicts of each test item as a whole, given its condition.

        Args:
            model: fitted model.
            sizes: size of each test item, int64 (n,).
        """
        encoded = model.attach_conditions(self.codes_for(model), super().conditions(model))
        nats = -np.asarray(model.map_items(model.log_prob, encoded), np.float64)
        return Parts(nats, sizes, np.arange(len(nats)))

    def predictions(self, model: Model) -> tuple[Figures, dict[str, np.ndarray]]:
        """Return the measure `lead` of the test items, with an interval over their parts if there are several."""
        parts = self.parts(model)
        note = self.note(model) + ("" if model.y_codec_ is None else ", given y")
        return self.figures(parts, note), {**parts.arrays(), "test": np.array(self.digest)}

    def figures(self, parts: Parts, note: str = "") -> Figures:
        """Return the figures of predictions: the measure `lead`, and nats per item."""
        values, n = parts.nats * self.per_nat, int(parts.sizes.sum())
        if len(values) > 1:
            found = {self.lead: interval_figure(ratio_interval(values, parts.sizes), n, note)}
        else:
            found = {self.lead: Figure(float(values.sum() / n), n=n, note=note)}
        if self.per_item:
            found[self.per_item] = _mean(parts.joined().nats, note)
        return found

    def gaps(self, best: Evaluation, others: Sequence[Evaluation]) -> dict[str, Interval]:
        """Return differences by the same parts of the test items.

        Raises:
            ZaohuaError: there is a single part, of which no interval is known.
        """
        parts = {row.run: Parts.of(row) for row in (best, *others)}
        first = parts[best.run]
        if not all(np.array_equal(first.sizes, other.sizes) for other in parts.values()):
            parts = {run: each.joined() for run, each in parts.items()}  # some know whole items only
            first = parts[best.run]
        if len(first.sizes) < 2:
            raise ZaohuaError(
                f"one of the {self.noun} is too few to compare models by: give several ({option('data')})"
            )
        return {
            row.run: ratio_interval((parts[row.run].nats - first.nats) * self.per_nat, first.sizes) for row in others
        }

    # ---- copies and references

    @property
    @abstractmethod
    def digest(self) -> str:
        """Hash of the test items, which depend on what the compared models held out and can represent."""

    @abstractmethod
    def overlap(self, items: Sequence[SampleT]) -> TextOverlap:
        """Find what some items have in common with those of training, which are there."""

    @abstractmethod
    def alike(self, samples: Sequence[SampleT]) -> list[SampleT]:
        """Return real items that training didn't have, to be searched for copies like samples."""

    @abstractmethod
    def lines(self, items: Items | Sequence[SampleT]) -> Iterator[list[np.ndarray]]:
        """Yield the sequences of symbols of each item, real or sampled, by which its class is recognised."""

    @functools.cached_property
    def classes(self) -> BigramClasses | None:
        """The classifier of samples by their labels; None without training items of a few classes."""
        train = self.splits.train
        if train is None or not are_classes(train.labels) or self.test.labels is None:
            return None
        return BigramClasses(self.symbols, self.lines(train), train.labels)

    @property
    @abstractmethod
    def symbols(self) -> int:
        """Number of symbols of `lines`."""

    def recognised(self, items: Items | Sequence[SampleT], labels: Sequence[Hashable] | None) -> Figures:
        """Return the share of items that are recognised as of their label; nothing without labels of classes."""
        if labels is None or self.classes is None:
            return {}
        found = self.classes.predict(self.lines(items))
        right = [str(a) == str(b) for a, b in zip(found, labels, strict=True)]
        return {"accuracy": fraction_figure(float(np.mean(right)), len(right))}

    @functools.cached_property
    def fidelity(self) -> Fidelity | None:
        """Judges of fidelity to other conditions than plain labels, for which `recognised` is enough."""
        return None if kinds_of(self.splits.given) == [("", "labels")] else super().fidelity

    @abstractmethod
    def simplest(self) -> Parts:
        """Return what the simplest model that learnt from the training items predicts of the test items."""

    def measure(
        self, samples: list[SampleT], conditions: Sequence[Hashable] | None = None, copies: bool = True
    ) -> Figures:
        """Return the share of some samples that occurs in the training items, and of those with a recognised label."""
        if self.splits.train is None or not copies:
            return {}
        found = self.overlap(samples)
        return {self.copied: _share(found, f"longest {found.longest}"), **self.recognised(samples, conditions)}

    def details(self, samples: list[SampleT], conditions: Sequence[Hashable] | None, figures: Figures) -> Json:
        """Return the references, and what a page shows of the samples."""
        shown = {"arrays": self.shown(samples, conditions), "flags": self.left_out}
        if self.splits.train is None:
            return shown
        real = {self.copied: _share(self.overlap(self.alike(samples)))}
        if conditions is not None:
            real.update(self.recognised(self.test, self.test.labels))
        simplest = self.figures(self.simplest())
        return {"references": {real_reference(self.noun): real, self.baseline: simplest}, **shown}

    def matches(self, found: Evaluation) -> bool:
        """Return True if an evaluation was made by this protocol, with the very same test items."""
        stored = found.arrays.get("test")
        return super().matches(found) and stored is not None and str(stored) == self.digest


def _mean(nats: np.ndarray, note: str) -> Figure:
    """Return the mean over items, with its interval if there are several."""
    if len(nats) > 1:
        return interval_figure(mean_interval(nats), len(nats), note)
    return Figure(float(nats.mean()), n=len(nats), note=note)


def _share(found: TextOverlap, note: str = "") -> Figure:
    """Return the copied share of some items, with an interval over items: the parts of one depend on one another."""
    sizes = np.array(found.sizes)
    if np.count_nonzero(sizes) < 2:
        return Figure(found.fraction, n=found.characters, note=note)
    around = ratio_interval(np.array(found.fractions) * sizes, sizes)
    low, high = max(0.0, around.low), min(1.0, around.high)
    return interval_figure(Interval(around.value, low, high), found.characters, note)
