"""What the benchmark of digits restores: 500 test pictures, and what is seen of them.

The pictures are 50 of each class of the test split, drawn with seed 0; their labels are used by the judge only. What is
seen is made once, with noise of seed 1, so that every method is given the same. Values are those of tensors, [-1, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

import zaohua as zh
from zaohua.core.noise import ItemNoise, seeds_for
from zaohua.operators.base import Identity, Observation, Operator
from zaohua.operators.blur import Blur
from zaohua.operators.masks import Mask
from zaohua.operators.resizing import Downscale

SIDE, EACH = 28, 50
BOX = 14


@dataclass(frozen=True)
class Task:
    """One degradation.

    Attributes:
        operator: what is seen.
        noise: standard deviation of the noise, of 8-bit values.
        text: the degradation as `zaohua.restore` takes it.
        mask: True where a pixel is hidden, (28, 28); None if none is.
    """

    operator: Operator
    noise: float = 0.0
    text: str = ""
    mask: np.ndarray | None = None

    @property
    def sigma(self) -> float:
        """Standard deviation of the noise, of values from -1 to 1."""
        return self.noise / 127.5

    def observe(self, x: Tensor, seed: int = 1) -> Observation:
        """Return what is seen of pictures (n, 1, 28, 28)."""
        seen = self.operator(x)
        if self.sigma:
            seen = seen + self.sigma * ItemNoise(seeds_for(seed, len(x))).normal(*seen.shape[1:])
        return Observation(seen, self.operator, self.sigma)


def hidden(rows: slice, columns: slice) -> np.ndarray:
    """Return a mask that is True in a rectangle."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[rows, columns] = True
    return mask


def masked(mask: np.ndarray) -> Task:
    """Return the task to fill in what a mask hides."""
    return Task(Mask(torch.from_numpy(~mask)[None, None]), mask=mask)


EDGE = (SIDE - BOX) // 2
TASKS = {
    "box 14x14": masked(hidden(slice(EDGE, EDGE + BOX), slice(EDGE, EDGE + BOX))),
    "lower half": masked(hidden(slice(SIDE // 2, None), slice(None))),
    "x2": Task(Downscale(factor=2), text="downscale 2"),
    "x4": Task(Downscale(factor=4), text="downscale 4"),
    "blur 1.5, noise 2.55": Task(Blur(sigma=1.5), 2.55, "blur 1.5 | noise 2.55"),
    "noise 63.75": Task(Identity(), 63.75, "noise 63.75"),
}


@dataclass(frozen=True)
class Data:
    """Pictures uint8 (n, 28, 28) and labels, of the training split and of those to restore."""

    train: np.ndarray
    train_labels: list[str]
    test: np.ndarray
    test_labels: list[str]

    @classmethod
    def read(cls, name: str, each: int = EACH) -> Data:
        """Read "mnist" or "fashion-mnist"."""
        train, train_labels = zh.read(name, True, split="train")
        test, labels = zh.read(name, True, split="test")
        names, random = np.array([str(label) for label in labels]), np.random.default_rng(0)
        rows = np.sort(
            np.concatenate([random.choice(np.flatnonzero(names == c), each, False) for c in sorted(set(names))])
        )
        return cls(train, [str(label) for label in train_labels], test[rows], names[rows].tolist())


def tensors(pictures: np.ndarray) -> Tensor:
    """Return pictures as tensors, (n, 1, 28, 28) from -1 to 1."""
    return torch.from_numpy(pictures).float().unsqueeze(1) / 127.5 - 1


def pictures(x: Tensor) -> np.ndarray:
    """Return tensors as pictures, uint8 (n, 28, 28)."""
    out: np.ndarray = ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).squeeze(1).numpy()
    return out


def in_batches(f: Callable[[Tensor], Tensor], x: Tensor, size: int = 5000) -> Tensor:
    """Apply a function to parts of a tensor, and join the results."""
    return torch.cat([f(part) for part in x.split(size)])
