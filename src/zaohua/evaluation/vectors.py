"""Default protocol: items of one size, compared as vectors of their tensors."""

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
"""Maximum number of values of all training items, which are in memory."""
HASHED = 64
"""Number of training items whose features are hashed, to identify the feature function."""


@dataclass(frozen=True, eq=False)
class Tensors(EncodedItems):
    """Real items whose values are the tensors for the networks, limited to `ROOM` numbers."""

    @property
    def most(self) -> float:  # type: ignore[override]  # it depends on how large the items are
        """Maximum number of items of a split."""
        return max(LEAST, min(EncodedItems.most, ROOM // self.to_values(self.codes[np.arange(1)]).size))


class VectorProtocol(FeatureProtocol):
    """Protocol for any items with tensors of one shape.

    Values are the tensors for the networks, float32 (n, channels, *shape). Distances are computed in their principal
    components. A kind of data with better features defines them in a subclass, named by its `Modality.protocol`, and
    principal components serve as a check:

        class SeriesProtocol(VectorProtocol):
            def features(self, items):  # (n, channels, length) -> (n, d)
                return np.abs(np.fft.rfft(items[:, 0]))[:, :20]

    Args:
        splits: real items.
        n: number of samples, and of test items to compare them with; fewer if there are fewer.
        seed: seed of the decomposition and of random draws.
    """

    def __init__(self, splits: Splits, n: int = 10_000, seed: int = 0):
        self.modality, self.noun = splits.modality, splits.noun
        super().__init__(splits, n, seed)

    @classmethod
    def items(cls, model: Model, items: object, labels: object) -> Tensors:
        """Convert real items to tensors."""
        return Tensors.of(model, items, labels, _tensors)

    def to_measured(self, model: Model, block: object) -> np.ndarray:
        """Convert samples to tensors."""
        codes = model.encode_items(block).codes
        return _tensors(model, codes[np.arange(len(codes))])

    def make_extractors(self, train: Items) -> list[Extractor]:
        """Return the features of the subclass, if it defines any, and principal components."""
        components = _Components(train.values, self.seed)
        if type(self).features is VectorProtocol.features:
            return [components]
        return [_Own(type(self).__name__, self.features, train.values[:HASHED]), components]

    def features(self, items: np.ndarray) -> np.ndarray:
        """Compute the features of items, in which distances are computed.

        Args:
            items: tensors for the networks, float32 (n, channels, *shape).

        Returns:
            float (n, d).
        """
        return super().features(items)


def _tensors(model: Model, codes: Tensor) -> np.ndarray:
    """Convert codes to the tensors for the networks, float32."""
    return prepared(model, codes).float().cpu().numpy()


class _Components:
    """Principal components of arrays of any shape."""

    def __init__(self, values: np.ndarray, random_state: int):
        self._pca = Pca(_rows(values), random_state)
        self.name = self._pca.name

    @property
    def hash(self) -> str:
        return self._pca.hash

    def features(self, items: np.ndarray) -> np.ndarray:
        """Compute the coordinates along the components, (n, d)."""
        return self._pca.features(_rows(items))


def _rows(values: np.ndarray) -> np.ndarray:
    """Convert arrays to the input of `Pca`: pictures one pixel high, in [0, 1] for tensors in [-1, 1]."""
    return (np.asarray(values, np.float64).reshape(len(values), 1, -1) + 1) / 2


class _Own:
    """Features defined by a protocol, checked to be finite with one row per item."""

    def __init__(self, name: str, function: Callable[[np.ndarray], np.ndarray], some: np.ndarray):
        self.name, self._function = name, function
        self.hash = short_hash([self.features(some)])

    def features(self, items: np.ndarray) -> np.ndarray:
        """Compute the features (n, d) of items."""
        found = np.asarray(self._function(items), np.float64)
        if found.ndim != 2 or len(found) != len(items) or not np.isfinite(found).all():
            raise ZaohuaError(
                f"{self.name}.features must return (n, d) finite numbers, here ({len(items)}, d), not {found.shape}"
            )
        return found
