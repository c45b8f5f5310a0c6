"""How well scores tell training items from others, and how one of several attacks is chosen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.membership import clopper_pearson, membership, roc, worst


def normal(seed: int, shift: float = 0.0, m: int = 400, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(shift, 1, m), rng.normal(0, 1, n)


def test_the_area_and_the_rate_are_those_of_other_libraries():
    x, y = normal(0, 0.7)
    found = membership(x, y)
    assert found.auc.value == pytest.approx(roc_auc_score(np.repeat([1, 0], 400), np.concatenate([x, y])))
    above = int((x > np.sort(y)[-5]).sum())  # four of 400 others may lie above
    exact = binomtest(above, 400).proportion_ci(0.95, "exact")
    assert (found.rate.value, found.rate.low, found.rate.high) == pytest.approx((above / 400, exact.low, exact.high))
    assert found.p < 1e-6 and roc(x, y, [0.01, 1.0]).tolist() == [above / 400, 1.0]


def test_ends_of_exact_intervals():
    assert clopper_pearson(0, 20).low == 0 and clopper_pearson(20, 20).high == 1
    assert clopper_pearson(0, 20).high == pytest.approx(1 - 0.025 ** (1 / 20))


def test_intervals_cover_a_half_and_p_values_are_right_without_a_leak():
    found = [membership(*normal(seed, m=150, n=300)) for seed in range(120)]
    assert 0.9 <= np.mean([one.auc.low <= 0.5 <= one.auc.high for one in found]) < 1
    assert np.mean([one.p < 0.05 for one in found]) <= 0.08


def test_the_worst_of_many_attacks_accuses_nobody_once_it_is_corrected():
    """The maximum of eight attacks that tell nothing looks like a leak in a third of all audits, uncorrected."""
    plain, corrected = [], []
    for seed in range(30):
        scores = [normal(100 * seed + k, m=100, n=100) for k in range(8)]
        plain.append(min(membership(*one).p for one in scores) < 0.05)
        each = [membership(*one, tests=8) for one in scores]
        corrected.append(each[worst(each)].p < 0.05)
    assert np.mean(plain) > 0.2 and np.mean(corrected) <= 0.1


def test_few_items_told_for_certain_are_told_though_the_area_is_small():
    x, y = normal(0, m=1000, n=1000)
    x[:60] = 9
    found = membership(x, y)
    assert found.auc.value < 0.57 and found.rate.low > 0.04 and found.p < 1e-9


def test_ties_with_the_threshold_do_not_count():
    """A score of two values tells nothing at 1 % false alarms if more of the others than that have the higher one."""
    x, y = np.repeat([1.0, 0.0], [150, 50]), np.repeat([1.0, 0.0], [100, 100])
    assert membership(x, y).rate.value == 0
    assert membership(x, np.zeros(200)).rate.value == 0.75
    assert membership(np.zeros(50), np.zeros(200)).p == 1


def test_fewer_than_a_hundred_others_say_nothing_about_one_percent():
    assert membership(*normal(0, n=99)).rate is None and membership(*normal(0, n=100)).rate is not None


def test_impossible_items_are_allowed_and_nan_is_not():
    x, y = normal(0, 1)
    y[:200] = -np.inf
    assert membership(x, y).auc.value > 0.8
    y[0] = np.nan
    with pytest.raises(ZaohuaError, match="1 scores of other items are NaN"):
        membership(x, y)
    with pytest.raises(ZaohuaError, match="at least 10"):
        membership(x[:9], x)


def test_the_worst_is_the_highest_by_the_lower_end():
    few, many = membership(*normal(0, 1.2, 12, 12)), membership(*normal(1, 1.0, 2000, 2000))
    assert worst([few, many]) == 1
    with pytest.raises(ZaohuaError):
        worst([])
