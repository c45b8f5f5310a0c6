"""What all extractors have in common: pictures as tensors, one small network, and names for what they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zaohua.core.errors import ZaohuaError

WIDTH = 64
"""Numbers in a feature vector."""
TOGETHER = 256
"""Pictures that go through a network together."""


class Extractor(Protocol):
    """Turns pictures into the vectors that measures compare.

    Attributes:
        name: how tables call measures that use it.
    """

    name: str

    @property
    def hash(self) -> str:
        """Eight digits that tell this extractor from others; distances compare only within one."""

    def features(self, images: Any) -> NDArray[np.float64]:
        """Features of uint8 pictures, or floats in [0, 1], (n, H, W) or (n, H, W, C): (n, d)."""


class ClassifierNetwork(nn.Module):
    """Three convolutions, two or three of them strided, and a feature layer; no statistics of the batch anywhere."""

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
            nn.SiLU(),  # no unit can die
        )
        self.head = nn.Linear(WIDTH, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of pictures (B, C, H, W)."""
        return self.head(self.body(x))


def as_tensor(images: Any) -> Tensor:
    """Pictures as float32 (n, C, H, W) in [-1, 1]."""
    array = np.asarray(images)
    if array.ndim not in (3, 4) or len(array) == 0:
        raise ZaohuaError(f"pictures must be (n, H, W) or (n, H, W, C), not {array.shape}")
    x = torch.from_numpy(np.ascontiguousarray(array if array.ndim == 4 else array[..., None])).permute(0, 3, 1, 2)
    scale = 255.0 if array.dtype == np.uint8 else 1.0
    return (x.float() / scale * 2 - 1).contiguous()


def like(images: Any, shape: tuple[int, int, int]) -> Tensor:
    """Pictures as a tensor, refused unless each is of the shape (C, H, W) that an extractor was made for."""
    x = as_tensor(images)
    if tuple(x.shape[1:]) != shape:
        raise ZaohuaError(f"pictures are {_size(tuple(x.shape[1:]))}, but the extractor was made for {_size(shape)}")
    return x


@torch.no_grad()
def through(network: Callable[[Tensor], Tensor], x: Tensor) -> NDArray[np.float64]:
    """What comes out of a network, in parts, and never in 16 bits, whatever the caller computes in."""
    with torch.autocast("cpu", enabled=False):
        return np.concatenate([network(part).double().numpy() for part in x.split(TOGETHER)])


def short_hash(arrays: Iterable[NDArray[Any]]) -> str:
    """Eight hexadecimal digits of the numbers of an extractor."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:8]


def _size(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    return f"{width} x {height} with {channels} channel{'s' if channels > 1 else ''}"
