"""Exact noise: distributed as stated, from the operating system alone."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import chisquare

from zaohua.privacy import mechanisms
from zaohua.privacy.mechanisms import SYSTEM, choose, discrete_gaussian, discrete_laplace, happens, noisy


def agrees(draws: list[int], weights: dict[int, float]) -> bool:
    """Whether draws are distributed by weights; a value of few expected draws counts with the rest."""
    total, n = sum(weights.values()), len(draws)
    often = [x for x, w in weights.items() if w / total * n >= 10]
    expected = np.array([weights[x] / total * n for x in often])
    found = np.array([draws.count(x) for x in often])
    expected, found = np.append(expected, n - expected.sum()), np.append(found, n - found.sum())
    return bool(chisquare(found[expected > 1], expected[expected > 1], sum_check=False).pvalue > 1e-4)


@pytest.mark.parametrize("variance", [Fraction(1, 16), Fraction(3), Fraction(421, 16)])
def test_noise_is_a_discrete_gaussian(variance: Fraction) -> None:
    rng = random.Random(1)
    draws = [discrete_gaussian(variance, rng) for _ in range(4000)]
    assert agrees(draws, {x: float(np.exp(-x * x / (2 * float(variance)))) for x in range(-40, 41)})


def test_laplace_noise_and_chances_are_as_stated() -> None:
    rng = random.Random(2)
    draws = [discrete_laplace(3, rng) for _ in range(4000)]
    assert agrees(draws, {x: float(np.exp(-abs(x) / 3)) for x in range(-60, 61)})
    for rate in (Fraction(0), Fraction(1, 3), Fraction(7, 3)):
        share = np.mean([happens(rate, rng) for _ in range(4000)])
        assert share == pytest.approx(np.exp(-float(rate)), abs=0.035)


def test_choices_are_those_of_the_exponential_mechanism() -> None:
    rng, scores = random.Random(3), [10, 12, 7, 12]
    draws = [choose(scores, 0.5, rng) for _ in range(4000)]
    assert agrees(draws, {i: float(np.exp(0.25 * score)) for i, score in enumerate(scores)})


def test_noisy_counts_cost_at_most_what_is_asked_for() -> None:
    for rho in (1e-4, 0.013, 3.0, 1e3):
        counts, variance = noisy(np.zeros((2, 3)), rho, random.Random(0))
        assert counts.shape == (2, 3)
        assert 1 / (2 * variance) <= rho * (1 + 1e-12)


def test_noise_comes_from_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known seeds of all generators change nothing: the same call has other noise."""
    assert isinstance(SYSTEM, random.SystemRandom)
    found = []
    for _ in range(2):
        random.seed(0)
        np.random.seed(0)
        found.append(noisy(np.zeros(20), 1e-3)[0].tolist())
    assert found[0] != found[1]
    monkeypatch.setattr(mechanisms.random.SystemRandom, "random", lambda self: 0.0)  # no floating-point draw is used
    assert len(set(noisy(np.zeros(20), 1e-3)[0].tolist())) > 1
