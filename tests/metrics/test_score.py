from __future__ import annotations

import math

import numpy as np
import pytest

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.score import classifier_score


def test_agrees_with_a_loop():
    p = np.random.default_rng(0).dirichlet(np.ones(4), 50)
    marginal = [sum(row[j] for row in p) / 50 for j in range(4)]
    total = sum(row[j] * math.log(row[j] / marginal[j]) for row in p for j in range(4))
    assert classifier_score(p) == pytest.approx(math.exp(total / 50), rel=1e-12)


def test_is_the_number_of_classes_for_sure_answers_and_one_for_equal_ones():
    assert classifier_score(np.eye(7)) == pytest.approx(7)
    entropy = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    assert classifier_score(np.eye(7)[[0, 0, 0, 3]]) == pytest.approx(math.exp(entropy))
    assert classifier_score(np.tile([0.2, 0.8], (9, 1))) == pytest.approx(1)


@pytest.mark.parametrize("p", [[[0.5, 0.6]], [[-0.5, 1.5]]])
def test_refuses_what_are_no_probabilities(p: list[list[float]]):
    with pytest.raises(ZaohuaError, match="sum to 1"):
        classifier_score(p)
