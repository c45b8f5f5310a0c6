r"""LiRA: the likelihood of what a model tells of an item, if it was trained on it and if it wasn't.

`SHADOWS` models with the same settings are fitted to random halves of all candidates, so that each candidate is in
half of them, and to all further training items, so that they learn from as many as the model did. What models tell of
an item (`signals`, s) is taken for normal, with a mean for those that were trained on it and one for the others, and a
common variance. The score is

    log N(s; m_in, v) - log N(s; m_out, v)

Source: Carlini et al., "Membership Inference Attacks From First Principles", arXiv:2112.03570. With so few shadow
models the variance is that of all items, which the paper recommends.
"""

from __future__ import annotations

import numpy as np

from zaohua.tasks.audit import signals
from zaohua.tasks.audit.attack import Access
from zaohua.tasks.audit.refits import refitted, slow
from zaohua.tasks.audit.subject import Scores, Subject

SHADOWS, LEAST = 16, 4
"""Number of shadow models by default, and at least."""


class LiRA:
    """Likelihood ratio of what the model tells of an item, by shadow models.

    Args:
        shadows: number of shadow models; an odd one is dropped, and 0 leaves the attack out.
    """

    name = "LiRA"
    access: Access = "model"
    about = (
        "Shadow models of random halves of the items say what a model tells of an item that it was trained on, and of "
        "one that it wasn't."
    )

    def __init__(self, shadows: int = SHADOWS):
        self.shadows = shadows // 2 * 2

    def unable(self, subject: Subject) -> str:
        """Return why there is no likelihood, or why there are no shadow models."""
        if self.shadows < LEAST:
            return f"{LEAST} shadow models are needed at least, and {self.shadows} were asked for"
        return signals.unable(subject.model) or slow(subject.model, subject.sides)

    def scores(self, subject: Subject) -> Scores:
        """Fit the shadow models, and score the candidates."""
        n = min(len(subject.members), len(subject.others))
        pool = subject.members.take(np.arange(n)).joined(subject.others.take(np.arange(n)))
        rest = subject.members.take(np.arange(n, len(subject.members))).joined(subject.rest)
        included = halves(2 * n, self.shadows, subject.seed_of("shadows"))
        told = np.empty((self.shadows, 2 * n))
        for k, rows in enumerate(included):
            subject.log(f"shadow models: {k + 1} of {self.shadows}")
            items = pool.take(np.flatnonzero(rows)).joined(rest)
            shadow = refitted(subject.model, items, subject.seed_of(f"shadow {k}"))
            told[k] = signals.signal(shadow, pool)
        found = log_ratios(signals.signal(subject.model, pool), told, included)
        return Scores(found[:n], found[n:])


def halves(n: int, count: int, seed: int) -> np.ndarray:
    """Return `count` random halves of n items as masks, bool (count, n): each item is in half of them."""
    keys = np.random.default_rng(seed).random((count // 2, n))
    first = keys > np.median(keys, axis=1, keepdims=True)
    return np.concatenate([first, ~first])


def log_ratios(told: np.ndarray, shadows: np.ndarray, included: np.ndarray) -> np.ndarray:
    """Return the log of the ratio of both normal densities for each item, float64 (n,).

    Args:
        told: what the model tells, (n,).
        shadows: what each shadow model tells, (k, n).
        included: whether each was trained on the item, bool (k, n).
    """
    mean_in, mean_out = (
        np.where(mask, shadows, 0).sum(0) / np.maximum(1, mask.sum(0)) for mask in (included, ~included)
    )
    rest = shadows - np.where(included, mean_in, mean_out)
    variance = max(float((rest**2).sum() / max(1, rest.size - 2 * rest.shape[1])), np.finfo(np.float64).tiny)
    ratios: np.ndarray = ((told - mean_out) ** 2 - (told - mean_in) ** 2) / (2 * variance)
    return ratios
