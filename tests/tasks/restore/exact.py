"""Models whose denoisers are known exactly: the oracle of restoration."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn import functional as F

import zaohua as zh
from zaohua.core.record import Condition

MEAN, DEVIATION = 0.1, 0.3
"""Of the pixels that `Normal` knows, in units of tensors."""


class Normal(zh.Flow):
    """Knows that pixels are independent and normal."""

    def denoise(self, x_t: Tensor, t: Tensor, y: Condition | None = None) -> tuple[Tensor, Tensor]:
        alpha, sigma = (weight.to(x_t.dtype) for weight in (1 - t, t))
        gain = alpha * DEVIATION**2 / ((alpha * DEVIATION) ** 2 + sigma**2)
        data = MEAN + gain * (x_t - alpha * MEAN)
        return data, (x_t - alpha * data) / sigma


class Near(zh.Flow):
    """Takes each pixel for the mean of those before it, and those beyond its first edges for black."""

    def denoise(self, x_t: Tensor, t: Tensor, y: Condition | None = None) -> tuple[Tensor, Tensor]:
        alpha, sigma = (weight.to(x_t.dtype) for weight in (1 - t, t))
        data = F.avg_pool2d(F.pad(x_t / alpha.clamp(min=0.1), (2, 0, 2, 0), value=-1), 3, 1)
        return data, (x_t - alpha * data) / sigma


@functools.cache
def fitted(kind: type[zh.Flow], channels: int = 1, size: int = 8) -> Any:
    """A model of 8-bit pictures of a kind above."""
    rng = np.random.default_rng(0)
    shape = (4, size, size) if channels == 1 else (4, size, size, channels)
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    images.flat[:2] = 0, 255
    return kind(random_state=0, max_steps=1, channels=4, blocks=1, batch_size=2, device="cpu").fit(images)


def pictures(*shape: int) -> np.ndarray:
    """8-bit pictures like those that `Normal` knows."""
    x = MEAN + DEVIATION * np.random.default_rng(1).normal(size=shape)
    return np.rint((x.clip(-1, 1) + 1) * 127.5).astype(np.uint8)


def tensors(pixels: np.ndarray) -> np.ndarray:
    """8-bit pixels in units of tensors."""
    return pixels / 127.5 - 1
