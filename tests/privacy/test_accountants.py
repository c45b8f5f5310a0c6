"""What noisy steps cost, against published figures and Opacus' own."""

from __future__ import annotations

import sys

import pytest

from zaohua.core.errors import ZaohuaError
from zaohua.privacy.accountants import noise_for, spent


@pytest.mark.parametrize(
    ("sigma", "rate", "steps", "rdp", "prv"),
    [(1.1, 256 / 60000, 14_062, 2.597, 2.392), (1.0, 0.01, 1000, 2.101, 1.838)],
)
def test_costs_are_those_of_opacus(sigma: float, rate: float, steps: int, rdp: float, prv: float) -> None:
    assert spent(sigma, rate, steps, 1e-5, "rdp") == pytest.approx(rdp, abs=1e-3)
    assert spent(sigma, rate, steps, 1e-5) == pytest.approx(prv, abs=1e-3)
    assert spent(sigma, rate, 0, 1e-5) == 0


@pytest.mark.parametrize(
    ("sigma", "rate", "steps"), [(0.6, 0.001, 300), (2.0, 0.03, 1500), (8.0, 0.2, 100), (20.0, 1.0, 30)]
)
def test_moments_never_promise_more_than_the_tight_count(sigma: float, rate: float, steps: int) -> None:
    assert spent(sigma, rate, steps, 1e-5, "rdp") >= spent(sigma, rate, steps, 1e-5) - 0.02
    # two accounts of the same Gaussian noise, where nothing is left to chance
    assert spent(sigma, rate, steps, 1e-5) < spent(sigma, rate, 2 * steps, 1e-5)


@pytest.mark.parametrize(
    ("epsilon", "rate", "steps"), [(10.0, 0.05, 300), (0.1, 0.1, 20), (8.0, 1.0, 3)]
)
def test_the_least_noise_keeps_to_the_budget(epsilon: float, rate: float, steps: int) -> None:
    sigma = noise_for(epsilon, 1e-5, rate, steps)
    error = min(0.01, epsilon / 100)
    assert spent(sigma, rate, steps, 1e-5, error=error) <= epsilon < spent(0.98 * sigma, rate, steps, 1e-5, error=error)


def test_a_budget_that_no_noise_keeps_is_refused() -> None:
    with pytest.raises(ZaohuaError, match="too little for 1,000,000 steps"):
        noise_for(1e-3, 1e-9, 1.0, 1_000_000)


def test_without_opacus_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opacus.accountants", None)
    with pytest.raises(ZaohuaError, match=r"pip install zaohua\[privacy\]"):
        spent(1.0, 0.1, 10, 1e-5)
