from __future__ import annotations

import numpy as np
import pytest
import torch

from zaohua.metrics import pairwise
from zaohua.metrics.kernel import kernel_distance


def draws(seed: int, n: int = 150, d: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def test_agrees_with_torchmetrics():
    from torchmetrics.image.kid import poly_mmd

    a, b = draws(0), 1.3 * draws(1) + 0.2
    assert kernel_distance(a, b) == pytest.approx(float(poly_mmd(torch.from_numpy(a), torch.from_numpy(b))), rel=1e-10)


def test_agrees_with_a_loop_for_unequal_numbers():
    a, b = draws(2, 7, 3), draws(3, 5, 3)

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y / 3 + 1) ** 3)

    within = [np.mean([k(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j]) for x in (a, b)]
    assert kernel_distance(a, b) == pytest.approx(sum(within) - 2 * np.mean([[k(x, y) for y in b] for x in a]))


def test_of_two_gaussians_is_the_analytic_value():
    """d = 1, N(0, 1) against N(1, 1): (xy + 1)^3 compares three moments, 3 (0-1)^2 + 3 (1-2)^2 + (0-4)^2 = 22."""
    values = [kernel_distance(draws(i, 400, 1) + 1, draws(1000 + i, 400, 1)) for i in range(100)]
    assert np.mean(values) == pytest.approx(22, abs=4 * np.std(values) / 10)
    assert np.std(values) < 5


def test_has_no_bias_and_may_be_negative():
    values = [kernel_distance(draws(i, 50), draws(1000 + i, 50)) for i in range(200)]
    assert min(values) < 0 < max(values)
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(200)


def test_does_not_depend_on_order_or_blocks_and_grows_with_noise(monkeypatch: pytest.MonkeyPatch):
    a, b = draws(4), draws(5)
    value = kernel_distance(a, b)
    assert kernel_distance(b[::-1], a) == pytest.approx(value, rel=1e-9)
    monkeypatch.setattr(pairwise, "BLOCK", 1000)
    assert kernel_distance(a, b) == pytest.approx(value, rel=1e-9)
    noisy = [kernel_distance(a + s * draws(6), b) for s in (0, 1, 2, 4)]
    assert noisy == sorted(noisy)
