"""The protocol of texts: how well a model predicts test texts, and how much of its samples it copies."""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from zaohua.evaluation.predictions import Parts, PredictionProtocol
from zaohua.evaluation.protocol import EvaluationProtocol
from zaohua.evaluation.shown import asked, asked_examples
from zaohua.evaluation.splits import Items, Splits
from zaohua.metrics.bigram import Bigram
from zaohua.metrics.text_overlap import SEPARATOR, TextOverlap, text_overlap
from zaohua.modalities.texts.corpus import Corpus, alike
from zaohua.modalities.texts.dialogues import is_dialogue
from zaohua.modalities.texts.held_out import divided
from zaohua.modalities.texts.real import TextItems, without_unknown
from zaohua.modalities.texts.surprise import in_parts, surprise_by_part

PART, PARTS = 1024, 8
"""Bytes of the parts of texts over which intervals are taken, and the least number of parts of shorter texts."""
SHOWN, LONGEST = 12, 400
"""Number of texts that a page shows of each model, and of characters of each, at most."""
CHUNK = 1 << 20
"""Number of characters of a corpus that are counted at once."""
CAPTIONS, MOST_CAPTIONS = 20, 500
"""Of texts of other conditions than labels, one is drawn for so many that are asked for, and so many at most."""
END = 256
"""Symbol of the ends of texts, besides their bytes."""


class TextProtocol(PredictionProtocol[str]):
    """What all models of texts of a comparison are measured by.

    Args:
        splits: real texts; copies are searched for, and a baseline is learnt, if those of training are there.
        n: samples that are asked for, of which a hundredth is drawn, and 100 at most.
        seed: isn't used, as nothing is drawn here.
    """

    modality = "texts"
    noun = "texts"
    lead: ClassVar[str] = "bits_per_byte"
    per_nat: ClassVar[float] = 1 / math.log(2)
    unit_seen: ClassVar[str] = "runs of 32 tokens of the texts"
    copied: ClassVar[str] = "copied"
    baseline: ClassVar[str] = "bigram of bytes"
    test: TextItems

    def __init__(self, splits: Splits, n: int = 10_000, seed: int = 0):
        super().__init__(splits, n, seed)
        if any(part.kind != "labels" for part in splits.given):  # captions are short, and fidelity needs many
            self.n = min(max(1, n // CAPTIONS), MOST_CAPTIONS)
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
    def common(cls, models: Sequence[Any], test: Items) -> Items:
        """Return the test texts without the characters that some of the models can't encode.

        Raises:
            ZaohuaError: these are more than a tenth.
        """
        assert isinstance(test, TextItems)  # as `items` and `held_out` return them
        return without_unknown(models, test)

    @classmethod
    def needs_training(cls, model: Any) -> bool:
        """Return whether samples are compared with the training text: not in dialogues, nor if it isn't known."""
        return not _answers(model) and super().needs_training(model)

    @classmethod
    def describe(cls, model: Any) -> str:
        """Return whether a model makes texts or answers."""
        return "answers in dialogues" if _answers(model) else "texts"

    def judged(self, samples: Sequence[str]) -> list[str]:
        """Return texts as they are."""
        return list(samples)

    def codes_for(self, model: Any) -> Any:
        """Return the test texts as tokens of a model."""
        return model.encode_items(self.test.values).codes

    @functools.cached_property
    def digest(self) -> str:
        """Hash of the test texts and their labels."""
        found = hashlib.sha256(repr(asked(self.test.labels).tolist()).encode())
        for part in Corpus(self.test.values):
            found.update(part.encode())
        return found.hexdigest()[:16]

    @property
    def left_out(self) -> tuple[str, ...]:
        """What was left out of the test texts."""
        return (self.test.left_out,) if self.test.left_out else ()

    def parts(self, model: Any) -> Parts:
        """Return what a model predicts of each part of the test texts; of whole ones, if it doesn't know tokens."""
        if hasattr(model, "nats"):
            return surprise_by_part(model, self.test.values, EvaluationProtocol.conditions(self, model), size=self.part)
        return self.whole(model, np.array([len(text.encode()) for text in self.test.values]))

    def note(self, model: Any) -> str:
        """Return that predictions are exact, and how wide the windows are."""
        if not hasattr(model, "nats"):
            return super().note(model)
        return f"exact, context {model.context}, stride {model.context // 2}"

    def simplest(self) -> Parts:
        """Return what a bigram model of the bytes of the training texts predicts."""
        model = Bigram(self.symbols, _stream(Corpus(self.splits.train.values)))
        each = ((model.nats(line), np.asarray(line[1:] < END, np.int64)) for (line,) in self.lines(self.test))
        return in_parts(each, self.part)

    @property
    def symbols(self) -> int:
        """Number of bytes, and END."""
        return END + 1

    def lines(self, items: Items | Sequence[str]) -> Iterator[list[np.ndarray]]:
        """Yield the bytes of each text, between two END."""
        for text in items.values if isinstance(items, Items) else items:
            yield [np.concatenate([[END], _bytes_of(text), [END]])]

    def overlap(self, items: Sequence[str]) -> TextOverlap:
        """Find the passages of some texts that stand word for word in the training text."""
        return text_overlap(items, Corpus(self.splits.train.values))

    def alike(self, samples: Sequence[str]) -> list[str]:
        """Return parts of the test texts, as long as samples."""
        return alike("".join(Corpus(self.test.values)), [len(text) for text in samples])

    def shown(self, samples: Sequence[str], conditions: Sequence[Hashable] | None) -> dict[str, np.ndarray]:
        """Return the beginnings of some texts, and what they were made of."""
        texts = [text[:LONGEST] for text in samples[:SHOWN]]
        pictures = asked_examples(conditions, self.splits.given, SHOWN)
        return {**pictures, "samples": np.array(texts, str), "asked": asked(conditions)[:SHOWN]}

    @property
    def real_examples(self) -> dict[str, np.ndarray]:
        """Some test texts, or parts of a single one."""
        if is_dialogue(next(iter(self.test.values))):
            return {}
        if len(self.test) >= SHOWN:
            some = self.test.take(np.arange(SHOWN) * (len(self.test) // SHOWN))
            return self.shown(some.values, some.labels)
        text = "".join(Corpus(self.test.values)).replace(SEPARATOR, "\n")
        return self.shown(alike(text, [LONGEST] * min(SHOWN, max(1, len(text) // LONGEST))), None)


def _answers(model: Any) -> bool:
    """Return whether a model learnt the answers in dialogues."""
    return bool(getattr(model, "apart_", False))


def _bytes_of(text: str) -> np.ndarray:
    """Return the bytes of a text, int64 (n,), with END for each separator."""
    found = np.frombuffer(text.encode(), np.uint8).astype(np.int64)
    first, second, third = SEPARATOR.encode()
    at = np.flatnonzero((found[:-2] == first) & (found[1:-1] == second) & (found[2:] == third))
    found[at] = END
    return np.delete(found, np.concatenate([at + 1, at + 2]))


def _stream(corpus: Iterable[str]) -> Iterator[np.ndarray]:
    """Yield the bytes of a corpus in pieces, each with the last symbol of the one before, and END before the first."""
    held, last = "", np.array([END])
    for piece in itertools.chain(corpus, [None]):
        held += piece or ""
        if piece is None or len(held) >= CHUNK:
            symbols = np.concatenate([last, _bytes_of(held)])
            yield symbols
            held, last = "", symbols[-1:]
