"""Random numbers from a key."""

from __future__ import annotations

import numpy as np
from scipy import stats

from zaohua.privacy.secret import Secret


def test_keys_differ_and_are_never_shown() -> None:
    one, other = Secret.fresh(), Secret.fresh()
    assert len(one.key) == 16 and one.key != other.key
    assert one.key.hex() not in repr(one) and str(one.key) not in repr(one)
    assert (one.bits(4, "a") != other.bits(4, "a")).all()


def test_numbers_are_a_function_of_key_and_name() -> None:
    secret = Secret(b"k" * 16)
    assert np.array_equal(secret.bits(5, "a", 1), Secret(b"k" * 16).bits(9, "a", 1)[:5])
    assert not np.array_equal(secret.normal(5, "a", 1), secret.normal(5, "a", 2))
    assert secret.seed("x") == secret.seed("x") >= 0


def test_normal_numbers_are_normal_and_independent() -> None:
    found = Secret(b"k" * 16).normal(100_000, "noise")
    assert stats.kstest(found, "norm").pvalue > 0.01
    assert abs(np.corrcoef(found[:50_000], found[50_000:])[0, 1]) < 0.02


def test_items_are_chosen_independently() -> None:
    secret, rate = Secret(b"k" * 16), 0.2
    drawn = np.zeros((2000, 50))
    for step in range(2000):
        drawn[step, secret.chosen(50, rate, "items", step)] = 1
    sizes = drawn.sum(1)
    assert abs(sizes.mean() - 10) < 0.3 and abs(sizes.var() - 8) < 1  # binomial, not constant
    assert np.abs(np.cov(drawn.T) - np.eye(50) * rate * (1 - rate)).max() < 0.03
    assert secret.chosen(5, 1.0, "all").tolist() == [0, 1, 2, 3, 4] and not len(secret.chosen(5, 0.0, "none"))
