"""What is explained: a model, an item of it, and the real items that it is compared with."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import NotAvailable, ZaohuaError
from zaohua.core.notes import note
from zaohua.core.record import Condition
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.tensors import Encoded, ItemBatch
from zaohua.metrics.text_overlap import SEPARATOR
from zaohua.modalities.labels.codec import LabelCodec
from zaohua.modalities.sequences import Sequences
from zaohua.modalities.texts.codec import TextCodec
from zaohua.modalities.texts.corpus import Corpus
from zaohua.tasks.evaluation.protocols import needed_protocol, splits_of
from zaohua.tasks.explain.vectors import vectors

MOST, LEAST_ITEMS, NUMBERS = 20_000, 64, 1 << 25
"""Most items that are compared with, the number that is always taken, and the most numbers of all of them."""
HELD_OUT = 1_000
"""Most held-out items."""
PASSAGE = 400
"""Characters of the passages that real texts are divided into."""
TOKENS = 1_024
"""Most tokens of an item that are explained."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Real items, encoded: those of training, and those held out.

    Attributes:
        train, test: their codes, each with the labels that the data carry, or None.
        data: name of the data.
        split: split of the held-out items.
        noun: noun for the items, in the plural.
    """

    train: tuple[Encoded, Sequence[Hashable] | None]
    test: tuple[Encoded, Sequence[Hashable] | None]
    data: str
    split: str
    noun: str

    @property
    def classes(self) -> list[Hashable]:
        """The classes that training items are labelled with, sorted; none without labels, or if there are too many."""
        labels = self.train[1]
        found = set() if labels is None else {label for label in labels if isinstance(label, Hashable)}
        return sorted(found, key=str) if 2 <= len(found) <= 50 else []


@dataclass(frozen=True, eq=False)
class Subject:
    """A model and an item of it.

    Attributes:
        model: the fitted model.
        encoded: the item, of one row; with its condition if the model is conditional and it is known.
        origin: where the item is from, in a clause.
        given: the condition in words; empty without one.
        seed: the seed that the model drew the item with; None for an item that was given.
        index: the number of a held-out item; None for others.
        find: function that reads the real items.
    """

    model: GenerativeModel[Any]
    encoded: Encoded
    origin: str
    given: str
    seed: int | None
    index: int | None
    find: Callable[[], Reference]

    @functools.cached_property
    def reference(self) -> Reference:
        """The real items, read when they are first needed.

        Raises:
            ZaohuaError: they aren't known.
        """
        return self.find()

    @functools.cached_property
    def batch(self) -> ItemBatch:
        """The item as a tensor (1, ...), its condition, and a source of random numbers."""
        return self.model.prepare_items(self.encoded)

    @property
    def x(self) -> Tensor:
        """The item as a tensor, (1, ...)."""
        return self.batch[0]

    @property
    def y(self) -> Condition | None:
        """The condition of the item, (1, ...)."""
        return self.batch[1]

    @functools.cached_property
    def item(self) -> Any:
        """The item as the model represents it."""
        return self.model.decode_tensors(self.x)

    @property
    def label(self) -> int:
        """Code of the item's label.

        Raises:
            NotAvailable: it has none.
        """
        codes = self.encoded.y_codes
        if not isinstance(codes, Tensor) or codes.ndim != 1:
            raise NotAvailable("the item has no label")
        return int(codes[0])

    @property
    def is_grid(self) -> bool:
        """Whether items are real numbers along axes: pictures, spectrograms, waves."""
        spec = self.model.spec_
        return spec.shape is not None and len(spec.shape) > 0 and not spec.is_row and not spec.is_category

    def vectors(self, encoded: Encoded) -> np.ndarray:
        """Return vectors of encoded items, whose distances are those between items, float32 (n, d)."""
        return vectors(self.model, encoded)

    @functools.cached_property
    def near(self) -> tuple[np.ndarray, np.ndarray]:
        """Vectors of the training and of the held-out items."""
        return self.vectors(self.reference.train[0]), self.vectors(self.reference.test[0])


def subject_of(
    model: GenerativeModel, item: object, y: object, find: Callable[[], Reference], seed: int = 0
) -> Subject:
    """Encode the item that is explained.

    Args:
        model: fitted model.
        item: an item as `fit` takes them, in memory or the path of its file; a whole number for a held-out item; None
            for a sample of the model.
        y: its condition. None: of a held-out item its own, of others the most probable label, if the model has
            likelihoods.
        find: function that reads the real items.
        seed: seed of the sample.
    """
    if item is None:
        y = _usual(model, find) if y is None else y
        sample = model.sample(1, y=y, random_state=seed)
        subject = Subject(
            model, _encoded(model, sample, y), f"a sample of the model (seed {seed})", "", seed, None, find
        )
    elif isinstance(item, (int, np.integer)) and not isinstance(item, bool):
        codes, labels = find().test
        if not 0 <= item < len(codes):
            raise ZaohuaError(f"item {item}: there are {len(codes):,} held-out items, numbered from 0")
        y = labels[int(item)] if y is None and labels is not None and model.y_codec_ is not None else y
        encoded = codes.take(np.array([item]))
        if y is not None:
            encoded = model.attach_conditions(encoded.codes, [y])
        subject = Subject(model, encoded, f"held-out item {item}", "", None, int(item), find)
    else:
        name = item if isinstance(item, str) else "an item in memory"
        file = isinstance(item, Path) or (isinstance(item, str) and not isinstance(model.codec_, TextCodec))
        known = item if file else model.codec_.as_items(item, None)
        encoded = _encoded(model, known, y)
        if len(encoded) > 1:
            note(f"{name} holds {len(encoded):,} items: the first is explained")
        subject = Subject(model, encoded.take(np.array([0])), name[:80], "", None, None, find)
    return _given(subject, y)


def _encoded(model: GenerativeModel, items: object, y: object) -> Encoded:
    encoded = model.encode_items(items)
    codes = encoded.codes
    if isinstance(codes, Sequences) and int((codes.stops - codes.starts)[0]) > TOKENS:
        note(f"the item is longer than {TOKENS:,} tokens or frames: its beginning is explained")
        stops = torch.minimum(codes.stops, codes.starts + TOKENS)
        encoded = Encoded(Sequences(codes.stream, codes.starts, stops, codes.pad, codes.apart), encoded.y_codes)
    return encoded if y is None else model.attach_conditions(encoded.codes, [y] * len(encoded))


def _usual(model: GenerativeModel, find: Callable[[], Reference]) -> object:
    """Return the condition of a sample: the most frequent label, or that of the first held-out item."""
    if model.y_codec_ is None:
        return None
    prior = model.y_codec_.log_prior()
    if prior is not None:
        return model.y_codec_.decode(torch.tensor([int(np.argmax(prior))]))[0]
    labels = find().test[1]
    return None if labels is None else labels[0]


def _given(subject: Subject, y: object) -> Subject:
    """Attach the most probable label where none is known, and put the condition in words."""
    model, encoded = subject.model, subject.encoded
    if model.y_codec_ is None:
        return subject
    if encoded.y_codes is not None:
        return replace(subject, given=str(y))
    if not hasattr(model, "score_samples") or model.y_codec_.log_prior() is None:
        if not getattr(model, "condition_dropout", 0):
            model.require_conditions(None)
        return subject
    code = torch.tensor([int(model.joint_scores(encoded)[:, 0].argmax())])
    words = f"{model.y_codec_.decode(code)[0]}, its most probable label"
    return replace(subject, encoded=Encoded(encoded.codes, code), given=words)


def label_names(model: GenerativeModel) -> list[str]:
    """Return the labels that a model was fitted with, in the order of their codes.

    Raises:
        NotAvailable: it wasn't fitted with labels.
    """
    prior = None if not isinstance(model.y_codec_, LabelCodec) else model.y_codec_.log_prior()
    if prior is None or model.y_codec_ is None:
        raise NotAvailable(f"this {type(model).__name__} wasn't fitted with labels")
    return [str(label) for label in model.y_codec_.decode(torch.arange(len(prior)))]


def reference_of(model: GenerativeModel, data: object, train: object) -> Reference:
    """Read the real items of a model.

    Args:
        model: fitted model.
        data, train: held-out and training items, as `splits_of` takes them.

    Raises:
        ZaohuaError: they aren't known.
    """
    splits = splits_of(model, data, None, train, needed_protocol(model, type(model).__name__))
    if splits.train is None:
        raise ZaohuaError("the training items aren't known")
    size = 1 if model.spec_.shape is None else model.spec_.size
    most = max(LEAST_ITEMS, min(MOST, NUMBERS // size))
    found = [_part(model, items, count) for items, count in ((splits.train, most), (splits.test, min(most, HELD_OUT)))]
    noun = "passages" if isinstance(model.codec_, TextCodec) else splits.noun
    return Reference(found[0], found[1], splits.data, splits.split, noun)


def _part(model: GenerativeModel, items: Any, most: int) -> tuple[Encoded, Sequence[Hashable] | None]:
    """Encode some items of a split; texts are divided into passages."""
    if isinstance(model.codec_, TextCodec):
        passages, labels = _passages(items, most)
        return model.encode_items(passages), labels
    some = items.some(most, 0)
    return Encoded(some.codes), some.labels


def _passages(items: Any, most: int) -> tuple[list[str], list[Hashable] | None]:
    """Divide texts into passages, evenly spread over all of them."""
    every = [
        (text[at : at + PASSAGE], i)
        for i, text in enumerate("".join(Corpus(items.values)).split(SEPARATOR)[:-1])
        for at in range(0, max(1, len(text) - PASSAGE // 2), PASSAGE)
    ]
    chosen = np.linspace(0, len(every) - 1, min(most, len(every), 4_000)).round().astype(int)
    labels = None if items.labels is None else [items.labels[every[k][1]] for k in chosen]
    return [every[k][0] for k in chosen], labels
