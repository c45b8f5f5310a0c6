"""Diversity: closed forms, and what it must not depend on."""

from __future__ import annotations

import numpy as np
import pytest

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.diversity import diversity

rng = np.random.default_rng(0)


def test_it_is_a_scale():
    x = rng.standard_normal((200, 5))
    assert diversity(x, x) == pytest.approx(1) and diversity(x * 0.3 + 7, x) == pytest.approx(0.3)
    assert diversity(np.zeros((9, 5)), x) == 0


def test_by_every_pair():
    x, y = rng.standard_normal((7, 3)), rng.standard_normal((9, 3))
    a, b = list("aabbbac"), list("aaabbbbbc")  # one real c has no pair

    def mean(z: np.ndarray, of: list[str], name: str) -> float:
        rows = [i for i, other in enumerate(of) if other == name]
        return float(np.mean([np.linalg.norm(z[i] - z[j]) for i in rows for j in rows if i != j]))

    expected = sum(n * mean(x, a, c) for c, n in (("a", 3), ("b", 5))) / sum(
        n * mean(y, b, c) for c, n in (("a", 3), ("b", 5))
    )
    assert diversity(x, y, a, b) == pytest.approx(expected)


def test_distances_between_classes_dont_count():
    real, near = (rng.standard_normal((100, 4)) for _ in range(2))
    classes = [0] * 50 + [1] * 50
    far = near + 1000 * np.array(classes)[:, None]
    assert diversity(far, real, classes, classes) == pytest.approx(diversity(near, real, classes, classes))
    assert diversity(far, real) > 100


def test_a_class_that_is_missing_counts_as_none():
    x = rng.standard_normal((100, 4))
    assert diversity(x, x, [0] * 100, [0] * 50 + [1] * 50) == pytest.approx(0.5, abs=0.1)


def test_refusals():
    x = rng.standard_normal((4, 2))
    with pytest.raises(ZaohuaError, match="4 items but 3 classes"):
        diversity(x, x, [0] * 3)
    with pytest.raises(ZaohuaError, match="no diversity to compare with"):
        diversity(x, np.zeros((4, 2)))
