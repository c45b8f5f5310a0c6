from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from zaohua.metrics.bigram import Bigram, BigramClasses, are_classes


@pytest.mark.parametrize("strength", [1.0, 5.0])
def test_probabilities_are_smoothed_counts(strength: float) -> None:
    rng = np.random.default_rng(0)
    sequences = [rng.integers(0, 4, 30) for _ in range(5)]
    pairs = Counter(pair for one in sequences for pair in pairwise(one.tolist()))
    after, before = Counter[int](), Counter[int]()
    for (a, b), n in pairs.items():
        before[a], after[b] = before[a] + n, after[b] + n
    total = sum(pairs.values())
    single = {b: (after[b] + 1) / (total + 5) for b in range(5)}
    want = [
        -np.log((pairs[a, b] + strength * single[b]) / (before[a] + strength))
        for a, b in pairwise([0, 1, 2, 3, 4, 4, 0, 0])
    ]
    assert Bigram(5, sequences, strength).nats(np.array([0, 1, 2, 3, 4, 4, 0, 0])) == pytest.approx(want)


def test_they_add_up_to_one_and_know_what_follows() -> None:
    model = Bigram(4, [np.tile([0, 1, 2], 200)])
    sums = [sum(np.exp(-model.nats(np.array([a, b]))[0]) for b in range(4)) for a in range(4)]
    assert sums == pytest.approx([1, 1, 1, 1])
    assert model.nats(np.array([0, 1, 2, 0])).max() < 0.01 < 5 < model.nats(np.array([0, 2]))[0]


def test_classes_are_recognised_by_bayes_rule() -> None:
    """Two Markov chains, of which the rarer class needs more evidence."""
    rng = np.random.default_rng(0)
    items = [[np.array([3, *(rng.permutation(3).tolist() * 4 if i % 3 else [0, 1] * 6)])] for i in range(60)]
    labels = ["b" if i % 3 else "a" for i in range(60)]
    model = BigramClasses(4, items[:45], labels[:45])
    assert model.predict(items[45:]) == labels[45:]
    assert model.predict([[np.array([3])]]) == ["b"]  # the more frequent


@pytest.mark.parametrize(
    ("labels", "found"),
    [(["a", "b"] * 10, True), ([0, 1] * 10, True), (["a"] * 10, False), (list(range(50)), False), (None, False)],
)
def test_what_classes_are(labels: list[object] | None, found: bool) -> None:
    assert are_classes(labels) is found
    assert not are_classes([0.5, 1.5] * 10) and not are_classes([["a"], ["b"]] * 10)
