"""Extractors that nobody trained, to check a trained one against: if they rank models otherwise, say so."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zaohua.metrics.pictures import WIDTH, ClassifierNetwork, as_tensor, like, short_hash, through

SEEN = 10_000
"""Pictures at most that features are scaled by."""


class RandomConvolutions:
    """The network of the classifier with random weights: mostly edges and where they are, of no class in particular.

    Its features are standardised, or a few that happen to be large would decide all distances.

    Args:
        images: real training pictures, the first 10,000 of which give the means and deviations of features.
        random_state: seed of the weights.
    """

    name = f"random-convolutions-{WIDTH}"

    def __init__(self, images: Any, random_state: int = 0):
        x = as_tensor(images)
        self.shape: tuple[int, int, int] = (x.shape[1], x.shape[2], x.shape[3])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(random_state)
            network = ClassifierNetwork(*self.shape, classes=1)
        self.network = network.body[:-1].eval()  # its last ReLU would leave some features constant
        raw = through(self.network, x[:SEEN])
        deviation = raw.std(0)
        self.mean, self.scale = raw.mean(0), np.where(deviation > 0, deviation, 1.0)

    def features(self, images: Any) -> NDArray[np.float64]:
        """Standardised activations, float64 (n, WIDTH)."""
        return (through(self.network, like(images, self.shape)) - self.mean) / self.scale

    @property
    def hash(self) -> str:
        """Eight digits that tell this extractor from others."""
        weights = (tensor.numpy() for tensor in self.network.state_dict().values())
        return short_hash([*weights, self.mean, self.scale])


class Pca:
    """The principal components of the pixels: the coarse distribution of light, linear, nothing of shapes.

    Args:
        images: real training pictures.
        random_state: seed of the randomised decomposition.
    """

    name = f"pca-{WIDTH}"

    def __init__(self, images: Any, random_state: int = 0):
        from sklearn.decomposition import PCA

        x = as_tensor(images)
        self.shape: tuple[int, int, int] = (x.shape[1], x.shape[2], x.shape[3])
        pixels = x.flatten(1).numpy()
        pca = PCA(min(WIDTH, *pixels.shape), svd_solver="randomized", random_state=random_state).fit(pixels)
        self.mean = pca.mean_.astype(np.float64)
        self.components = pca.components_.astype(np.float64)

    def features(self, images: Any) -> NDArray[np.float64]:
        """Coordinates along the components, in pixels of [-1, 1], float64 (n, at most WIDTH)."""
        mean, down = torch.from_numpy(self.mean), torch.from_numpy(self.components.T)
        return through(lambda part: (part.flatten(1).double() - mean) @ down, like(images, self.shape))

    @property
    def hash(self) -> str:
        """Eight digits that tell this extractor from others."""
        return short_hash([self.mean, self.components])
