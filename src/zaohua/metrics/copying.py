"""Copy rate: whether samples are nearer to the training items than new real items are, and which ones are.

A sample is nearer than usual if it lies closer to its nearest training item than about 1 % of held-out real items do to
theirs. That threshold is itself an estimate, so the test leaves it uncertain. If t of the m held-out items define it
(it is the t-th smallest of their distances), and samples are distributed like held-out items, the number of the n
samples below it is

    K ~ BetaBinomial(n, t, m + 1 - t)

whatever the distribution of distances is: all orders of samples and held-out items are then equally likely. Ties only
lower K. Three such comparisons make the p value:

1. the distance to the nearest training item;
2. its ratio to the distance to the nearest of a random half of the held-out items, compared with the same ratio of the
   other half. A model that makes too many of the simplest items, whose neighbours are all near, or too smooth ones, has
   many small distances, to the held-out items no less than to the training items: nearer is not copied;
3. the number of exact copies of training items, which aren't copies of the held-out half too, by Fisher's exact test.

p = min(1, 2 min(p3, max(p1, p2))). In honest samples it is at most a with a probability of at most a.

Meehan et al., A non-parametric test to detect data-copying in generative models, arXiv:2004.05675, compare samples,
training and test items likewise, but by averages, in which a few copies go under.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zaohua.metrics.features import Matrix, as_vectors, same_width
from zaohua.metrics.pairwise import nearest

SHARE = 0.01
"""Of held-out items, that may be nearer to the training items."""
ROUNDING = 1e-6
"""Distances up to this share of the usual one are those of exact copies."""


@dataclass(frozen=True, eq=False)
class CopyRate:
    """How many samples are suspiciously near to training items.

    Attributes:
        rate: share of samples nearer to the training items than the threshold, or exact copies.
        expected: the rate of samples that are as new as held-out items.
        p: probability of findings as strong as these for such samples.
        threshold: distance from which on a sample isn't suspected.
        exact: number of samples that are exact copies of training items, up to rounding.
        exact_expected: how many there would be if samples had as many as the held-out items.
        suspects: indices of suspected samples, nearest first.
        nearest: of each sample, the index of its nearest training item.
        distances: of each sample, to that item.
    """

    rate: float
    expected: float
    p: float
    threshold: float
    exact: int
    exact_expected: float
    suspects: NDArray[np.int64]
    nearest: NDArray[np.int64]
    distances: Matrix


def copy_rate(samples: ArrayLike, train: ArrayLike, test: ArrayLike, random_state: int = 0) -> CopyRate:
    """Compare samples with the items that the model was trained on.

    Args:
        samples: pixels or features, (n, ...).
        train: all items that the model was trained on, in the same form, (k, ...).
        test: held-out real items of the same distribution, (m, ...), at least 4.
        random_state: seed of the halving of `test`.

    Raises:
        ZaohuaError: the arrays aren't of one kind.
    """
    x, y, z = as_vectors(samples, "samples"), as_vectors(train, "train"), as_vectors(test, "test", least=4)
    same_width(x, y, z)
    order = np.random.default_rng(random_state).permutation(len(z))
    half, other = order[: len(z) // 2], order[len(z) // 2 :]
    index, distances = nearest(x, y)
    usual = nearest(z, y)[1]
    to_half, usual_to_half = nearest(x, z[half])[1], nearest(z[other], z[half])[1]

    rounding = ROUNDING * float(np.median(usual))
    copied, copied_usual = distances <= rounding, usual <= rounding
    threshold, near, expected = _fewer(distances, usual)
    _, relative, _ = _fewer(_ratio(distances, to_half), _ratio(usual[other], usual_to_half))
    exact = _more(copied & (to_half > rounding), copied_usual[other] & (usual_to_half > rounding))
    suspected = (distances < threshold) | copied
    suspects = np.flatnonzero(suspected)
    return CopyRate(
        float(suspected.mean()), expected, min(1.0, 2 * min(exact, max(near, relative))), threshold,
        int(copied.sum()), float(copied_usual.mean() * len(x)), suspects[np.argsort(distances[suspects])], index,
        distances,
    )  # fmt: skip


def _fewer(values: Matrix, usual: Matrix) -> tuple[float, float, float]:
    """The threshold from the usual values, the p value of so many values below it, and the share expected there."""
    from scipy.stats import betabinom

    rank = max(1, int(SHARE * (len(usual) + 1)))
    threshold = float(np.partition(usual, rank - 1)[rank - 1])
    count = int((values < threshold).sum())
    p = float(betabinom.sf(count - 1, len(values), rank, len(usual) + 1 - rank))
    return threshold, p, rank / (len(usual) + 1)


def _more(found: NDArray[np.bool_], usual: NDArray[np.bool_]) -> float:
    """The p value of so many found, given how many there are in both: one-sided Fisher's exact test."""
    from scipy.stats import hypergeom

    total = int(found.sum() + usual.sum())
    return float(hypergeom.sf(int(found.sum()) - 1, len(found) + len(usual), total, len(found)))


def _ratio(a: Matrix, b: Matrix) -> Matrix:
    """a / b, and 1 where both are 0: as near to the ones as to the others."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((a == 0) & (b == 0), 1.0, a / b)
