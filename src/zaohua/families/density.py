"""Densities in closed form: fitted at once, scored and sampled exactly. With labels, one density for each class.

Quantised data (pixels of 256 levels) is modelled as if spread evenly over its bins: a bin of width w adds w^2 / 12 to
each variance, which is what keeps a covariance invertible where a pixel never changes.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import CheckpointError, ZaohuaError
from zaohua.core.memory import require
from zaohua.core.noise import ItemNoise, Noise
from zaohua.core.params import Between
from zaohua.core.record import Condition
from zaohua.core.stored import Stored
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.encoding import CodecT, TrainingData
from zaohua.estimator.methods import ScoreKind
from zaohua.estimator.tensors import chunks
from zaohua.modalities.base import Codes
from zaohua.modalities.condition_base import ConditionCodes

Parameters = dict[str, np.ndarray]
"""The fitted numbers of one density, by name, float64."""


class PerClass(GenerativeModel[CodecT]):
    """Model fitted at once, one for each class. Subclasses define `estimate` and `generate`."""

    seconds_ = Stored[float | None](None, key="seconds")

    @abstractmethod
    def estimate(self, x: np.ndarray) -> Parameters:
        """Fit one density to rows x (n, D), float64."""

    @abstractmethod
    def generate(self, parameters: Parameters, noise: Noise) -> np.ndarray:
        """Draw rows, (noise.n, D)."""

    def _fit(self, data: TrainingData, *, out: str | Path | None = None, **options: object) -> None:
        if options:
            raise ZaohuaError(f"{type(self).__name__} is fitted at once and takes no {', '.join(options)}")
        if self.y_spec_ is not None and not (self.y_spec_.is_category and self.y_spec_.shape == ()):
            raise ZaohuaError(
                f"{type(self).__name__} learns p(x | y) of labels only; models with networks take other y, such as "
                "flow, vae and gpt"
            )
        n, size = len(data.x), self.spec_.size
        what = f"{type(self).__name__} of {n:,} items of {size:,} values"
        require(self.memory_for(n, size), what, self.codec_.smaller_items())
        self.remember(data.x, np.arange(len(data.x)))
        began = time.perf_counter()
        self.densities_ = [self._learn(c, x) for c, x in enumerate(self._by_label(data))]
        self.seconds_ = round(time.perf_counter() - began, 3)

    def memory_for(self, n: int, size: int) -> float:
        """Return the bytes that fitting n items of `size` values takes at least: those of the items, as float64."""
        return 8.0 * n * size

    def learn(self, x: np.ndarray, columns: Sequence[str] | None = None) -> Parameters:
        """Check x and fit a density to it; error messages name a column where they can."""
        return self.estimate(x)

    def _learn(self, c: int, x: np.ndarray) -> Parameters:
        """Fit the density of class c to its rows x (n, D), with errors that name the label."""
        try:
            return self.learn(x, getattr(self.codec_, "names_", None))
        except ZaohuaError as error:
            if self.y_codec_ is None:
                raise
            raise ZaohuaError(f"label {self.y_codec_.decode(torch.tensor([c]))[0]!r}: {error}") from None

    def _by_label(self, data: TrainingData) -> list[np.ndarray]:
        """Split rows by class; one part without labels."""
        x = np.concatenate([self._rows(data.x, rows) for rows in chunks(len(data.x), 4096)])
        if data.y is None:
            return [x]
        classes = _classes(data.y)
        return [x[classes == c] for c in range(classes.max() + 1)]

    def _rows(self, codes: Codes, rows: slice) -> np.ndarray:
        indices = np.arange(rows.start, rows.stop)
        noise = ItemNoise([self.seed_ + int(i) for i in indices])
        return self.codec_.prepare(codes[indices], noise).flatten(1).double().numpy()

    # ---- primitives

    def draw(self, noise: ItemNoise, y: Condition | None) -> Tensor:
        """Draw tensors (n, ...)."""
        out = np.empty((noise.n, self.spec_.size))
        for density, where in self._by_class(y, noise.n):
            out[where] = self.generate(density, noise.take(where))
        return torch.from_numpy(out).reshape(noise.n, *self.spec_.tensor_shape)

    def _by_class(self, y: Condition | ConditionCodes | None, n: int) -> list[tuple[Parameters, np.ndarray]]:
        classes = np.zeros(n, dtype=int) if y is None else _classes(y)
        return [(density, classes == c) for c, density in enumerate(self.densities_) if (classes == c).any()]

    # ---- keeping

    def _tensors(self) -> dict[str, Tensor]:
        return {
            f"{c}.{name}": torch.from_numpy(np.ascontiguousarray(value))
            for c, density in enumerate(self.densities_)
            for name, value in density.items()
        }

    def _set_tensors(self, tensors: dict[str, Tensor]) -> None:
        count = 1 + max(int(key.split(".")[0]) for key in tensors)
        if count > len(tensors):
            raise CheckpointError("its weights have gaps in their numbering")
        self.densities_ = [{} for _ in range(count)]
        for key, value in tensors.items():
            c, name = key.split(".", 1)
            self.densities_[int(c)][name] = value.numpy()


class PerClassDensity(PerClass[CodecT]):
    """Density of the flattened tensor for each class. Subclasses define `log_density` too."""

    score_kind: ClassVar[ScoreKind] = "exact"

    @abstractmethod
    def log_density(self, parameters: Parameters, x: np.ndarray) -> np.ndarray:
        """Return the log density of rows x (n, D), float64 (n,)."""

    def log_prob(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Return the exact log density of x (B, ...) in the item's own units, nats (B,)."""
        rows = x.flatten(1).double().numpy()
        out = np.empty(len(rows))
        for density, where in self._by_class(y, len(rows)):
            out[where] = self.log_density(density, rows[where])
        return torch.from_numpy(out - self.spec_.log_volume)


class Density(PerClassDensity[CodecT]):
    """Density whose covariances stay invertible whatever the data are."""

    reg_covar: Annotated[float, Between(0)] = 1e-6
    """Added to every variance, in units of the data scaled to [-1, 1]."""

    @property
    def bin_variance(self) -> float:
        """Variance of a uniform spread over one level of quantised data, plus `reg_covar`; in tensor units."""
        levels = self.spec_.levels
        return self.reg_covar + (0.0 if levels is None else (2 / (levels - 1)) ** 2 / 12)


def _classes(y: Condition | ConditionCodes) -> np.ndarray:
    """Return the classes of labels, int64 (n,)."""
    assert isinstance(y, Tensor)
    classes: np.ndarray = y.cpu().numpy()
    return classes
