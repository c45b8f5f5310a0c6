"""The protocol of texts: how well a model predicts test texts, and how much of its samples it copies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from zaohua.evaluation.protocol import EvaluationProtocol, fraction_figure
from zaohua.evaluation.results import Figure, Figures
from zaohua.evaluation.splits import Items, Splits
from zaohua.metrics.text_overlap import text_overlap
from zaohua.modalities.texts.corpus import Corpus, alike
from zaohua.modalities.texts.surprise import surprise

SHARE, MOST = 100, 100
"""One text is written for so many samples asked for, and so many at most: a text is long."""
REAL = "real texts"
"""The reference: test texts instead of samples."""


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


class TextProtocol(EvaluationProtocol[list[str]]):
    """What a model of texts is measured by.

    Args:
        splits: real texts; copies are searched for if those of training are there.
        n: samples that are asked for, of which a hundredth is drawn, and 100 at most.
        seed: isn't used, as nothing is drawn here.
    """

    modality = "texts"
    noun = "texts"
    lead: ClassVar[str] = "bits_per_byte"
    comparable: ClassVar[bool] = False
    scores_items: ClassVar[bool] = False
    no_validation: ClassVar[str] = (
        "models of texts are measured by test texts: the history has the loss of the share that training held out"
    )

    def __init__(self, splits: Splits, n: int = 10_000, seed: int = 0):
        self.splits, self.seed, self.test = splits, seed, splits.test
        self.n = min(max(1, n // SHARE), MOST)

    @classmethod
    def items(cls, model: Any, items: Any, labels: Any) -> TextItems:
        """Return real texts, with their labels if the model takes labels."""
        return TextItems(items, None if model.y_codec_ is None else labels)

    @classmethod
    def needs_training(cls, model: Any) -> bool:
        """Return whether copies can be searched for: not in dialogues, and not if the training text isn't known."""
        return not model.apart_ and (model.source_ or {}).get("X") is not None

    def conditions(self, model: Any) -> None:
        """Return None: conditions are drawn as frequent as they were in training."""

    def to_measured(self, model: Any, block: Any) -> list[str]:
        """Return texts as they are."""
        return list(block)

    def join(self, blocks: Sequence[list[str]]) -> list[str]:
        """Return blocks of texts as one list."""
        return [text for block in blocks for text in block]

    def predictions(self, model: Any) -> Figures:
        """Return how many bits a byte of the test texts takes."""
        found = surprise(model, self.test.values, self.test.labels)
        note = f"exact, context {found.context}, stride {found.stride}"
        return {"bits_per_byte": Figure(found.bits_per_byte, n=found.size, note=note)}

    def measure(self, samples: list[str], conditions: Sequence[Any] | None = None, copies: bool = True) -> Figures:
        """Return the share of some texts that stands word for word in the training text."""
        if self.splits.train is None or not copies:
            return {}
        found = text_overlap(samples, Corpus(self.splits.train.values))
        return {"copied": fraction_figure(found.fraction, found.characters, f"longest {found.longest}")}

    def details(self, samples: list[str], conditions: Sequence[Any] | None, figures: Figures) -> dict[str, Any]:
        """Return the same share of as many parts of the test texts, of the same lengths."""
        if self.splits.train is None:
            return {}
        parts = alike("".join(Corpus(self.test.values)), [len(text) for text in samples])
        found = text_overlap(parts, Corpus(self.splits.train.values))
        return {"references": {REAL: {"copied": fraction_figure(found.fraction, found.characters)}}}

    def examples(self, samples: list[str], blocks: Sequence[Any]) -> dict[str, np.ndarray]:
        """Return nothing: texts aren't kept."""
        return {}
