"""A mixture of normal distributions, fitted by scikit-learn and used as any other model."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from sklearn.mixture import GaussianMixture

from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import Noise
from zaohua.core.params import Between
from zaohua.families.density import Density, Parameters

NAMES = ("weights_", "means_", "covariances_", "precisions_cholesky_")


class GMM(Density):
    """Gaussian mixture, fitted by expectation maximisation; of each class when there are labels.

    Paper: Dempster, Laird and Rubin, "Maximum Likelihood from Incomplete Data via the EM Algorithm", 1977.
    """

    tiny: ClassVar[dict[str, Any]] = {"n_components": 2}

    n_components: Annotated[int, Between(1)] = 5
    """Normal distributions in the mixture (of each class)."""
    covariance: Literal["full", "tied", "diag", "spherical"] = "full"
    """What each component's covariance may be."""
    max_iter: Annotated[int, Between(1)] = 100
    """Rounds of expectation maximisation at most."""

    def _mixture(self) -> GaussianMixture:
        return GaussianMixture(
            self.n_components,
            covariance_type=self.covariance,
            reg_covar=self.bin_variance,
            max_iter=self.max_iter,
            random_state=self.seed_ % 2**32,
        )

    def estimate(self, x: np.ndarray) -> Parameters:
        """scikit-learn's fit."""
        if len(x) < self.n_components:
            raise ZaohuaError(
                f"GMM: {self.n_components} components need at least as many items (of each class), not {len(x)}"
            )
        mixture = self._mixture().fit(x)
        return {name: getattr(mixture, name) for name in NAMES}

    def _restored(self, parameters: Parameters) -> GaussianMixture:
        mixture = self._mixture()
        for name, value in parameters.items():
            setattr(mixture, name, value)
        return mixture

    def log_density(self, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """scikit-learn's score_samples."""
        return self._restored(parameters).score_samples(x)

    def generate(self, parameters: Parameters, noise: Noise) -> np.ndarray:
        """A component by its weight, then m + L z with z standard normal."""
        means = parameters["means_"]
        edges = parameters["weights_"].cumsum()
        which = np.minimum(np.searchsorted(edges, noise.uniform().cpu().numpy() * edges[-1]), len(means) - 1)
        z = noise.normal(means.shape[1]).cpu().double().numpy()
        return means[which] + np.einsum("nij,nj->ni", self._factors(parameters)[which], z)

    def _factors(self, parameters: Parameters) -> np.ndarray:
        """Lower Cholesky factors of the covariances, (n_components, D, D)."""
        count, size = parameters["means_"].shape
        cov = parameters["covariances_"]
        if self.covariance == "full":
            return np.linalg.cholesky(cov)
        if self.covariance == "tied":
            return np.broadcast_to(np.linalg.cholesky(cov), (count, size, size))
        deviations = np.sqrt(cov if self.covariance == "diag" else np.broadcast_to(cov[:, None], (count, size)))
        return deviations[:, :, None] * np.eye(size)
