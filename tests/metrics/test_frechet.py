from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.frechet import corrected_frechet, frechet_distance, frechet_from_moments


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


class Identity(torch.nn.Module):
    num_features = 12

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_agrees_with_torchmetrics():
    from torchmetrics.image.fid import FrechetInceptionDistance

    a, b = features(7), features(8, n=400)
    theirs = FrechetInceptionDistance(Identity())
    theirs.set_dtype(torch.float64)
    theirs.update(torch.from_numpy(a), real=False)
    theirs.update(torch.from_numpy(b), real=True)
    assert frechet_distance(a, b) == pytest.approx(float(theirs.compute()), rel=1e-5)


def test_grows_with_added_noise():
    a, rng = features(9), np.random.default_rng(0)
    noise = rng.normal(size=a.shape)
    distances = [frechet_distance(a + s * noise, a) for s in (0, 0.5, 1, 2, 4)]
    assert distances == sorted(distances) and distances[1] > 0.1


def test_the_corrected_distance_is_free_of_bias():
    """For one distribution the truth is 0, for these two it is |v|^2 = 1."""
    draws = [np.random.default_rng(i).normal(size=(2, 300, 8)) for i in range(30)]
    plain = [frechet_distance(a, b) for a, b in draws]
    null = [corrected_frechet(a, b, draws=4) for a, b in draws]
    shifted = [corrected_frechet(a + np.eye(8)[0], b, draws=4) for a, b in draws]
    assert np.mean(plain) > 0.1  # tr(C) (1/n + 1/m) (d/4 + 1) = 0.16
    assert abs(np.mean(null)) < 0.02 and min(null) < 0
    assert abs(np.mean(shifted) - 1) < 4 * np.std(shifted) / np.sqrt(len(draws))
    a, b = draws[0]
    assert corrected_frechet(a, b, random_state=3) == corrected_frechet(a, b, random_state=3)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((4, 3)), np.zeros((4, 2)), "equally wide"),
        (np.zeros((1, 3)), np.zeros((4, 3)), "at least two"),
        (np.full((4, 3), np.nan), np.zeros((4, 3)), "finite"),
    ],
)
def test_refuses_what_makes_no_sense(a: np.ndarray, b: np.ndarray, message: str):
    with pytest.raises(ZaohuaError, match=message):
        frechet_distance(a, b)
