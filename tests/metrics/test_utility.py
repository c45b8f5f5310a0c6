from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, r2_score, roc_auc_score
from tests.tables import SIZES, apart, rows

from zaohua.core.errors import ZaohuaError
from zaohua.metrics import utility as module
from zaohua.metrics.utility import utility


def test_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 400)
    chances = rng.random((400, 3)) + np.eye(3)[truth] * 0.3
    chances /= chances.sum(1, keepdims=True)
    assert module._auc(chances, truth) == pytest.approx(roc_auc_score(truth, chances, multi_class="ovr"))
    guess = chances.argmax(1)
    assert module._f1(guess, truth) == pytest.approx(f1_score(truth, guess, average="macro"))
    assert module._r2(chances[:, 0], chances[:, 1]) == pytest.approx(r2_score(chances[:, 1], chances[:, 0]))


def test_real_rows_teach_what_columns_drawn_apart_dont():
    train, test = rows(0), rows(1)
    good, poor = utility(train, test, SIZES, 2), utility(apart(train), test, SIZES, 2)
    assert good["auc"].value > 0.99 and good["f1"].value > 0.95 and set(good) == {"auc", "f1"}
    assert abs(poor["auc"].value - 0.5) < 0.1 and poor["f1"].high < good["f1"].low
    assert all(one.low <= one.value <= one.high <= 1 for one in (*good.values(), *poor.values()))


def test_numbers_are_predicted_up_to_their_noise():
    """The second column is 0.8 of the first and 0.6 of something else: of its variance 0.64 can be explained."""
    train, test = (rows(seed, 4000, missing=0)[:, [0, 1, 3]] for seed in (2, 3))
    found = utility(train, test, [0, 0, 5], 1)
    assert set(found) == {"r2"} and 0.55 < found["r2"].value < 0.68
    assert found == utility(train, test, [0, 0, 5], 1)


def test_rows_that_lack_the_number_are_left_out():
    assert utility(rows(4), rows(5), SIZES, 0)["r2"].value > 0.4


def test_categories_that_the_rows_to_learn_from_lack():
    train, test = rows(6, 400), rows(7, 400)
    two = utility(train[train[:, 2] < 2], test, SIZES, 2)
    assert 0.6 < two["auc"].value < 1 and two["f1"].value < 0.75
    one = utility(train[train[:, 2] == 1], test, SIZES, 2)
    assert one["auc"].value == 0.5 and one["f1"].value == pytest.approx(
        f1_score(test[:, 2], np.ones(400), average="macro")
    )
    rare = train[train[:, 2] == 1]
    rare[0, 2] = 0
    assert np.isfinite(utility(rare, test, SIZES, 2)["auc"].value)


@pytest.mark.parametrize(
    ("change", "target", "message"),
    [
        (lambda x: x[:, :1], 0, "can't be predicted from others"),
        (lambda x: x[:19], 2, "at least 20"),
        (lambda x: np.where(np.arange(4) == 2, 1.0, x), 2, "the same value to predict: choose another"),
        (lambda x: np.where(np.arange(4) == 0, np.nan, x), 0, "have the number to predict"),
    ],
)
def test_what_cant_be_predicted(change, target: int, message: str):
    x = change(rows(8, 60))
    with pytest.raises(ZaohuaError, match=message):
        utility(x, x, SIZES[: x.shape[1]], target)
