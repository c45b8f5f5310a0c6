"""A small classifier trained on the real training split: its features are what pictures are compared in.

Networks trained on photographs of everything say little about digits or garments, and are large. A classifier of the
very data at hand knows what matters in it, trains in seconds, and its accuracy on class-conditional samples is a
measure of its own. Distances are comparable only within one extractor; `hash` tells which one it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from zaohua.errors import ZaohuaError, unknown

WIDTH = 64
"""Numbers in a feature vector."""


class _Network(nn.Module):
    """Three convolutions, two of them strided, and a feature layer; no statistics of the batch anywhere."""

    def __init__(self, channels: int, height: int, width: int, classes: int):
        super().__init__()
        first = 1 if min(height, width) < 16 else 2
        self.body = nn.Sequential(
            nn.Conv2d(channels, 32, 3, first, 1), nn.ReLU(),
            nn.Conv2d(32, 64, 3, 2, 1), nn.GroupNorm(8, 64), nn.ReLU(),
            nn.Conv2d(64, 64, 3, 2, 1), nn.GroupNorm(8, 64), nn.ReLU(),
            nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64 * 16, WIDTH), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(WIDTH, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of pictures (B, C, H, W)."""
        return self.head(self.body(x))


class Classifier:
    """A trained recogniser of the classes of a data set; see `train`.

    Attributes:
        classes: the labels it tells apart, in the order of its outputs.
        name: how tables call measures that use it.
    """

    name = f"classifier-{WIDTH}"

    def __init__(self, network: nn.Module, classes: Sequence[Hashable]):
        self.network, self.classes = network.eval(), list(classes)

    @classmethod
    def train(cls, images: Any, labels: Sequence[Hashable], *, random_state: int = 0, batch_size: int = 128,
              min_items: int = 20_000) -> Classifier:
        """Train on pictures and their labels; the same data and seed give the same classifier.

        Args:
            images: uint8, or floats in [0, 1]; (n, H, W) or (n, H, W, C).
            labels: n hashable values.
            random_state: seed of weights and order.
            batch_size: pictures per step.
            min_items: pictures to see at least; small sets are gone through more than once.
        """
        x, classes = _tensor(images), sorted(set(_plain(labels)), key=str)
        index = {label: i for i, label in enumerate(classes)}
        y = torch.tensor([index[label] for label in _plain(labels)])
        if len(x) != len(y):
            raise ZaohuaError(f"{len(x)} pictures but {len(y)} labels: give one for each")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(random_state)
            network = _Network(x.shape[1], x.shape[2], x.shape[3], len(classes))
            _train(network, x, y, batch_size, epochs=max(1, -(-min_items // len(x))))
        return cls(network, classes)

    def features(self, images: Any) -> NDArray[np.float64]:
        """Activations of the last hidden layer, float64 (n, WIDTH)."""
        return self._run(self.network.body, images)

    def predict(self, images: Any) -> list[Hashable]:
        """The most likely label of each picture."""
        return [self.classes[i] for i in self._run(self.network, images).argmax(1)]

    def accuracy(self, images: Any, labels: Sequence[Hashable]) -> float:
        """Share of pictures recognised as what they should show."""
        for label in set(_plain(labels)) - set(self.classes):
            raise unknown("label", label, self.classes)
        return float(np.mean([a == b for a, b in zip(self.predict(images), _plain(labels), strict=True)]))

    @property
    def hash(self) -> str:
        """Eight digits that tell this extractor from others."""
        digest = hashlib.sha256()
        for tensor in self.network.state_dict().values():
            digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()[:8]

    @torch.no_grad()
    def _run(self, network: Any, images: Any) -> NDArray[np.float64]:
        parts = [network(part).double().numpy() for part in _tensor(images).split(256)]
        return np.concatenate(parts)


def _train(network: nn.Module, x: Tensor, y: Tensor, batch_size: int, epochs: int) -> None:
    """Adam with one cycle of the learning rate."""
    steps = epochs * -(-len(x) // batch_size)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(batch_size):
            loss = F.cross_entropy(network(x[rows]), y[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def _plain(labels: Sequence[Hashable]) -> list[Any]:
    """Labels as Python values, so that numpy's 3 and Python's 3 are one."""
    return [label.item() if isinstance(label, np.generic) else label for label in labels]


def _tensor(images: Any) -> Tensor:
    """Pictures as float32 (n, C, H, W) in [-1, 1]."""
    array = np.asarray(images)
    if array.ndim not in (3, 4) or len(array) == 0:
        raise ZaohuaError(f"pictures must be (n, H, W) or (n, H, W, C), not {array.shape}")
    x = torch.from_numpy(np.ascontiguousarray(array if array.ndim == 4 else array[..., None])).permute(0, 3, 1, 2)
    scale = 255.0 if array.dtype == np.uint8 else 1.0
    return (x.float() / scale * 2 - 1).contiguous()
