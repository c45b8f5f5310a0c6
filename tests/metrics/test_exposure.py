"""Exposure of secrets: exact where all possible ones are scored, and by a distribution where they aren't."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import skewnorm

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.exposure import exposure


def test_of_all_possible_secrets_the_rank_counts():
    others = np.arange(1.0, 1000.0)
    assert exposure(0.0, others, 1000).bits == pytest.approx(math.log2(1000))
    found = exposure(3.5, others, 1000)
    assert (found.rank, found.method) == (4, "enumeration") and found.bits == pytest.approx(math.log2(250))
    assert exposure(5000.0, others, 1000).bits == pytest.approx(0)


def test_a_distribution_of_some_gives_about_the_exposure_of_all():
    all_of_them = skewnorm.rvs(1, size=2**16, random_state=0)
    secret = float(np.sort(all_of_them)[30])  # 31st of 65,536: 11 bits
    found = exposure(secret, all_of_them[:2000], 2**16)
    assert found.method == "skew-normal" and found.bits == pytest.approx(11, abs=2)
    assert exposure(-50.0, all_of_them[:2000], 2**16).bits == 16  # and never above what is possible


def test_a_secret_like_others_has_little():
    rng = np.random.default_rng(0)
    bits = [exposure(float(rng.normal()), rng.normal(size=300), 10**6).bits for _ in range(60)]
    assert np.mean(bits) == pytest.approx(1.44, abs=0.5)


def test_what_can_not_be_told():
    with pytest.raises(ZaohuaError, match="too few"):
        exposure(0.0, np.zeros(99), 1000)
    with pytest.raises(ZaohuaError, match="only 9 are possible"):
        exposure(0.0, np.zeros(10), 10)
    with pytest.raises(ZaohuaError, match="finite"):
        exposure(math.inf, np.zeros(9), 10)
