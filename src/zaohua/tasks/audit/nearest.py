"""Nearness: items that were trained on lie nearer to samples than others do."""

from __future__ import annotations

import functools

import numpy as np

from zaohua.tasks.audit.attack import Access
from zaohua.tasks.audit.sides import AuditedItems
from zaohua.tasks.audit.space import Space
from zaohua.tasks.audit.subject import Fold, Scores, Subject


class Nearest:
    """Minus the distance to the nearest sample."""

    name = "nearest sample"
    access: Access = "samples"
    about = "The nearer a sample, the more likely an item was trained on."

    def unable(self, subject: Subject) -> str:
        """Return why there are no distances."""
        return Space.unable(subject.model)

    def scores(self, subject: Subject) -> Scores:
        """Return minus the distances."""
        return subject.nearness


class CalibratedNearest(Nearest):
    """The distance to the nearest of other real items, minus that to the nearest sample.

    Where many items are alike, all have a sample nearby; the other items say how many are alike. After van Breugel et
    al., "Membership Inference Attacks against Synthetic Data through Overfitting Detection", arXiv:2302.12580, which
    compares densities.
    """

    name = "calibrated nearest sample"
    access: Access = "samples"
    about = "The nearer a sample is than other real items are, the more likely an item was trained on."

    def scores(self, subject: Subject) -> Scores:
        """Return differences of distances."""

        @functools.cache
        def reference(number: int) -> np.ndarray:
            return subject.space.vectors(subject.folds[number].reference.raw)

        def score(number: int, fold: Fold, items: AuditedItems, rows: np.ndarray, are_members: bool) -> np.ndarray:
            side = 0 if are_members else 1
            beside = subject.space.distances(subject.vectors[side][rows], reference(number))
            found: np.ndarray = beside + subject.nearness[side][rows]
            return found

        return subject.by_fold(score)
