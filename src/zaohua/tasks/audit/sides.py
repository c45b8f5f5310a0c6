"""The two sides of an audit: items that a model was trained on, and others that it wasn't, of the same source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.notes import gathered
from zaohua.core.seeds import generator_of
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.columns import Tabular
from zaohua.estimator.tensors import Encoded
from zaohua.evaluation.protocol import EvaluationProtocol
from zaohua.evaluation.splits import Items, held_out_rows
from zaohua.modalities import pairs
from zaohua.modalities.texts.codec import TextCodec
from zaohua.modalities.texts.corpus import Corpus
from zaohua.modalities.texts.dialogues import is_dialogue
from zaohua.modalities.texts.held_out import divided
from zaohua.tasks.evaluation.protocols import splits_of
from zaohua.training.trainable import Trainable

PASSAGE = 512
"""Characters of the passages that longer texts are cut into."""
LEAST = 20
"""Minimum number of items of either side."""
KNOWN = 0.5
"""Share of the training items that a run must know by their hashes, if it keeps any."""


@dataclass(frozen=True, eq=False)
class AuditedItems(Items):
    """Real items as they were read, which models encode, and which can be trained on again.

    Attributes:
        raw: the items: a frame, an array, a list, or items in files.
        labels: one for each, or None.
        groups: index of the recording that each is a part of, int64 (n,); None if each is its own.
    """

    most = math.inf

    raw: Any
    labels: Any = None
    groups: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.raw)

    def take(self, rows: np.ndarray) -> AuditedItems:
        """Select the items at `rows`, in that order."""
        groups = None if self.groups is None else self.groups[rows]
        return replace(self, raw=pairs.take(self.raw, rows), labels=pairs.take(self.labels, rows), groups=groups)

    def drawn(self, n: int, random_state: int) -> AuditedItems:
        """Return n items in random order; all of them if there are at most n."""
        return self.take(generator_of(random_state).permutation(len(self))[:n])

    def encoded(self, model: GenerativeModel) -> Encoded:
        """Encode the items, and their conditions if the model has any."""
        with gathered():  # what there is to say was said when they were read
            return model.encode_items(self.raw, None if model.y_codec_ is None else self.labels)

    def learnt_by(self, model: GenerativeModel) -> GenerativeModel:
        """Fit a model to the items, and to their conditions if they have any; return it."""
        with gathered():
            if isinstance(model, Trainable):
                return model.fit(self.raw, self.labels, callbacks=())
            return model.fit(self.raw, self.labels)

    def joined(self, other: AuditedItems) -> AuditedItems:
        """Return these items and then those of another, without groups."""
        return AuditedItems(_joined(self.raw, other.raw), _joined(self.labels, other.labels))


class AuditProtocol(EvaluationProtocol[Any]):
    """Reader of the items of an audit; nothing is evaluated by it."""

    @classmethod
    def items(cls, model: Any, items: object, labels: object) -> AuditedItems:
        """Return real items that models can be trained on again, without labels that the model doesn't take."""
        labels = None if model.y_codec_ is None else labels
        if isinstance(model, Tabular) or isinstance(model.codec_, TextCodec):
            return AuditedItems(items, labels)
        _, own, parts = model.encode_labelled(items, labels)
        groups = next((g for g in (getattr(part, "groups", None) for part in (parts, own)) if g is not None), None)
        return AuditedItems(parts, own, groups)

    @classmethod
    def held_out(cls, models: Sequence[Any], learnt: Items) -> tuple[Items, Items] | None:
        """Divide the items of training into those that models were trained on, and those that were held out."""
        assert isinstance(learnt, AuditedItems)  # as `items` returns them
        if isinstance(models[0].codec_, TextCodec):
            found = divided(models, learnt.raw, learnt.labels)
            return found and (AuditedItems(found[0], found[2]), AuditedItems(found[1], found[3]))
        held, kept = held_out_rows(models, len(learnt), learnt.groups)
        return (learnt.take(kept), learnt.take(held)) if len(held) else None


@dataclass(frozen=True, eq=False)
class Sides:
    """Items of an audit.

    Attributes:
        members: items that the model was trained on.
        others: items that it wasn't trained on.
        data: name of the training data.
        against: name of the other items.
        noun: noun for the items, in the plural.
        remarks: what a reader should know of them.
    """

    members: AuditedItems
    others: AuditedItems
    data: str
    against: str
    noun: str
    remarks: tuple[str, ...] = ()


def sides_of(model: GenerativeModel, data: object = None, against: object = None) -> Sides:
    """Read the items that a model was trained on, and others, by what its run has recorded.

    Args:
        model: fitted model.
        data: its training data; needed only if these aren't known or were moved.
        against: items that it wasn't trained on. By default the test split of the training data, else the items that
            training held out.

    Raises:
        ZaohuaError: there are no other items, or `data` isn't what the model was trained on.
    """
    found = splits_of(model, against, None, data, AuditProtocol)
    members, others = found.train, found.test
    if found.split != "validation" and isinstance(model, Trainable) and model.validation_fraction:
        members = (AuditProtocol.held_out((model,), members) or (members,))[0]
    _check_known(model, members, others)
    noun = found.noun
    if isinstance(model.codec_, TextCodec):
        whole = len(members)
        members, others = (_passages(side) for side in (members, others))
        noun = noun if len(members) == whole else "passages"
    for name, side in (("training items", members), ("others", others)):
        if len(side) < LEAST:
            raise ZaohuaError(
                f"{len(side)} {name} are too few for an audit: at least {LEAST} are needed, and hundreds for figures "
                "that mean anything"
            )
    told = {"validation": "held out of training", "test": f"{found.data}, test split"}.get(found.split, found.data)
    return Sides(members, others, str((model.source_ or {}).get("X", found.data)), told, noun, _remarks(model))


def _check_known(model: GenerativeModel, members: AuditedItems, others: AuditedItems) -> None:
    """Raise a `ZaohuaError` if a run that remembers its items doesn't know the training items, or knows the others."""
    with gathered():
        seen = model.count_seen(members.encoded(model).codes)
        known = model.count_seen(others.encoded(model).codes)
    if seen is not None and seen.share < KNOWN:
        raise ZaohuaError(
            f"the model was trained on {seen.share:.0%} of these {len(members):,} items only: give what it was trained "
            f"on ({option('data')})"
        )
    if known is not None and known.accused and known.share > KNOWN:
        raise ZaohuaError(
            f"the model was trained on {known.share:.0%} of the {len(others):,} items that it shouldn't know: give "
            f"others ({option('against')})"
        )


def _remarks(model: GenerativeModel) -> tuple[str, ...]:
    """Return what a run folder gives away by itself."""
    if not model.seen_:
        return ()
    return (
        "The run folder keeps hashes of training items in model.json, so that evaluations notice them. Whoever has the "
        "folder and an item can ask whether it was trained on; the attacks here use what the model makes and computes.",
    )


def _passages(side: AuditedItems) -> AuditedItems:
    """Cut texts into passages of at most `PASSAGE` characters; texts with conditions stay whole."""
    texts = list(side.raw)
    if texts and is_dialogue(texts[0]):
        raise ZaohuaError("models of dialogues can't be audited: members of what they learn are answers, not texts")
    if side.labels is not None:
        return replace(side, raw=texts)
    pieces, owners = [], []
    for owner, text in enumerate(texts):
        text = "".join(Corpus([text])).rstrip("\uffff")
        parts = [text[at : at + PASSAGE] for at in range(0, max(1, len(text)), PASSAGE)]
        kept = [part for part in parts if len(part) == PASSAGE or len(parts) == 1]
        pieces += kept
        owners += [owner] * len(kept)
    return AuditedItems(pieces, None, np.array(owners) if 1 < len(texts) < len(pieces) else None)


def _joined(a: Any, b: Any) -> Any:
    """Join two collections of items or of labels of the same form."""
    if a is None:
        return None
    if hasattr(a, "iloc"):
        import pandas as pd

        return pd.concat([a, b], ignore_index=True)
    if isinstance(a, np.ndarray):
        return np.concatenate([a, np.asarray(b)])
    return [*a, *b]
