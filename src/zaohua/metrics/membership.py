r"""How well scores tell the items that a model was trained on from others of the same distribution.

**The area under the ROC curve** says how well they do on average: 1/2 is chance. Its interval is DeLong's, and no
narrower than a single item would make it. The p value is that of the Mann-Whitney test.

**The true positive rate at a false positive rate of 1 %** says how many training items are told almost for certain,
which is what an attacker wants to know (Carlini et al., "Membership Inference Attacks From First Principles",
arXiv:2112.03570). The threshold lies above all but 1 % of the other items, and items that tie with it don't count. With
n others, of which k may lie above, and m training items, the number of training items above is without any leak

    at most   BetaBinomial(m, k + 1, n - k)

since all orders of the m + n scores are then equally likely: the p value accounts for the choice of the threshold. The
interval is Clopper and Pearson's for a given threshold. Fewer than 100 others say nothing about 1 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.auc import placements
from zaohua.metrics.features import Matrix
from zaohua.metrics.intervals import Interval

FALSE_POSITIVES = 0.01
"""Rate of others that are wrongly taken for training items."""
LEAST = 10
"""Minimum number of items of either side."""


@dataclass(frozen=True)
class Membership:
    """Result of `membership`.

    Attributes:
        auc: area under the ROC curve, with its interval.
        rate: true positive rate at a false positive rate of 1 %, with its interval; None of fewer than 100 others.
        p: p value of both being no better than chance.
        members: number of training items.
        others: number of other items.
    """

    auc: Interval
    rate: Interval | None
    p: float
    members: int
    others: int


def membership(members: ArrayLike, others: ArrayLike, tests: int = 1) -> Membership:
    """Measure how well scores tell training items from others.

    Args:
        members: scores of training items, (m,); a higher one says that an item was more likely trained on. Infinite
            scores are allowed.
        others: scores of other items of the same distribution, (n,).
        tests: number of attacks of which this one was chosen: intervals then hold for all of them at once, and the p
            value is multiplied (Bonferroni).

    Raises:
        ZaohuaError: scores are NaN, or too few.
    """
    from scipy.stats import betabinom, mannwhitneyu, norm

    x, y = scores_of(members, "training items"), scores_of(others, "other items")
    level = 0.05 / tests
    placed = placements(x, y)
    value = float(placed[0].mean())
    variance = placed[0].var(ddof=1) / len(x) + placed[1].var(ddof=1) / len(y)
    reach = float(norm.isf(level / 2)) * math.sqrt(max(float(variance), 1 / min(len(x), len(y)) ** 2))
    auc = Interval(value, max(0.0, value - reach), min(1.0, value + reach))
    constant = len(np.unique(np.concatenate([x, y]))) == 1
    p_values = [1.0 if constant else float(mannwhitneyu(x, y, alternative="greater").pvalue)]
    allowed, rate = math.floor(FALSE_POSITIVES * len(y)), None
    if allowed:
        threshold = np.sort(y)[-1 - allowed]
        above = int((x > threshold).sum())
        rate = clopper_pearson(above, len(x), level)
        p_values.append(float(betabinom.sf(above - 1, len(x), allowed + 1, len(y) - allowed)))
    return Membership(auc, rate, min(1.0, tests * len(p_values) * min(p_values)), len(x), len(y))


def clopper_pearson(count: int, n: int, level: float = 0.05) -> Interval:
    """Compute the exact interval of a fraction, `count` of n, that misses the truth with a probability of `level`."""
    from scipy.stats import beta

    low = 0.0 if count == 0 else float(beta.ppf(level / 2, count, n - count + 1))
    high = 1.0 if count == n else float(beta.isf(level / 2, count + 1, n - count))
    return Interval(count / n, low, high)


def roc(members: ArrayLike, others: ArrayLike, rates: ArrayLike) -> Matrix:
    """Return the true positive rates at some false positive rates, float64 (k,); ties don't count.

    Args:
        members: scores of training items, (m,).
        others: scores of other items, (n,).
        rates: false positive rates, from 0 to 1, (k,).
    """
    x, y = scores_of(members, "training items"), scores_of(others, "other items")
    allowed = np.floor(np.asarray(rates, np.float64) * len(y)).astype(np.int64)
    thresholds = np.append(-np.inf, np.sort(y))[len(y) - allowed]
    return np.asarray((x[:, None] > thresholds).mean(0), np.float64)


def worst(found: Sequence[Membership]) -> int:
    """Return the index of the most dangerous of several results: the highest area, by the lower end of its interval.

    If none of the areas is above chance, it is the one with the smallest p value.
    """
    if not found:
        raise ZaohuaError("there is no result to choose from")
    by_area = max(range(len(found)), key=lambda i: found[i].auc.low)
    return by_area if found[by_area].auc.low > 0.5 else min(range(len(found)), key=lambda i: found[i].p)


def scores_of(values: ArrayLike, name: str) -> Matrix:
    """Validate scores and return them as float64 (n,); infinite ones become the largest and smallest numbers."""
    x = np.asarray(values, np.float64)
    if x.ndim != 1 or len(x) < LEAST:
        raise ZaohuaError(f"scores of {name} are {x.shape}: at least {LEAST} in a row are needed")
    if np.isnan(x).any():
        raise ZaohuaError(f"{int(np.isnan(x).sum()):,} scores of {name} are NaN")
    return np.clip(x, np.finfo(np.float64).min, np.finfo(np.float64).max)
