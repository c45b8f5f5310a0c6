"""The protocol of texts: how well a model predicts test texts, and how much of its samples it copies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from zaohua.evaluation.predictions import PredictionProtocol
from zaohua.evaluation.protocol import interval_figure
from zaohua.evaluation.results import Figure, Figures
from zaohua.evaluation.splits import Items, Splits
from zaohua.metrics.intervals import ratio_interval
from zaohua.metrics.text_overlap import TextOverlap, text_overlap
from zaohua.modalities.texts.corpus import Corpus, alike
from zaohua.modalities.texts.held_out import divided
from zaohua.modalities.texts.surprise import surprise_by_part

REAL = "real texts"
"""The reference: test texts instead of samples."""
PART, PARTS = 1024, 8
"""Bytes of the parts of texts over which intervals are taken, and the least number of parts of shorter texts."""


@dataclass(frozen=True, eq=False)
class TextItems(Items):
    """Real texts, in memory or in their files.

    Attributes:
        values: the texts.
        labels: theirs, or None.
    """

    most = math.inf

    values: Any
    labels: Sequence[Any] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: np.ndarray) -> TextItems:
        """Return some of them, in the order of `rows`."""
        values = list(self.values)
        return TextItems([values[i] for i in rows], None if self.labels is None else [self.labels[i] for i in rows])


class TextProtocol(PredictionProtocol[str]):
    """What all models of texts of a comparison are measured by.

    Args:
        splits: real texts; copies are searched for if those of training are there.
        n: samples that are asked for, of which a hundredth is drawn, and 100 at most.
        seed: isn't used, as nothing is drawn here.
    """

    modality = "texts"
    noun = "texts"
    lead: ClassVar[str] = "bits_per_byte"
    per_nat: ClassVar[float] = 1 / math.log(2)
    unit_seen: ClassVar[str] = "runs of 32 tokens of the texts"

    def __init__(self, splits: Splits, n: int = 10_000, seed: int = 0):
        super().__init__(splits, n, seed)
        total = sum(len(text.encode()) for text in Corpus(self.test.values))
        self.part = min(PART, max(1, total // PARTS))

    @classmethod
    def items(cls, model: Any, items: Any, labels: Any) -> TextItems:
        """Return real texts, with their labels if the model takes labels."""
        return TextItems(items, None if model.y_codec_ is None else labels)

    @classmethod
    def held_out(cls, models: Sequence[Any], learnt: Items) -> tuple[Items, Items] | None:
        """Divide texts into those of training, and those that all models held out."""
        found = divided(models, learnt.values, learnt.labels)
        if found is None:
            return None
        before, after, learnt_labels, labels = found
        return TextItems(before, learnt_labels), TextItems(after, labels)

    @classmethod
    def needs_training(cls, model: Any) -> bool:
        """Return whether copies can be searched for: not in dialogues, and not if the training text isn't known."""
        return not model.apart_ and (model.source_ or {}).get("X") is not None

    @classmethod
    def describe(cls, model: Any) -> str:
        """Return whether a model makes texts or answers."""
        return "answers in dialogues" if model.apart_ else "texts"

    def codes_for(self, model: Any) -> Any:
        """Return the test texts as tokens of a model."""
        return model.encode_items(self.test.values).codes

    def parts(self, model: Any) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the nats and the bytes of each part of the test texts."""
        nats, sizes = surprise_by_part(model, self.test.values, self._labels_for(model), size=self.part)
        return nats, sizes, f"exact, context {model.context}, stride {model.context // 2}"

    def _labels_for(self, model: Any) -> Sequence[Any] | None:
        return None if model.y_codec_ is None else self.test.labels

    def measure(self, samples: list[str], conditions: Sequence[Any] | None = None, copies: bool = True) -> Figures:
        """Return the share of some texts that stands word for word in the training text."""
        if self.splits.train is None or not copies:
            return {}
        found = text_overlap(samples, Corpus(self.splits.train.values))
        return {"copied": _copied(found, samples, f"longest {found.longest}")}

    def details(self, samples: list[str], conditions: Sequence[Any] | None, figures: Figures) -> dict[str, Any]:
        """Return the same share of as many parts of the test texts, of the same lengths."""
        if self.splits.train is None:
            return {}
        parts = alike("".join(Corpus(self.test.values)), [len(text) for text in samples])
        found = text_overlap(parts, Corpus(self.splits.train.values))
        return {"references": {REAL: {"copied": _copied(found, parts)}}}


def _copied(found: TextOverlap, texts: Sequence[str], note: str = "") -> Figure:
    """Return the copied share of some texts, with an interval over texts: characters of one depend on one another."""
    sizes = np.array([len(text) for text in texts])
    if np.count_nonzero(sizes) < 2:
        return Figure(found.fraction, n=found.characters, note=note)
    around = ratio_interval(np.array(found.fractions) * sizes, sizes)
    low, high = max(0.0, around.low), min(1.0, around.high)
    return interval_figure(type(around)(around.value, low, high), found.characters, note)
