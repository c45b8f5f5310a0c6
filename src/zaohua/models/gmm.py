"""A mixture of normal distributions, fitted by scikit-learn."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from sklearn.mixture import GaussianMixture

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.noise import Noise
from zaohua.core.params import Between
from zaohua.families.density import Density, Parameters
from zaohua.modalities.images.codec import ImageCodec

NAMES = ("weights_", "means_", "covariances_", "precisions_cholesky_")


class GMM(Density[ImageCodec]):
    """Gaussian mixture, fitted by expectation maximisation; one for each class with labels.

    Paper: Dempster, Laird and Rubin, "Maximum Likelihood from Incomplete Data via the EM Algorithm", 1977.
    """

    tiny: ClassVar[Json] = {"n_components": 2}

    n_components: Annotated[int, Between(1)] = 5
    """Number of components (of each class)."""
    covariance: Literal["full", "tied", "diag", "spherical"] = "full"
    """Constraint on the components' covariances."""
    max_iter: Annotated[int, Between(1)] = 100
    """Maximum number of iterations of expectation maximisation."""

    def _mixture(self) -> GaussianMixture:
        return GaussianMixture(
            self.n_components,
            covariance_type=self.covariance,
            reg_covar=self.bin_variance,
            max_iter=self.max_iter,
            random_state=self.seed_ % 2**32,
        )

    def estimate(self, x: np.ndarray) -> Parameters:
        """Fit scikit-learn's mixture."""
        if len(x) < self.n_components:
            raise ZaohuaError(
                f"GMM: {self.n_components} components need at least as many items (of each class), not {len(x)}"
            )
        mixture = self._mixture().fit(x)
        return {name: getattr(mixture, name) for name in NAMES}

    def memory_for(self, n: int, size: int) -> float:
        """Return the bytes of the items, and of the covariances with the factors of their inverses."""
        matrices = {"full": 2 * self.n_components, "tied": 2}.get(self.covariance, 0)
        return super().memory_for(n, size) + matrices * 8.0 * size**2

    def _restored(self, parameters: Parameters) -> GaussianMixture:
        mixture = self._mixture()
        for name, value in parameters.items():
            setattr(mixture, name, value)
        return mixture

    def log_density(self, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """Return scikit-learn's `score_samples`."""
        log_p: np.ndarray = self._restored(parameters).score_samples(x)
        return log_p

    def generate(self, parameters: Parameters, noise: Noise) -> np.ndarray:
        """Draw a component by its weight, then m + L z with z standard normal."""
        means = parameters["means_"]
        edges = parameters["weights_"].cumsum()
        which = np.minimum(np.searchsorted(edges, noise.uniform().cpu().numpy() * edges[-1]), len(means) - 1)
        z = noise.normal(means.shape[1]).cpu().double().numpy()
        cov = parameters["covariances_"]
        out: np.ndarray = means[which]
        if self.covariance in ("diag", "spherical"):
            out = out + np.sqrt(cov if cov.ndim == 2 else cov[:, None])[which] * z
        elif self.covariance == "tied":
            out = out + z @ np.linalg.cholesky(cov).T
        else:
            for component in np.unique(which):  # one factor at a time: a factor for each item takes D^2 numbers an item
                rows = which == component
                out[rows] += z[rows] @ np.linalg.cholesky(cov[component]).T
        return out
