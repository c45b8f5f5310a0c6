"""Likelihood: a model knows the items better that it was trained on, also in comparison with a model of others."""

from __future__ import annotations

import zlib

import numpy as np

from zaohua.modalities.texts.codec import TextCodec
from zaohua.tasks.audit import signals
from zaohua.tasks.audit.attack import Access
from zaohua.tasks.audit.refits import slow
from zaohua.tasks.audit.sides import AuditedItems
from zaohua.tasks.audit.subject import Fold, Scores, Subject


class Likelihood:
    """How likely the model takes an item for; of diffusion and flow models, how well it removes noise from it."""

    name = "likelihood"
    access: Access = "model"
    about = (
        "The likelier an item to the model, or the better it removes noise from it, the more likely it was trained on."
    )

    def unable(self, subject: Subject) -> str:
        """Return why the model tells nothing of an item."""
        return signals.unable(subject.model)

    def scores(self, subject: Subject) -> Scores:
        """Return the signal of each item."""
        return Scores(*(signals.signal(subject.model, side) for side in (subject.members, subject.others)))


class LikelihoodRatio:
    """The likelihood, less that by a model with the same settings that was fitted to other items."""

    name = "likelihood ratio"
    access: Access = "model"
    about = "The likelier an item is to the model than to one of other items, the more likely it was trained on."

    def unable(self, subject: Subject) -> str:
        """Return why there is no likelihood, or no other model."""
        return signals.unable(subject.model) or slow(subject.model, subject.sides)

    def scores(self, subject: Subject) -> Scores:
        """Return differences of the signals of both models."""

        def score(number: int, fold: Fold, items: AuditedItems, rows: np.ndarray, are_members: bool) -> np.ndarray:
            told, by_others = (signals.signal(model, items) for model in (subject.model, subject.references[number]))
            return np.asarray(told - by_others)

        return subject.by_fold(score)


class Compressed:
    """Of texts: the likelihood in comparison with how well zlib compresses the text.

    Source: Carlini et al., "Extracting Training Data from Large Language Models", arXiv:2012.07805.
    """

    name = "likelihood against zlib"
    access: Access = "model"
    about = "The fewer bits a text takes by the model than by zlib, the more likely it was trained on."

    def unable(self, subject: Subject) -> str:
        """Return why zlib can't be compared with."""
        return "" if isinstance(subject.model.codec_, TextCodec) else "it is for texts"

    def scores(self, subject: Subject) -> Scores:
        """Return minus the ratio of both numbers of bits."""

        def ratios(side: AuditedItems) -> np.ndarray:
            bits = np.array([8 * len(zlib.compress(text.encode(), 9)) for text in side.raw])
            sizes = np.array([len(text.encode()) for text in side.raw])
            found: np.ndarray = signals.signal(subject.model, side) * sizes / bits
            return found

        return Scores(ratios(subject.members), ratios(subject.others))
