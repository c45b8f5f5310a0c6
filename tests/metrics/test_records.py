from __future__ import annotations

import numpy as np
import pytest
from tests.tables import SIZES, rows

from zaohua.metrics.copy_rate import ACCUSED
from zaohua.metrics.intervals import wilson
from zaohua.metrics.records import closest_records, nearest_ranked, ranked, row_copies


def distance(a: np.ndarray, b: np.ndarray, known: np.ndarray, sizes: list[int]) -> float:
    """Gower's, one number at a time."""
    total = 0.0
    for c, size in enumerate(sizes):
        if size:
            total += a[c] != b[c]
        elif np.isnan(a[c]) or np.isnan(b[c]):
            total += np.isnan(a[c]) != np.isnan(b[c])
        else:
            values = known[~np.isnan(known[:, c]), c]
            rank = [((values < x[c]).sum() + (values <= x[c]).sum()) / 2 / len(values) for x in (a, b)]
            total += abs(rank[0] - rank[1])
    return total


def test_distances_are_gowers():
    x, y = rows(0, 30), rows(1, 50)
    found, at = nearest_ranked(ranked(x, y, SIZES), ranked(y, y, SIZES))
    brute = np.array([[distance(a, b, y, SIZES) for b in y] for a in x])
    assert found == pytest.approx(brute.min(1), abs=1e-5)
    assert brute[np.arange(30), at] == pytest.approx(brute.min(1), abs=1e-5)


def test_blocks_make_no_difference():
    x, y = (ranked(rows(seed, n), rows(9), SIZES) for seed, n in ((2, 300), (3, 5000)))
    found, at = nearest_ranked(x, y)
    for k in (0, 127, 128, 299):
        one, there = nearest_ranked(x[:, k : k + 1], y)
        assert (one[0], there[0]) == (found[k], at[k])


def test_new_rows_are_as_near_to_held_out_ones():
    found = closest_records(rows(4, 600), rows(5, 700), rows(6, 500), SIZES)
    assert found.fraction.low <= 0.5 <= found.fraction.high and found.compared == 500 and found.effective < 600


def test_p_is_small_no_more_often_than_it_says():
    """Real rows of both kinds by chance: p <= 0.1 in 6 of 60 on average, in more than 12 with a chance of 1 %."""
    found = [closest_records(rows(3 * i, 200), rows(3 * i + 1, 100), rows(3 * i + 2, 100), SIZES) for i in range(60)]
    assert sum(one.p <= 0.1 for one in found) <= 12
    assert sum(not one.fraction.low <= 0.5 <= one.fraction.high for one in found) <= 7
    assert np.mean([one.fraction.value for one in found]) == pytest.approx(0.5, abs=0.02)


def test_rows_near_training_rows_are_noticed():
    train = rows(7, 400, missing=0)
    near = train + np.array([1e-4, 1e-4, 0, 0])
    found = closest_records(near, train, rows(8, 400, missing=0), SIZES)
    assert found.fraction.value > 0.97 and found.p < 1e-20
    assert closest_records(rows(9, 400), train, train, SIZES).fraction.value == 0.5  # nothing but ties
    half = np.concatenate([near[:40], rows(10, 360, missing=0)])
    assert closest_records(half, train, rows(8, 400, missing=0), SIZES).fraction.value == pytest.approx(0.55, abs=0.06)


def test_categories_alone_tie():
    x = np.random.default_rng(0).integers(0, 2, (300, 2)).astype(float)
    found = closest_records(x, x, x[::-1], [2, 2])
    assert (found.fraction.value, found.fraction.low, found.fraction.high, found.p) == (0.5, 0.5, 0.5, 1.0)


def test_wilson_of_fractional_numbers():
    assert wilson(0.3, 10).low < wilson(0.3, 10.5).low < wilson(0.3, 11).low < 0.3


def test_planted_copies_are_found():
    train, test, made = rows(11, 500), rows(12, 500), rows(13, 500)
    made[3:20] = train[100:117]
    found = row_copies(made, train, test, SIZES)
    assert (found.rows == np.arange(3, 20)).all() and found.fraction == 17 / 500
    assert found.usual == 0 and found.p < 1e-4
    assert row_copies(rows(14), train, test, SIZES).p == 1


def test_copies_that_are_as_usual_are_no_sin():
    rng = np.random.default_rng(1)
    made, train, test = (rng.integers(0, 3, (400, 3)).astype(float) for _ in range(3))
    found = row_copies(made, train, test, [3, 3, 3])
    assert found.fraction == found.usual == 1 and found.p == 1


def test_missing_and_both_zeros_are_equal():
    train = np.array([[np.nan, 0.0], [1.0, 2.0]])
    found = row_copies(np.array([[-np.nan, -0.0], [1.0, 3.0]]), train, train[1:], [0, 0])
    assert found.rows.tolist() == [0] and (found.fraction, found.usual) == (0.5, 1.0)


def test_honest_models_of_few_rows_are_accused_in_at_most_1_of_100():
    """A normal distribution fitted to 60 rows is no copy of them, though it is nearer to them than to others."""
    accused = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        train, test = rng.normal(size=(60, 4)), rng.normal(size=(60, 4))
        samples = rng.multivariate_normal(train.mean(0), np.cov(train.T), 200)
        found = closest_records(samples, train, test, [0] * 4), row_copies(samples, train, test, [0] * 4)
        accused.append([one.p < ACCUSED for one in found])
    assert (np.sum(accused, axis=0) <= 1).all()
