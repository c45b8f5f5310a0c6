from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from tests.tables import SIZES, apart, rows

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.auc import auc, placements
from zaohua.metrics.tree_two_sample import gaps, tree_two_sample


def test_area_and_its_variance():
    """With ties; the variance against scipy's of the Mann-Whitney statistic in simulation."""
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 9, 500).astype(float), rng.random(500) < 0.3
    scores[positive] += 1
    assert auc(scores, positive) == pytest.approx(roc_auc_score(positive, scores))
    draws = [(rng.normal(size=80) + 1, rng.normal(size=60)) for _ in range(500)]
    found = [placements(a, b) for a, b in draws]
    values = [a.mean() for a, _ in found]
    told = [a.var(ddof=1) / 80 + b.var(ddof=1) / 60 for a, b in found]
    assert np.allclose(values, [b.mean() for _, b in found])
    assert np.mean(told) == pytest.approx(np.var(values), rel=0.15)


def test_one_distribution_cannot_be_told_apart():
    found = tree_two_sample(rows(0), rows(1), SIZES)
    assert abs(found.auc.value - 0.5) < 0.04 and found.score.value > 0.9
    assert found.auc.low <= 0.5 <= found.auc.high and found.score.high == 1


def test_intervals_cover():
    """30 pairs of one distribution: intervals that cover in 95 % miss in 4 or more with a probability of 6 %."""
    found = [tree_two_sample(rows(2 * i, 120), rows(2 * i + 1, 120), SIZES, random_state=i) for i in range(30)]
    assert sum(not one.auc.low <= 0.5 <= one.auc.high for one in found) <= 3
    assert np.mean([one.auc.value for one in found]) == pytest.approx(0.5, abs=0.03)


def test_what_columns_tell():
    a, b = rows(2), rows(3)
    b[:, 3] = np.minimum(b[:, 3], 2)
    found = tree_two_sample(b, a, SIZES, importances=True)
    assert found.score.value < 0.7 and found.importances is not None and found.importances.argmax() == 3
    assert found.importances[3] > 5 * abs(found.importances[[0, 1, 2]]).max()


def test_columns_drawn_apart_are_told_apart():
    found = tree_two_sample(apart(rows(4)), rows(5), SIZES)
    assert found.auc.value > 0.85 and found.score.high < 0.35
    assert found.score.value == pytest.approx(1 - (2 * found.auc.value - 1))


def test_nothing_in_common_is_zero_but_not_beyond_doubt():
    found = tree_two_sample(rows(6, 200, 0) + [100, 0, 0, 0], rows(7, 200, 0), SIZES)
    assert found.auc.value == 1 and found.auc.low == pytest.approx(1 - 1.96 / 100, abs=1e-4)
    assert found.score.value == 0 < found.score.high


def test_differences_of_two_generators():
    real, good, poor = rows(8), rows(9), apart(rows(10))
    a, b = (tree_two_sample(x, real, SIZES) for x in (good, poor))
    gap = gaps((a.synthetic, a.real), (b.synthetic, b.real))
    assert gap.value == pytest.approx(a.score.value - b.score.value) and gap.low > 0
    other = tree_two_sample(rows(11), real, SIZES)
    twin = gaps((a.synthetic, a.real), (other.synthetic, other.real))
    assert twin.low < 0 < twin.high


def test_many_categories_missing_columns_and_the_seed():
    rng = np.random.default_rng(0)
    sizes = [1000, 0, 0]
    a, b = (np.column_stack([rng.integers(0, 1000, 300), np.full(300, np.nan), np.ones(300)]) for _ in range(2))
    found = tree_two_sample(a, b, sizes)
    assert found.auc == tree_two_sample(a, b, sizes).auc and 0.3 < found.auc.value < 0.7
    with pytest.raises(ZaohuaError, match="19 synthetic rows: at least 20"):
        tree_two_sample(a[:19], b, sizes)
