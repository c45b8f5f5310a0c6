"""The multivariate normal distribution, the simplest baseline of any data."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from zaohua.core.json import Json
from zaohua.core.noise import Noise
from zaohua.families.density import Density, Parameters
from zaohua.modalities.images.codec import ImageCodec


class Gaussian(Density[ImageCodec]):
    """Normal distribution with full covariance, fitted by maximum likelihood.

    Paper: C. F. Gauss, "Theoria combinationis observationum erroribus minimis obnoxiae", 1823.
    """

    tiny: ClassVar[Json] = {}

    def estimate(self, x: np.ndarray) -> Parameters:
        """Return the mean and the lower Cholesky factor of the covariance."""
        mean = x.mean(0)
        cov = (x - mean).T @ (x - mean) / len(x)
        return {"mean": mean, "factor": cholesky(cov + self.bin_variance * np.eye(x.shape[1]), lower=True)}

    def memory_for(self, n: int, size: int) -> float:
        """Return the bytes of the items, of the covariance and of its factor."""
        return super().memory_for(n, size) + 2 * 8.0 * size**2

    def log_density(self, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """Return -1/2 |L^-1 (x - m)|^2 - log det L - D/2 log 2 pi."""
        factor = parameters["factor"]
        z = solve_triangular(factor, (x - parameters["mean"]).T, lower=True)
        log_p: np.ndarray = -0.5 * (z**2).sum(0) - np.log(np.diag(factor)).sum() - 0.5 * x.shape[1] * np.log(2 * np.pi)
        return log_p

    def generate(self, parameters: Parameters, noise: Noise) -> np.ndarray:
        """Draw m + L z with z standard normal."""
        z = noise.normal(len(parameters["mean"])).cpu().double().numpy()
        out: np.ndarray = parameters["mean"] + z @ parameters["factor"].T
        return out
