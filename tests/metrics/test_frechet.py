from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from zaohua.errors import ZaohuaError
from zaohua.metrics.frechet import frechet_distance, frechet_from_moments


def features(seed: int, n: int = 500, d: int = 12) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


def by_sqrtm(a: np.ndarray, b: np.ndarray) -> float:
    """The textbook formula, with scipy's matrix square root."""
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root))


def test_agrees_with_the_matrix_square_root():
    a, b = features(0), features(1)
    assert frechet_distance(a, b) == pytest.approx(by_sqrtm(a, b), rel=1e-9)


def test_of_two_gaussians_is_the_analytic_value():
    """For commuting covariances: |mu_a - mu_b|^2 + sum (sigma_a - sigma_b)^2."""
    mu, sigma = np.array([1.0, -2.0, 0.5]), np.array([0.1, 2.0, 3.0])
    expected = (mu**2).sum() + ((sigma - 1) ** 2).sum()
    assert frechet_from_moments(mu, np.diag(sigma**2), np.zeros(3), np.eye(3)) == pytest.approx(expected, rel=1e-12)


def test_of_samples_approaches_the_analytic_value():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(100_000, 4)), 2 * rng.normal(size=(100_000, 4)) + 1
    assert frechet_distance(a, b) == pytest.approx(4 + 4, rel=0.02)


def test_arrays_and_moments_agree():
    a, b = features(2), features(3)
    moments = frechet_from_moments(a.mean(0), np.cov(a.T), b.mean(0), np.cov(b.T))
    assert frechet_distance(a, b) == pytest.approx(moments, rel=1e-9)


def test_is_symmetric_zero_on_itself_and_invariant_to_order():
    a, b = features(4), features(5)
    order = np.random.default_rng(0).permutation(len(a))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-12)
    assert frechet_distance(a[order], b) == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_fewer_items_than_features():
    """Singular covariances: a set shifted by v is |v|^2 away from itself, exactly."""
    a = features(6, n=5, d=40)
    assert frechet_distance(a, a + 0.5) == pytest.approx(40 * 0.25, rel=1e-9)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((4, 3)), np.zeros((4, 2)), "one kind"),
        (np.zeros((1, 3)), np.zeros((4, 3)), "at least two"),
        (np.full((4, 3), np.nan), np.zeros((4, 3)), "finite"),
    ],
)
def test_refuses_what_makes_no_sense(a: np.ndarray, b: np.ndarray, message: str):
    with pytest.raises(ZaohuaError, match=message):
        frechet_distance(a, b)
