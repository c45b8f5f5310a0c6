"""A small classifier of items, trained within seconds: by their labels, or real items against a model's samples."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEPS, BATCH, RATE = 500, 64, 2e-3
"""Steps of training, items of a step, and the learning rate at its begin, from which it decreases to zero."""
SMALL = 4
"""Side that pictures are averaged to before the last layers."""
CONVOLUTIONS, POOLS = (nn.Conv1d, nn.Conv2d, nn.Conv3d), (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)


class Judge:
    """Classifier of inputs, whose activations are smooth, so that gradients integrate well.

    Args:
        x: inputs to learn from, float32 (n, ...), as `vectors.inputs` returns them.
        labels: the class of each.
        seed: seed of the training.

    Attributes:
        classes: the classes, sorted.
        net: the network, inputs (n, ...) -> logits (n, classes).
    """

    def __init__(self, x: Tensor, labels: Sequence[Hashable], seed: int = 0) -> None:
        self.classes = sorted(set(labels), key=str)
        at = {label: i for i, label in enumerate(self.classes)}
        y = torch.tensor([at[label] for label in labels])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = _network(x, len(self.classes))
            _train(self.net, x, y)

    def log_probabilities(self, x: Tensor) -> Tensor:
        """Return log probabilities of the classes, (n, classes); gradients are available."""
        out: Tensor = self.net(x).log_softmax(1)
        return out

    def probabilities(self, x: Tensor) -> np.ndarray:
        """Return the probabilities of the classes, float64 (n, classes)."""
        with torch.no_grad():
            parts = [self.log_probabilities(part).exp() for part in x.split(512)]
        found: np.ndarray = torch.cat(parts).double().numpy()
        return found

    def accuracy(self, x: Tensor, labels: Sequence[Hashable]) -> float:
        """Return the share of items that it recognises."""
        found = self.probabilities(x).argmax(1)
        return float(np.mean([self.classes[i] == label for i, label in zip(found, labels, strict=True)]))


def _network(x: Tensor, classes: int) -> nn.Sequential:
    axes = x.ndim - 2
    if axes < 1:
        scale = nn.LayerNorm(x.shape[1], elementwise_affine=False) if x.shape[1] > 1 else nn.Identity()
        return nn.Sequential(scale, nn.Linear(x.shape[1], 128), nn.GELU(), nn.Linear(128, classes))
    convolution, pool = CONVOLUTIONS[axes - 1], POOLS[axes - 1]
    size = SMALL if axes > 1 else SMALL * SMALL
    return nn.Sequential(
        convolution(x.shape[1], 16, 5, stride=2, padding=2),
        nn.GELU(),
        convolution(16, 32, 5, stride=2, padding=2),
        nn.GELU(),
        pool(size),
        nn.Flatten(),
        nn.Linear(32 * size**axes, 64),
        nn.GELU(),
        nn.Linear(64, classes),
    )


def _train(net: nn.Module, x: Tensor, y: Tensor) -> None:
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    with torch.enable_grad():
        for _ in range(STEPS):
            rows = torch.randint(len(x), (BATCH,))
            optimiser.zero_grad()
            F.cross_entropy(net(x[rows]), y[rows], label_smoothing=0.02).backward()
            optimiser.step()
            schedule.step()
    net.eval()
    net.requires_grad_(False)
