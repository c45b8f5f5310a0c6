"""Canaries in one run: the model is fitted again with canaries of which a coin decides which are in.

Whoever sees the model guesses the coins; how many are right says how large epsilon is at least (see
`zaohua.metrics.one_run`). A canary's score is what the new model tells of it, less what the audited one does, which saw
none of them; of models that tell nothing, how much nearer samples of the new one lie.

Canaries of tables are rows whose cells are drawn from training rows, each column by itself: odd enough to be noticed,
and without values that training didn't have. Others are items that weren't trained on.

Where a guarantee is for items that are replaced, the coin decides which of two canaries is in.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.one_run import EpsilonBound, epsilon_bound
from zaohua.modalities import pairs
from zaohua.modalities.files.items import FileItems
from zaohua.modalities.tables.codec import TableCodec
from zaohua.privacy.guarantee import REPLACE, Guarantee
from zaohua.tasks.audit import signals
from zaohua.tasks.audit.refits import refitted, slow
from zaohua.tasks.audit.sides import AuditedItems
from zaohua.tasks.audit.space import Space
from zaohua.tasks.audit.subject import Subject

MOST = 1000
"""Number of canaries by default, if there are as many training items; else as many as these."""


def unable(subject: Subject, count: int | None) -> str:
    """Return why there is no run with canaries; empty if there is.

    Args:
        subject: the model.
        count: number of canaries that was asked for; None by default, 0 for none.
    """
    if count == 0:
        return "no canaries were asked for"
    if isinstance(subject.sides.members.raw, FileItems):
        return "its items are in files, which aren't trained on again"
    why = Space.unable(subject.model) if signals.unable(subject.model) else ""
    return why or (slow(subject.model, subject.sides) if count is None else "")


def bound(subject: Subject, count: int | None, guarantee: Guarantee | None) -> EpsilonBound:
    """Fit the model with canaries, and compute the lower bound of epsilon that guessing them gives.

    Args:
        subject: the model.
        count: number of canaries; None chooses.
        guarantee: what the model promises, or None.
    """
    replaced = guarantee is not None and guarantee.neighbours == REPLACE
    number = min(MOST, len(subject.sides.members)) if count is None else count
    items = canaries(subject, number * (2 if replaced else 1))
    number = len(items) // (2 if replaced else 1)
    if number < 2:
        raise ZaohuaError(f"{number} canaries tell nothing: at least 2 are needed, and hundreds for a bound above 0")
    coins = np.random.default_rng(subject.seed_of("coins")).random(number) < 0.5
    included = np.concatenate([coins, ~coins]) if replaced else coins
    subject.log(f"fitting with {int(included.sum()):,} of {len(items):,} canaries")
    training = subject.sides.members.joined(items.take(np.flatnonzero(included)))
    found = _scores(subject, training, items)
    if replaced:
        found = found[:number] - found[number:]
    return epsilon_bound(found, coins, guarantee.delta if guarantee else 0.0, subject.seed_of("guesses"))


def canaries(subject: Subject, count: int) -> AuditedItems:
    """Make canaries: of tables rows with shuffled columns, else items that weren't trained on, as many as there are."""
    if not isinstance(subject.model.codec_, TableCodec):
        return subject.sides.others.drawn(count, subject.seed_of("canaries"))
    rng, rows = np.random.default_rng(subject.seed_of("canaries")), subject.sides.members
    labels = pairs.take(rows.labels, rng.integers(0, len(rows), count))
    return AuditedItems(_shuffled(rows.raw, count, rng), labels)


def _shuffled(rows: Any, count: int, rng: np.random.Generator) -> Any:
    """Return rows whose cells are drawn from each column by itself, in the same form."""
    if isinstance(rows, np.ndarray):
        return np.stack([column[rng.integers(0, len(rows), count)] for column in rows.T], axis=1)
    made = rows.iloc[rng.integers(0, len(rows), count)].reset_index(drop=True)
    for place in range(made.shape[1]):
        drawn = rows.iloc[rng.integers(0, len(rows), count), place].reset_index(drop=True)
        made.isetitem(place, drawn)
    return made


def _scores(subject: Subject, training: AuditedItems, items: AuditedItems) -> np.ndarray:
    """Return how much better a model that is fitted to `training` knows the canaries than the audited one does."""
    model = refitted(subject.model, training, subject.seed_of("run with canaries"))
    if not signals.unable(subject.model):
        return np.asarray(signals.signal(model, items) - signals.signal(subject.model, items))
    made = model.sample(subject.n_samples, random_state=subject.seed_of("samples with canaries"))
    vectors, space = subject.space.vectors(items.raw), subject.space
    before = space.distances(vectors, subject.vectors[2])
    return np.asarray(before - space.distances(vectors, space.vectors(made)))
