"""The model under audit, the items that attacks are tried on, and what attacks share: samples, distances, refits."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from zaohua.core.noise import derive_seed
from zaohua.estimator.base import GenerativeModel
from zaohua.tasks.audit.refits import refitted
from zaohua.tasks.audit.sides import AuditedItems, Sides
from zaohua.tasks.audit.space import Space
from zaohua.tasks.evaluation import cost

CANDIDATES = 2000
"""Maximum number of items of either side that attacks are tried on."""
REFERENCE = 5000
"""Maximum number of other items that attacks are calibrated by."""


class Scores(NamedTuple):
    """Scores of the candidates: a higher one says that an item was more likely trained on.

    Attributes:
        members: of items that were, float64 (m,).
        others: of items that weren't, float64 (n,).
    """

    members: np.ndarray
    others: np.ndarray


@dataclass(frozen=True, eq=False)
class Fold:
    """Half of the candidates, and other items beside these that attacks are calibrated by.

    Attributes:
        members: indices of the members of this half, int64 (k,).
        others: indices of the others of this half.
        reference: items that weren't trained on and are no candidates of this half.
    """

    members: np.ndarray
    others: np.ndarray
    reference: AuditedItems


class Subject:
    """A model under audit.

    Args:
        model: fitted model.
        sides: items that it was trained on, and others.
        n_samples: number of samples to draw.
        random_state: seed of everything that is drawn.
        samples: items that were released instead of samples that are drawn now, as they were read; None to draw.
        log: function that is told what is being done.

    Attributes:
        members: candidates that were trained on.
        rest: further items that were trained on.
        others: as many candidates at most that weren't.
    """

    def __init__(
        self,
        model: GenerativeModel,
        sides: Sides,
        n_samples: int,
        random_state: int = 0,
        samples: Any = None,
        log: Callable[[str], None] = lambda line: None,
    ):
        self.model, self.sides, self.n_samples, self.seed, self.log = model, sides, n_samples, random_state, log
        learnt = sides.members.drawn(len(sides.members), self.seed_of("members"))
        self.members = learnt.take(np.arange(min(CANDIDATES, len(learnt))))
        self.rest = learnt.take(np.arange(len(self.members), len(learnt)))
        self._pool = sides.others.drawn(len(sides.others), self.seed_of("others"))
        self.others = self._pool.take(np.arange(min(CANDIDATES, len(self._pool))))
        self._given = samples

    def seed_of(self, name: str) -> int:
        """Return a seed of one of the things that are drawn."""
        return derive_seed(self.seed, "audit", name) % 2**31

    @functools.cached_property
    def samples(self) -> Any:
        """Items that the model made, as it makes them."""
        if self._given is not None:
            return self._given
        y_codec, y = self.model.y_codec_, None
        if y_codec is not None and y_codec.log_prior() is None:  # conditions can't be drawn, so they are real ones
            both = self.members.joined(self.others)
            rows = np.random.default_rng(self.seed_of("conditions")).integers(0, len(both), self.n_samples)
            y = list(both.take(rows).labels)
        self.log(f"sampling {self.n_samples:,}")
        blocks = cost.sample(self.model, self.n_samples, y, self.seed_of("samples"))[0]
        return functools.reduce(lambda a, b: AuditedItems(a).joined(AuditedItems(b)).raw, blocks)

    # ---- distances

    @functools.cached_property
    def space(self) -> Space:
        """Distances between the model's items."""
        return Space(self.model, self.sides.members.drawn(REFERENCE, self.seed_of("members")).raw)

    @functools.cached_property
    def vectors(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vectors of the members, the others and the samples."""
        members, others, samples = (
            self.space.vectors(items) for items in (self.members.raw, self.others.raw, self.samples)
        )
        return members, others, samples

    @functools.cached_property
    def nearness(self) -> Scores:
        """Minus the distance of each candidate to the nearest sample."""
        members, others, samples = self.vectors
        return Scores(-self.space.distances(members, samples), -self.space.distances(others, samples))

    # ---- what is fitted besides

    @functools.cached_property
    def folds(self) -> tuple[Fold, Fold]:
        """Both halves of the candidates."""
        members, others = (np.arange(len(side)) for side in (self.members, self.others))
        rest = np.arange(len(others), min(len(self._pool), REFERENCE))
        found = []
        for half in (0, 1):
            others_too = self._pool.take(np.concatenate([others[1 - half :: 2], rest]))
            found.append(Fold(members[half::2], others[half::2], others_too))
        return found[0], found[1]

    @functools.cached_property
    def references(self) -> tuple[GenerativeModel, GenerativeModel]:
        """For each fold a model with the same settings, fitted to its reference."""
        self.log("fitting models of other items")
        first, second = (
            refitted(self.model, fold.reference, self.seed_of(f"reference {i}")) for i, fold in enumerate(self.folds)
        )
        return first, second

    def by_fold(self, score: Callable[[int, Fold, AuditedItems, np.ndarray, bool], np.ndarray]) -> Scores:
        """Score the candidates of each fold by itself.

        Args:
            score: function (number of the fold, the fold, its candidates of one side, their indices, whether they are
                members) -> their scores.
        """
        out = Scores(np.empty(len(self.members)), np.empty(len(self.others)))
        for number, fold in enumerate(self.folds):
            out.members[fold.members] = score(number, fold, self.members.take(fold.members), fold.members, True)
            out.others[fold.others] = score(number, fold, self.others.take(fold.others), fold.others, False)
        return out
