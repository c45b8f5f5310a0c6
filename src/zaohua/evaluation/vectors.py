"""The protocol of kinds of data that name none: items of one size, compared as vectors of their tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.evaluation.features import LEAST, FeatureProtocol
from zaohua.evaluation.model import Model
from zaohua.evaluation.splits import EncodedItems, Items, Splits, prepared
from zaohua.metrics.extractor_base import Extractor, short_hash
from zaohua.metrics.untrained import Pca

ROOM = 1 << 28
"""Numbers of all training items together, at most: they are in memory."""
HASHED = 64
"""Training items whose features are hashed, so that different ways of computing them have different names."""


@dataclass(frozen=True, eq=False)
class Tensors(EncodedItems):
    """Real items whose values are the tensors that networks see, as many as there is room for."""

    @property
    def most(self) -> float:  # type: ignore[override]  # it depends on how large the items are
        """How many of a split are used at most."""
        return max(LEAST, min(EncodedItems.most, ROOM // self.to_values(self.codes[np.arange(1)]).size))


class VectorProtocol(FeatureProtocol):
    """What models of any items with tensors of one shape are measured by.

    Values are the tensors that networks see, float32 (n, channels, *shape). Distances are computed in their principal
    components. A kind of data with better features has a subclass that defines `features`, named by its
    `Modality.protocol`; principal components check them then:

        class SeriesProtocol(VectorProtocol):
            def features(self, items):  # (n, channels, length) -> (n, d)
                return np.abs(np.fft.rfft(items[:, 0]))[:, :20]

    Args:
        splits: real items.
        n: samples, and test items to compare them with; fewer if there are fewer.
        seed: of the decomposition, and of what is drawn.
    """

    def __init__(self, splits: Splits, n: int = 10_000, seed: int = 0):
        self.modality, self.noun = splits.modality, splits.noun
        super().__init__(splits, n, seed)

    @classmethod
    def items(cls, model: Model, items: object, labels: object) -> Tensors:
        """Return real items as tensors."""
        return Tensors.of(model, items, labels, _tensors)

    def to_measured(self, model: Model, block: object) -> np.ndarray:
        """Return samples as tensors."""
        codes = model.encode_items(block).codes
        return _tensors(model, codes[np.arange(len(codes))])

    def make_extractors(self, train: Items) -> list[Extractor]:
        """Return the features of a subclass, if it defines any, and principal components."""
        components = _Components(train.values, self.seed)
        if type(self).features is VectorProtocol.features:
            return [components]
        return [_Own(type(self).__name__, self.features, train.values[:HASHED]), components]

    def features(self, items: np.ndarray) -> np.ndarray:
        """Return the features of some items, in which distances are computed.

        Args:
            items: tensors that networks see, float32 (n, channels, *shape).

        Returns:
            float (n, d).
        """
        return super().features(items)


def _tensors(model: Model, codes: Tensor) -> np.ndarray:
    """Return codes as the tensors that networks see, float32."""
    return prepared(model, codes).float().cpu().numpy()


class _Components:
    """The principal components of arrays of any shape."""

    def __init__(self, values: np.ndarray, random_state: int):
        self._pca = Pca(_rows(values), random_state)
        self.name = self._pca.name

    @property
    def hash(self) -> str:
        return self._pca.hash

    def features(self, items: np.ndarray) -> np.ndarray:
        """Return coordinates along the components, (n, d)."""
        return self._pca.features(_rows(items))


def _rows(values: np.ndarray) -> np.ndarray:
    """Return arrays as what `Pca` takes: pictures one pixel high, in [0, 1] where tensors are in [-1, 1]."""
    return (np.asarray(values, np.float64).reshape(len(values), 1, -1) + 1) / 2


class _Own:
    """The features that a protocol defines, checked: one row for each item, of finite numbers."""

    def __init__(self, name: str, function: Callable[[np.ndarray], np.ndarray], some: np.ndarray):
        self.name, self._function = name, function
        self.hash = short_hash([self.features(some)])

    def features(self, items: np.ndarray) -> np.ndarray:
        """Return the features of some items, (n, d)."""
        found = np.asarray(self._function(items), np.float64)
        if found.ndim != 2 or len(found) != len(items) or not np.isfinite(found).all():
            raise ZaohuaError(
                f"{self.name}.features must return (n, d) finite numbers, here ({len(items)}, d), not {found.shape}"
            )
        return found
