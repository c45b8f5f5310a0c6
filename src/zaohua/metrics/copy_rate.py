"""Copy rate: samples that are much nearer to a training item than to any of equally many held-out real items.

Nearness alone proves nothing: smooth or simple items are near to one another, copied or not. So the held-out items play
the training items' part. The training items are divided at random into K parts of as many items as are held out. A
sample is a *hit* of a part if its nearest item there is at most half as far as its nearest held-out item, and a hit of
the held-out items against a part if it is the other way round. A model that is as near to held-out items as to
training items, as every model is that learnt the distribution and not the items, has as many hits of either kind: the
K + 1 sets are drawn from one distribution, and nothing tells them apart. Blur, simplicity and small sets change all of
them alike. A copy is a hit of its training item's part only.

Hits of the same real item count once, because samples that are alike, such as those of a collapsed model, hit the same
item together. With A different items hit in the K parts and B held-out items hit, on average over the parts,

    A | A + B  ~  Binomial(A + B, K / (K + 1))

without copying. The test is made for items at most a half (`NEAR`) and at most a twentieth (`SAME`) as far: few new
items pass the latter even where the distribution has few dimensions.

Exact copies are tested in a third way, which needs no large held-out set. If the k real items have R repeats among
their k (k - 1) / 2 pairs, then C different training items that equal some of the n samples, and no held-out item, are
compared with as many pairs of samples and training items: C | C + R ~ Binomial. Where real items often repeat
themselves (R > C / 4) repeats depend on one another, and this test isn't made.

p is three times the smallest of the three.

Meehan et al., A non-parametric test to detect data-copying in generative models, arXiv:2004.05675, compare samples,
training and test items, too, but by average distances, which blur decreases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zaohua.core.seeds import generator_of
from zaohua.metrics.features import Matrix, as_vectors, same_width
from zaohua.metrics.pairwise import nearest

NEAR, SAME = 1 / 2, 1 / 20
"""A sample is a hit if the distance to one set is at most this part of the distance to the other."""
ACCUSED = 1e-3
"""Below this p value copying is always reported."""
ROUNDING = 1e-6
"""Items count as exact copies up to this fraction of the median distance of held-out items to training items."""


@dataclass(frozen=True, eq=False)
class CopyRate:
    """Result of `copy_rate`: the number of samples that are suspiciously near to training items.

    Attributes:
        rate: fraction of samples that are hits of training items.
        expected: fraction of samples that would be by chance, since as many are hits of held-out items, in K parts.
        p: p value, under the hypothesis that samples are as near to training items as to held-out ones.
        exact: number of samples that are exact copies of training items, up to rounding, and not of held-out ones.
        suspects: indices of the hits, the nearest first relative to the distance to held-out items.
        nearest: index of the nearest training item of each sample.
        distances: distance of each sample to that item.
        held_out: distance of each sample to the nearest held-out item.
    """

    rate: float
    expected: float
    p: float
    exact: int
    suspects: NDArray[np.int64]
    nearest: NDArray[np.int64]
    distances: Matrix
    held_out: Matrix


def copy_rate(samples: ArrayLike, train: ArrayLike, test: ArrayLike, random_state: int = 0) -> CopyRate:
    """Test whether samples are much nearer to training items than to as many held-out items.

    Args:
        samples: pixels or features, (n, ...).
        train: all training items, in the same form, (k, ...).
        test: held-out real items of the same distribution, (m, ...), at least 4.
        random_state: seed of the division of the training items.

    Raises:
        ZaohuaError: the arrays differ in width.
    """
    x, y, z = as_vectors(samples, "samples"), as_vectors(train, "train"), as_vectors(test, "test", least=4)
    same_width(x, y, z)
    rng = generator_of(random_state)
    parts = -(-len(y) // len(z))
    size = len(y) // parts
    order = rng.permutation(len(y))[: parts * size].reshape(parts, size)
    at_held, to_held = nearest(x, z[rng.permutation(len(z))[:size]])
    each = [nearest(x, y[rows]) for rows in order]
    at_train, to_train = (
        np.stack([rows[at] for rows, (at, _) in zip(order, each, strict=True)]),
        np.stack([distances for _, distances in each]),
    )
    index, distances = nearest(x, y)
    rounding = ROUNDING * max(float(np.median(to_held)), np.finfo(np.float64).tiny)
    copied = (distances <= rounding) & (to_held > rounding)
    p = min(_p(at_train, to_train, at_held, to_held, part) for part in (NEAR, SAME))
    p = min(1.0, 3 * min(p, _p_exact(len(np.unique(index[copied])), len(x), len(y), np.concatenate([y, z]))))
    hits, usual = _hits(to_train, to_held, NEAR)
    suspected = hits.any(0) | copied
    suspects = np.flatnonzero(suspected)
    ratios = distances[suspects] / np.maximum(to_held[suspects], rounding)
    return CopyRate(
        float(suspected.mean()),
        float(1 - (1 - usual.mean()) ** parts),
        p,
        int(copied.sum()),
        suspects[np.argsort(ratios, kind="stable")],
        index,
        distances,
        to_held,
    )


def _hits(to_train: Matrix, to_held: Matrix, part: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which samples are hits of each part of the training items, and of the held-out ones instead, (K, n)."""
    apart = to_train != to_held
    return (to_train <= part * to_held) & apart, (to_held <= part * to_train) & apart


def _p(
    at_train: NDArray[np.int64], to_train: Matrix, at_held: NDArray[np.int64], to_held: Matrix, part: float
) -> float:
    """Return the p value of so many different training items among the items that are hit."""
    from scipy.stats import binom

    hits, usual = _hits(to_train, to_held, part)
    train = len(np.unique(at_train[hits]))
    held = round(float(np.mean([len(np.unique(at_held[row])) for row in usual])))
    return float(binom.sf(train - 1, train + held, len(hits) / (len(hits) + 1)))


def _p_exact(copies: int, n: int, k: int, real: np.ndarray) -> float:
    """Return the p value of this many training items that equal some of n samples.

    Args:
        copies: number of different training items that are copied.
        n: number of samples.
        k: number of training items.
        real: all real items, (k + m, d).
    """
    from scipy.stats import binom

    repeats = len(real) - len({row.tobytes() for row in real})
    if not copies or repeats > copies / 4:
        return 1.0
    pairs, real_pairs = n * k, len(real) * (len(real) - 1) / 2
    return float(binom.sf(copies - 1, copies + repeats, pairs / (pairs + real_pairs)))
