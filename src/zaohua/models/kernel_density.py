"""Kernel density estimation in one dimension."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import numpy as np
from scipy.special import logsumexp, ndtr

from zaohua.core.json import Json
from zaohua.core.noise import Noise, fine_uniform
from zaohua.core.params import Between
from zaohua.families.density import Parameters
from zaohua.families.univariate import Univariate

BLOCK = 2**20
"""Number of pairs of a number and a point per block."""


class KernelDensity(Univariate):
    """Kernel density estimate: a normal distribution around each training value.

    `params_` are the `points` (n,) and the `bandwidth`. The run folder contains the training values. Without a number
    of parameters there is no AIC or BIC: compare `score` on held-out values.

    Paper: E. Parzen, "On Estimation of a Probability Density Function and Mode", Annals of Mathematical Statistics 33,
    1962; the bandwidth: B. W. Silverman, "Density Estimation for Statistics and Data Analysis", 1986, equation 3.31.
    """

    tiny: ClassVar[Json] = {}

    bandwidth: Annotated[float | None, Between(above=0)] = None
    """Standard deviation of the kernels; None: Silverman's rule."""

    def estimate(self, x: np.ndarray) -> Parameters:
        """Return the sorted values, and 0.9 min(standard deviation, interquartile range / 1.34) n^(-1/5)."""
        if self.bandwidth is not None:
            return {"points": np.sort(x, 0), "bandwidth": np.full(x.shape[1], float(self.bandwidth))}
        low, high = np.quantile(x, [0.25, 0.75], axis=0)
        spread = x.std(0)
        spread = np.where(high > low, np.minimum(spread, (high - low) / 1.34), spread)
        return {"points": np.sort(x, 0), "bandwidth": 0.9 * spread * len(x) ** -0.2}

    def log_densities(self, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """Return the log of the mean density of the kernels."""
        out, size = np.empty(x.shape), len(parameters["points"])
        for at, z in _distances(parameters, x):
            out[at] = logsumexp(-0.5 * z**2, axis=1)
        log_p: np.ndarray = out - np.log(size * parameters["bandwidth"] * np.sqrt(2 * np.pi))
        return log_p

    def distribution(self, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """Return the mean of the kernels' distribution functions."""
        out = np.empty(x.shape)
        for at, z in _distances(parameters, x):
            out[at] = ndtr(z).mean(1)
        return out

    def inverse(self, parameters: Parameters, q: np.ndarray) -> np.ndarray:
        """Invert `distribution` by Newton's method, with bisection where it would leave the bracket."""
        points, width = parameters["points"], parameters["bandwidth"]
        low, high = points[0] - 40 * width + 0 * q, points[-1] + 40 * width + 0 * q
        x = np.take_along_axis(points, (np.clip(q, 0, 1) * (len(points) - 1)).astype(int), 0)
        for _ in range(100):
            gap = self.distribution(parameters, x) - q
            low, high = np.where(gap < 0, x, low), np.where(gap < 0, high, x)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                following = x - gap / np.exp(self.log_densities(parameters, x))
            following = np.where((following > low) & (following < high), following, (low + high) / 2)
            if (np.abs(following - x) <= 1e-14 * (np.abs(x) + width)).all():
                break
            x = following
        return np.where(q <= 0, -np.inf, np.where(q >= 1, np.inf, x))

    def generate(self, parameters: Parameters, noise: Noise) -> np.ndarray:
        """Draw one of the points, and add a normal number times the bandwidth."""
        points = parameters["points"]
        which = (fine_uniform(noise, points.shape[1]) * len(points)).astype(int)
        beside = noise.normal(points.shape[1]).cpu().double().numpy() * parameters["bandwidth"]
        out: np.ndarray = np.take_along_axis(points, which, 0) + beside
        return out


def _distances(parameters: Parameters, x: np.ndarray) -> Iterator[tuple[tuple[slice, int], np.ndarray]]:
    """Yield blocks of x (n, p): their index, and their distances to all points in bandwidths, (b, points)."""
    points = parameters["points"]
    rows = max(1, BLOCK // len(points))
    for j in range(x.shape[1]):
        for begin in range(0, len(x), rows):
            at = (slice(begin, begin + rows), j)
            yield at, (x[at][:, None] - points[:, j]) / parameters["bandwidth"][j]
