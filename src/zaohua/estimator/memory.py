"""Base of models that remember which items they were trained on, see `seen`."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from zaohua.core.json import Json
from zaohua.core.stored import Stored
from zaohua.estimator import seen
from zaohua.modalities.base import Codes


class TrainingMemory:
    """Keyed hashes of the items that a model was trained on."""

    quoted: ClassVar[float] = 0.0
    """Fraction of new items that may equal training items, see `seen`."""

    seed_: int
    seen_ = Stored[list[Json]]([], key="seen")

    @property
    def is_private(self) -> bool:
        """True if the model is fitted with differential privacy, so that it may remember nothing of single items."""
        return getattr(self, "epsilon", None) is not None

    def remember(self, codes: Codes, items: np.ndarray) -> None:
        """Remember by keyed hashes which items the model is trained on; a private model remembers none.

        Args:
            codes: encoded items.
            items: indices of those that it is trained on.
        """
        if self.is_private or not len(items) or seen.can_be_listed(codes, items):
            return
        rows = seen.sampled(codes, items, self.seed_)
        hashes = self.hash_items(codes, rows, self.seed_)
        self.seen_ = [*self.seen_, seen.remember(hashes, self.seed_, len(rows) / len(items), self.quoted)]

    def hash_items(self, codes: Codes, items: np.ndarray, key: int) -> np.ndarray:
        """Return keyed hashes of encoded items at some indices, uint64 (n,)."""
        return seen.item_hashes(codes, items, key)

    def count_seen(self, codes: Codes) -> seen.Seen | None:
        """Count the encoded items that this model was trained on, or None if it remembers none."""
        keys = {memory["key"] for memory in self.seen_}
        items = np.arange(len(codes))
        return seen.seen_by(self.seen_, {key: self.hash_items(codes, items, key) for key in keys})
