"""Shared parts of the image feature extractors: the interface, a small network, images as tensors, hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from zaohua.core.arrays import as_array
from zaohua.core.errors import ZaohuaError
from zaohua.core.hardware import fitting_threads

WIDTH = 64
"""Width of a feature vector."""
BATCH = 256
"""Images per batch."""


class Extractor(Protocol):
    """Interface of functions from images to the feature vectors that metrics compare.

    Attributes:
        name: name of the extractor in tables of results.
    """

    name: str

    @property
    def hash(self) -> str:
        """Eight hexadecimal digits that identify this extractor; distances are comparable only within one extractor."""

    def features(self, images: np.ndarray) -> NDArray[np.float64]:
        """Compute features (n, d) of images (n, H, W) or (n, H, W, C), uint8 or floats in [0, 1]."""


class ClassifierNetwork(nn.Module):
    """Three convolutions, two or three of them strided, and a feature layer; no batch normalisation."""

    def __init__(self, channels: int, height: int, width: int, classes: int):
        super().__init__()
        self.shape, first = (channels, height, width), 1 if min(height, width) < 16 else 2
        self.body = nn.Sequential(
            nn.Conv2d(channels, 32, 3, first, 1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, 2, 1),
            nn.GroupNorm(8, 64),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3, 2, 1),
            nn.GroupNorm(8, 64),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(64 * 16, WIDTH),
            nn.SiLU(),  # unlike ReLU, its units can't die
        )
        self.head = nn.Linear(WIDTH, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) of images (B, C, H, W)."""
        logits: Tensor = self.head(self.body(x))
        return logits


def as_tensor(images: ArrayLike) -> Tensor:
    """Convert images to float32 (n, C, H, W) in [-1, 1]."""
    array = as_array(images, "images")
    if array.ndim not in (3, 4) or len(array) == 0:
        raise ZaohuaError(f"images must be (n, H, W) or (n, H, W, C), not {array.shape}")
    x = torch.from_numpy(np.ascontiguousarray(array if array.ndim == 4 else array[..., None])).permute(0, 3, 1, 2)
    scale = 255.0 if array.dtype == np.uint8 else 1.0
    return (x.float() / scale * 2 - 1).contiguous()


def as_tensor_of_shape(images: ArrayLike, shape: tuple[int, int, int]) -> Tensor:
    """Convert images to a tensor; raise unless each has the shape (C, H, W) that the extractor was built for."""
    x = as_tensor(images)
    if tuple(x.shape[1:]) != shape:
        raise ZaohuaError(f"images are {_size(tuple(x.shape[1:]))}, but the extractor was built for {_size(shape)}")
    return x


@torch.no_grad()
def apply_in_batches(network: Callable[[Tensor], Tensor], x: Tensor) -> NDArray[np.float64]:
    """Apply a network in batches, and in full precision whatever autocast context the caller is in."""
    nets = network if isinstance(network, nn.Module) else None
    with torch.autocast("cpu", enabled=False), fitting_threads(nets):
        return np.concatenate([network(part).double().numpy() for part in x.split(BATCH)])


def short_hash(arrays: Iterable[np.ndarray]) -> str:
    """Return eight hexadecimal digits of a hash of an extractor's arrays."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:8]


def _size(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    return f"{width} x {height} with {channels} channel{'s' if channels > 1 else ''}"
