"""Untrained image feature extractors: a check of a trained one, whose ranking of models should agree with theirs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from zaohua.metrics.extractor_base import (
    WIDTH,
    ClassifierNetwork,
    apply_in_batches,
    as_tensor,
    as_tensor_of_shape,
    short_hash,
)

MAX_IMAGES = 10_000
"""Maximum number of images that the scale of features is computed from."""


class RandomConvolutions:
    """Features of the classifier's network with random weights: mostly edges and their positions.

    Features are standardised, so that a few large ones don't dominate the distances.

    Args:
        images: real training images; the first 10,000 give the means and standard deviations of features.
        random_state: seed of the weights.
    """

    name = f"random-convolutions-{WIDTH}"

    def __init__(self, images: ArrayLike, random_state: int = 0):
        x = as_tensor(images)
        self.shape: tuple[int, int, int] = (x.shape[1], x.shape[2], x.shape[3])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(random_state)
            network = ClassifierNetwork(*self.shape, classes=1)
        self.network = network.body[:-1].eval()  # its last ReLU would leave some features constant
        raw = apply_in_batches(self.network, x[:MAX_IMAGES])
        deviation = raw.std(0)
        self.mean, self.scale = raw.mean(0), np.where(deviation > 0, deviation, 1.0)

    def features(self, images: ArrayLike) -> NDArray[np.float64]:
        """Return standardised activations, float64 (n, WIDTH)."""
        activations = apply_in_batches(self.network, as_tensor_of_shape(images, self.shape))
        return np.asarray((activations - self.mean) / self.scale)

    @property
    def hash(self) -> str:
        """Eight hexadecimal digits that identify this extractor."""
        weights = (tensor.numpy() for tensor in self.network.state_dict().values())
        return short_hash([*weights, self.mean, self.scale])


class Pca:
    """Principal components of the pixels: linear features of coarse brightness, without shapes.

    Args:
        images: real training images.
        random_state: seed of the randomised decomposition.
    """

    name = f"pca-{WIDTH}"

    def __init__(self, images: ArrayLike, random_state: int = 0):
        from sklearn.decomposition import PCA

        x = as_tensor(images)
        self.shape: tuple[int, int, int] = (x.shape[1], x.shape[2], x.shape[3])
        pixels = x.flatten(1).numpy()
        pca = PCA(min(WIDTH, *pixels.shape), svd_solver="randomized", random_state=random_state).fit(pixels)
        self.mean = pca.mean_.astype(np.float64)
        self.components = pca.components_.astype(np.float64)

    def features(self, images: ArrayLike) -> NDArray[np.float64]:
        """Return the coordinates along the components, of pixels in [-1, 1], float64 (n, at most WIDTH)."""
        mean, down = torch.from_numpy(self.mean), torch.from_numpy(self.components.T)
        return apply_in_batches(
            lambda part: (part.flatten(1).double() - mean) @ down, as_tensor_of_shape(images, self.shape)
        )

    @property
    def hash(self) -> str:
        """Eight hexadecimal digits that identify this extractor."""
        return short_hash([self.mean, self.components])
