"""Mixtures fitted to noisy counts."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from zaohua.families import private_marginals
from zaohua.families.private_marginals import PAIRS, Counts, OneWay, fit_pairs, joint_counts
from zaohua.privacy.zcdp import Budget


def linked(n: int) -> np.ndarray:
    """Three columns, of which the second equals the first in four of five rows, and 5 rows lack the third."""
    rng = np.random.default_rng(0)
    a = rng.integers(0, 3, n)
    c = rng.integers(0, 4, n)
    c[:5] = -1
    return np.stack([a, np.where(rng.random(n) < 0.8, a, rng.integers(0, 3, n)), c], axis=1)


def one_ways(groups: np.ndarray, sizes: list[int], variance: float = 1.0) -> list[OneWay]:
    counts = [np.bincount(x[x >= 0], minlength=size).astype(float) for x, size in zip(groups.T, sizes, strict=True)]
    return [OneWay(count, np.full(len(count), variance)) for count in counts]


def test_joint_counts_are_those_of_a_loop() -> None:
    groups, first = linked(60), np.array([0, 3, 6, 10])
    expected = np.zeros((10, 10))
    for row in groups:
        there = [first[c] + g for c, g in enumerate(row) if g >= 0]
        for i, j in itertools.product(there, there):
            expected[i, j] += 1
    assert (joint_counts(groups, first) == expected).all()
    sums = Counts(one_ways(groups, [3, 3, 4])).block_sums(expected)
    assert sums.tolist() == [[60, 60, 55], [60, 60, 55], [55, 55, 55]]


def test_counts_measured_twice_are_averaged_by_their_precisions() -> None:
    counts = Counts(one_ways(linked(50), [3, 3, 4]))
    counts.add(0, 1, np.full((3, 3), 4.0), 1.0)
    counts.add(0, 1, np.full((3, 3), 8.0), 3.0)
    where = counts.block(0, 1)
    np.testing.assert_allclose(counts.pairs[where], 5.0)
    np.testing.assert_allclose(counts.precision[where], 4 / 3, rtol=1e-6)


def test_what_is_linked_is_learnt_and_what_is_not_measured_is_no_link_by_chance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One pair is measured, the one that is linked; of the third column the penalty leaves hardly a link."""
    for name, steps in {"FIRST": 40, "EACH": 60, "LAST": 500}.items():
        monkeypatch.setattr(private_marginals, name, steps)
    groups, sizes = linked(4000), [3, 3, 4]
    truth = joint_counts(groups, np.array([0, 3, 6, 10])) / 4000
    links = {}
    for penalty in (0.0, 3000.0):
        monkeypatch.setattr(private_marginals, "SIMPLE", penalty)
        budget = Budget(0.05)
        weights, chances = fit_pairs(groups, one_ways(groups, sizes), 8, 1, budget, 0, random.Random(0))
        assert budget.left == pytest.approx(0, abs=1e-12) and set(budget.spent) == {PAIRS}
        joint, single = (chances * weights[:, None]).T @ chances, weights @ chances
        assert np.abs(joint - truth)[:3, 3:6].sum() < 0.06
        np.testing.assert_allclose(single, truth.diagonal(), atol=0.01)
        links[penalty] = np.abs(joint - np.outer(single, single))[6:, :6].sum()
    assert links[3000.0] < 0.3 * links[0.0]


def test_one_component_has_the_frequencies_themselves() -> None:
    groups, budget = linked(100), Budget(1.0)
    weights, chances = fit_pairs(groups, one_ways(groups, [3, 3, 4]), 1, 0, budget, 0)
    assert weights.tolist() == [1.0] and budget.spent == {}
    np.testing.assert_allclose(chances[0, :3], np.bincount(groups[:, 0]) / 100)
