from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from zaohua.metrics.bigram import Bigram


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
