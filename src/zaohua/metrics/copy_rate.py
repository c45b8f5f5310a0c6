"""Copy rate: the fraction of samples that are nearer to training items than held-out real items are.

A sample is suspected if it lies closer to its nearest training item than all but about 1 % of held-out real items do to
theirs. That threshold is itself an estimate, and the test accounts for its uncertainty. Let it be the t-th smallest of
the distances of the m held-out items. If samples are distributed like held-out items, the number of the n samples below
the threshold is

    K ~ BetaBinomial(n, t, m + 1 - t)

whatever the distribution of distances is, because all orders of samples and held-out items are then equally likely.
Ties only lower K. Three such comparisons make the p value:

1. p1: the distance to the nearest training item, as above;
2. p2: the number of samples that are nearer to the training items than all of their own neighbours in a random half of
   the held-out items are, compared with the number for the other half (Fisher's exact test). A model that makes too
   many of the simplest items has many small distances without copying, but so do the real items similar to them;
3. p3: the number of exact copies of training items that aren't also copies of the held-out half, by the same test.

p = min(1, 2 min(p3, max(p1, p2))). Without copying, P(p <= a) <= a for every level a.

Meehan et al., A non-parametric test to detect data-copying in generative models, arXiv:2004.05675, compare samples,
training and test items in the same way, but by averages, in which a few copies go unnoticed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zaohua.metrics.features import Matrix, as_vectors, same_width
from zaohua.metrics.pairwise import nearest, squared_distances

FRACTION = 0.01
"""Fraction of held-out items that are below the threshold."""
NEIGHBOURS = 100
"""Held-out neighbours that a sample is compared with: by chance about one in 101 is nearer than all of them."""
ROUNDING = 1e-6
"""Items count as exact copies up to this fraction of the median distance of held-out items."""


@dataclass(frozen=True, eq=False)
class CopyRate:
    """Result of `copy_rate`: the number of samples suspiciously near to training items.

    Attributes:
        rate: fraction of samples that are nearer to the training items than the threshold, or are exact copies.
        expected: the rate expected of samples that are as new as held-out items.
        p: p value, under the hypothesis that samples are as new as held-out items.
        threshold: distance to the nearest training item below which a sample is suspected.
        exact: number of samples that are exact copies of training items, up to rounding.
        exact_expected: the number expected from the rate of exact copies among held-out items.
        suspects: indices of the suspected samples, nearest first.
        nearest: index of the nearest training item of each sample.
        distances: distance of each sample to that item.
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
    """Test whether samples are nearer to the training items than held-out items are.

    Args:
        samples: pixels or features, (n, ...).
        train: all training items, in the same form, (k, ...).
        test: held-out real items of the same distribution, (m, ...), at least 4.
        random_state: seed of the random split of `test` into halves.

    Raises:
        ZaohuaError: the arrays differ in width.
    """
    x, y, z = as_vectors(samples, "samples"), as_vectors(train, "train"), as_vectors(test, "test", least=4)
    same_width(x, y, z)
    order = np.random.default_rng(random_state).permutation(len(z))
    half, other = order[: len(z) // 2], order[len(z) // 2 :]
    index, distances = nearest(x, y)
    usual = nearest(z, y)[1]
    rounding = ROUNDING * float(np.median(usual))
    near, to_half = _nearer_than_neighbours(x, distances, z[half], usual[half])
    near_usual, to_half_usual = _nearer_than_neighbours(z[other], usual[other], z[half], usual[half])

    copied, copied_usual = distances <= rounding, usual <= rounding
    exact = _fisher(copied & (to_half > rounding), copied_usual[other] & (to_half_usual > rounding))
    threshold, nearer, expected = _below_threshold(distances, usual)
    p = min(1.0, 2 * min(exact, max(nearer, _fisher(near, near_usual))))
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


def _below_threshold(values: Matrix, usual: Matrix) -> tuple[float, float, float]:
    """Return the threshold, the p value of the number of values below it, and the fraction expected below it."""
    from scipy.stats import betabinom

    rank = max(1, int(FRACTION * (len(usual) + 1)))
    threshold = float(np.partition(usual, rank - 1)[rank - 1])
    count = int((values < threshold).sum())
    p = float(betabinom.sf(count - 1, len(values), rank, len(usual) + 1 - rank))
    return threshold, p, rank / (len(usual) + 1)


def _fisher(hits: NDArray[np.bool_], usual: NDArray[np.bool_]) -> float:
    """Return the p value of Fisher's one-sided exact test that `hits` are more frequent than `usual`."""
    from scipy.stats import hypergeom

    total = int(hits.sum() + usual.sum())
    return float(hypergeom.sf(int(hits.sum()) - 1, len(hits) + len(usual), total, len(hits)))


def _nearer_than_neighbours(
    x: np.ndarray, distances: Matrix, half: np.ndarray, usual: Matrix
) -> tuple[NDArray[np.bool_], Matrix]:
    """Return which items are nearer to the training items than all their neighbours in a held-out half are.

    Args:
        x: the items, (n, d).
        distances: their distances to the nearest training item, (n,).
        half: the held-out items, (m, d).
        usual: distances of these to the nearest training item, (m,).

    Returns:
        A mask (n,), and the distance of each item to the nearest one of the half, (n,).
    """
    near, to_half = np.empty(len(x), bool), np.empty(len(x))
    k = min(NEIGHBOURS, -(-len(half) // 2))
    for rows, squares in squared_distances(x, half):
        neighbours = np.argpartition(squares, k - 1, axis=1)[:, :k]
        near[rows] = distances[rows] < usual[neighbours].min(1)
        to_half[rows] = np.sqrt(squares.min(1))
    return near, to_half
