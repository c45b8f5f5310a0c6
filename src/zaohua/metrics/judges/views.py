"""What judges see of items of any kind: tensors of one size, and the network that reads them.

Pictures and tensors with two axes are read by convolutions, waves by convolutions with long strides, vectors by a
multilayer perceptron. Texts are read as counts of their n-grams of characters: the order of words far apart isn't seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.extractor_base import ClassifierNetwork

WIDTH = 128
"""Width of what a tower returns."""
GRAMS = 4096
"""Number of places that n-grams of characters are hashed to."""
LARGEST = 64
"""Side of the largest pictures; larger ones are reduced."""


class View(Protocol):
    """Items as a judge sees them."""

    cost: int
    """Number of positions of an item that its tower visits."""
    digest: str
    """Hash of the items."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: np.ndarray, /) -> Tensor:
        """Return the tensors of the items at `rows`."""

    def tower(self) -> nn.Module:
        """Return a new network from these tensors to (n, WIDTH)."""


class Arrays:
    """View of pictures, uint8 (n, H, W) or (n, H, W, C), or of numbers, (n, d), (n, C, L) or (n, C, H, W).

    Args:
        values: the items.

    Attributes:
        values: the items.
        shape: shape of the tensor of one.
    """

    def __init__(self, values: np.ndarray):
        self.values = array = np.ascontiguousarray(values)
        self.digest = hashlib.sha256(f"{array.dtype} {array.shape}".encode() + array.tobytes()).hexdigest()
        pictures = array.dtype == np.uint8 and array.ndim in (3, 4)
        if pictures:
            array = np.moveaxis(array if array.ndim == 4 else array[..., None], -1, 1)
        if array.ndim > 4 or min(array.shape[2:], default=8) < 8:
            array = array.reshape(len(array), -1)  # too many axes, or too short for convolutions
        self._tensors, self._scale = torch.from_numpy(array), 127.5 if array.dtype == np.uint8 else 0.0
        self.shape = tuple(array.shape[1:])
        self.cost = int(np.prod([min(side, LARGEST) for side in self.shape[1:]]))

    def __len__(self) -> int:
        return len(self._tensors)

    def __getitem__(self, rows: np.ndarray) -> Tensor:
        x = self._tensors[torch.from_numpy(rows)].float()
        x = x / self._scale - 1 if self._scale else torch.nan_to_num(x)
        if x.ndim == 4 and max(x.shape[2:]) > LARGEST:
            x = F.adaptive_avg_pool2d(x, (min(x.shape[2], LARGEST), min(x.shape[3], LARGEST)))
        return x

    def tower(self) -> nn.Module:
        """Return a new network from these tensors to (n, WIDTH)."""
        if len(self.shape) == 3:
            channels, *sides = self.shape
            height, width = (min(side, LARGEST) for side in sides)
            body = ClassifierNetwork(channels, height, width, 1).body
            return nn.Sequential(body, nn.LazyLinear(WIDTH))
        if len(self.shape) == 2:
            return nn.Sequential(
                nn.Conv1d(self.shape[0], 32, 64, 8, 32),
                nn.ReLU(),
                nn.Conv1d(32, 64, 8, 4, 4),
                nn.ReLU(),
                nn.Conv1d(64, 64, 8, 4, 4),
                nn.ReLU(),
                nn.AdaptiveAvgPool1d(8),
                nn.Flatten(),
                nn.LazyLinear(WIDTH),
            )
        return _perceptron(self.shape[0] if self.shape else 1)


class Texts:
    """View of texts.

    Args:
        values: the items.
    """

    cost = 64

    def __init__(self, values: Sequence[str]):
        from sklearn.feature_extraction.text import HashingVectorizer

        texts = [text.casefold() for text in values]
        self.digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
        counts = HashingVectorizer(analyzer="char_wb", ngram_range=(1, 4), n_features=GRAMS, alternate_sign=False)
        self._counts = counts.transform(texts)

    def __len__(self) -> int:
        return int(self._counts.shape[0])

    def __getitem__(self, rows: np.ndarray) -> Tensor:
        return torch.from_numpy(self._counts[rows].toarray()).float() * 10

    def tower(self) -> nn.Module:
        """Return a new network from these tensors to (n, WIDTH)."""
        return _perceptron(GRAMS)


def _perceptron(size: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(size, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU())


def view_of(values: object) -> View:
    """Return the view of a list of texts, or of an array."""
    if isinstance(values, np.ndarray) and values.dtype.kind not in "OU":
        return Arrays(values)
    if isinstance(values, Sequence) and all(isinstance(value, str) for value in values):
        return Texts(values)
    raise ZaohuaError(f"judges see texts and arrays of one shape, not {type(values).__name__}")
