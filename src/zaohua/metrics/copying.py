"""Copy rate: whether samples are nearer to the training items than new real items are, and which ones are.

A sample is nearer than usual if it lies closer to its nearest training item than about 1 % of held-out real items do to
theirs. That threshold is itself an estimate, so the test leaves it uncertain. If t of the m held-out items define it
(it is the t-th smallest of their distances), and samples are distributed like held-out items, the number of the n
samples below it is

    K ~ BetaBinomial(n, t, m + 1 - t)

whatever the distribution of distances is: all orders of samples and held-out items are then equally likely. Ties only
lower K. Three such comparisons make the p value:

1. the distance to the nearest training item;
2. how many samples are nearer to the training items than all of their own neighbours among a random half of the
   held-out items are, against how many items of the other half are (Fisher's exact test). A model that makes too many
   of the simplest items has many small distances, but so do the real items that these look like: it hasn't copied;
3. the number of exact copies of training items, which aren't copies of the held-out half too, by the same test.

p = min(1, 2 min(p3, max(p1, p2))). In honest samples it is at most a with a probability of at most a.

Meehan et al., A non-parametric test to detect data-copying in generative models, arXiv:2004.05675, compare samples,
training and test items likewise, but by averages, in which a few copies go under.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zaohua.metrics.features import Matrix, as_vectors, same_width
from zaohua.metrics.pairwise import nearest, squared_distances

SHARE = 0.01
"""Of held-out items, that may be nearer to the training items."""
NEIGHBOURS = 100
"""Held-out items that a sample is compared with: about one in 101 is nearer to the training items than all of them."""
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
    rounding = ROUNDING * float(np.median(usual))
    near, to_half = _beside(x, distances, z[half], usual[half])
    near_usual, to_half_usual = _beside(z[other], usual[other], z[half], usual[half])

    copied, copied_usual = distances <= rounding, usual <= rounding
    exact = _more(copied & (to_half > rounding), copied_usual[other] & (to_half_usual > rounding))
    threshold, nearer, expected = _nearer(distances, usual)
    p = min(1.0, 2 * min(exact, max(nearer, _more(near, near_usual))))
    suspected = (distances < threshold) | copied
    suspects = np.flatnonzero(suspected)
    return CopyRate(
        float(suspected.mean()),
        expected,
        p,
        threshold,
        int(copied.sum()),
        float(copied_usual.mean() * len(x)),
        suspects[np.argsort(distances[suspects])],
        index,
        distances,
    )


def _nearer(values: Matrix, usual: Matrix) -> tuple[float, float, float]:
    """The threshold from the usual distances, the p value of so many below it, and the share expected there."""
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


def _beside(x: NDArray[Any], distances: Matrix, half: NDArray[Any], usual: Matrix) -> tuple[NDArray[np.bool_], Matrix]:
    """Whether items are nearer to the training items than all their neighbours in a half are; distances to the half."""
    near, to_half = np.empty(len(x), bool), np.empty(len(x))
    k = min(NEIGHBOURS, -(-len(half) // 2))
    for rows, squares in squared_distances(x, half):
        neighbours = np.argpartition(squares, k - 1, axis=1)[:, :k]
        near[rows] = distances[rows] < usual[neighbours].min(1)
        to_half[rows] = np.sqrt(squares.min(1))
    return near, to_half
