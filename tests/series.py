"""A kind of data of a user's own: short time series, with a data set of them, defined outside the package."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

import zaohua as zh
from zaohua.core.spec import DataSpec, Feature
from zaohua.evaluation import Figure, Measure, VectorProtocol
from zaohua.modalities.data_set import DataSet

LENGTH, TRAIN, TEST = 12, 80, 60
LABELS = ("slow", "fast")


def series(n: int, seed: int, labels: list[str] | None = None) -> np.ndarray:
    """Waves of one of two speeds and any phase, with some noise, float64 (n, LENGTH)."""
    rng = np.random.default_rng(seed)
    speeds = np.array([1 + LABELS.index(label) for label in labels]) if labels else rng.integers(1, 3, n)
    t = np.arange(LENGTH) / LENGTH
    wave = np.sin(2 * np.pi * (speeds[:, None] * t + rng.random((n, 1))))
    return 3 * wave + 0.1 * rng.standard_normal((n, LENGTH))


def labels_of(n: int) -> list[str]:
    return [LABELS[i % 2] for i in range(n)]


class SeriesCodec(zh.GridCodec):
    """Arrays (n, length) <-> tensors (n, 1, length), which are a quarter of them."""

    modality: ClassVar[str] = "series"
    representation: ClassVar[str] = "series"

    def fit(self, items: Any) -> SeriesCodec:
        self.spec_ = DataSpec(("time",), (np.asarray(items).shape[1],), (Feature("value", "real", 1, None, 4.0),))
        return self

    def encode(self, items: Any) -> Tensor:
        return torch.from_numpy(np.asarray(items, np.float32))[:, None] / 4

    def decode(self, x: Tensor) -> np.ndarray:
        return 4 * x[:, 0].cpu().numpy()

    def as_items(self, y: Any, n: int | None) -> Any:
        return y


class Series(zh.Modality):
    """Time series of one length."""

    name: ClassVar[str] = "series"
    noun: ClassVar[str] = "series"

    @property
    def codecs(self) -> tuple[type[Any], ...]:
        return (SeriesCodec,)

    def recognises(self, X: Any) -> bool:
        return isinstance(X, np.ndarray) and X.ndim == 2

    @property
    def datasets(self) -> tuple[DataSet, ...]:
        return (DataSet("two-speeds", "series", "waves of two speeds", _load),)


def _load(entry: DataSet, split: str) -> tuple[Any, list[Any]]:
    n, seed = (TRAIN, 0) if split == "train" else (TEST, 1)
    return series(n, seed, labels_of(n)), labels_of(n)


class Spectral(VectorProtocol):
    """Compares series by how strong each frequency is, and says how strong the first is."""

    measures: ClassVar[dict[str, Measure]] = {"loudness": Measure("loudness", "none", "mean strength of a frequency")}

    def features(self, items: Any) -> np.ndarray:
        return np.abs(np.fft.rfft(items[:, 0]))[:, 1:4]

    def measure(self, samples: Any, conditions: Any = None, copies: bool = True) -> dict[str, Figure]:
        figures = super().measure(samples, conditions, copies)
        return {**figures, "loudness": Figure(float(self.features(samples).mean()), n=len(samples))}


class SpectralSeries(Series):
    """The same with a protocol of its own."""

    protocol: ClassVar[str | None] = f"{__name__}:Spectral"
