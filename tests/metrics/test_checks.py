from __future__ import annotations

import numpy as np
import pytest

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.checks import flags


def draws(seed: int, n: int = 50, d: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def test_nothing_to_say_when_all_is_well():
    assert flags(draws(0), draws(1)) == flags(draws(0), draws(1), draws(2)) == []


def test_too_few_items():
    (line,) = flags(draws(0, 6), draws(1))
    assert line.startswith("6 samples for 6 features") and "\n" not in line
    assert flags(draws(0, 7), draws(1)) == []
    assert flags(draws(0), draws(1, 1))[0].startswith("1 real items for 6 features")


def test_constant_features():
    real = draws(1)
    real[:, :2] = 3
    (line,) = flags(draws(0), real)
    assert line.startswith("2 of 6 features are the same for all real items")


def test_one_distinct_sample():
    found = flags(np.tile(draws(0, 1), (50, 1)), draws(1))
    assert any("all 50 samples are the same" in line for line in found)


def test_all_copies_but_not_when_one_is_new():
    train = draws(2, 80)
    samples = train[20:70].copy()
    (line,) = flags(samples, draws(1), train)
    assert "all 50 samples are exact copies" in line
    samples[0] += 0.01
    assert flags(samples, draws(1), train) == []


def test_refuses_what_is_not_finite_or_of_another_width():
    with pytest.raises(ZaohuaError, match="samples hold values that are not finite"):
        flags(np.full((50, 6), np.nan), draws(1))
    with pytest.raises(ZaohuaError, match="equally wide"):
        flags(draws(0), draws(1), draws(2, d=5))
