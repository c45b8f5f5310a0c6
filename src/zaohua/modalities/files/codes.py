"""Encoded items that don't fit into memory: files are decoded whenever a batch needs them."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, Self

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.base import Indices
from zaohua.modalities.files.items import Source, in_threads


class FileCodes(ABC, Generic[Source]):
    """Base of encoded items that are read from files on demand; picklable, for worker processes."""

    def __init__(self, sources: Sequence[Source]):
        self.sources = list(sources)

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, indices: Indices) -> Tensor:
        """Return the encoded items (b, ...) at `indices` (integers, a mask or a slice).

        Raises:
            ZaohuaError: a file can't be read any more.
        """
        rows = np.arange(len(self))[indices if isinstance(indices, slice) else np.asarray(indices)]
        return torch.from_numpy(np.stack(in_threads(self._decoded, np.atleast_1d(rows).tolist())))

    def take(self, rows: np.ndarray) -> Self:
        """Return the codes of the items at these indices, which are still in files."""
        other = copy.copy(self)
        other.sources = [self.sources[row] for row in rows.tolist()]
        return other

    def _decoded(self, row: int) -> np.ndarray:
        try:
            return self.load(self.sources[row])
        except Exception as error:  # a damaged file can make a decoder raise anything
            name = self.name(self.sources[row], row)
            raise ZaohuaError(f"{name}: can't be read any more ({self.reason(error)})") from error

    @abstractmethod
    def load(self, source: Source) -> np.ndarray:
        """Load and encode one item; may raise anything."""

    @abstractmethod
    def name(self, source: Source, at: int) -> str:
        """Return a readable name of the item at index `at`."""

    @abstractmethod
    def reason(self, error: Exception) -> str:
        """Describe in a few words why an item can't be read."""
