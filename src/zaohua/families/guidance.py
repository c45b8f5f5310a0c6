"""Classifier-free guidance: one network learns p(x | y) and p(x).

Source: Ho and Salimans, "Classifier-Free Diffusion Guidance", 2022 (arXiv:2207.12598).
"""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from zaohua.core.params import Between, Sampling
from zaohua.estimator.encoding import CodecT
from zaohua.training.events import Batch
from zaohua.training.trainable import Trainable


class Guided(Trainable[CodecT]):
    """Base of models with guidance: conditions are hidden from some items in training, and amplified in sampling."""

    condition_dropout: Annotated[float, Between(0, 1)] = 0.1
    """Fraction of items whose condition is hidden in training, from which p(x) is learnt."""
    guidance: Annotated[float, Between(0, 100), Sampling] = 1.0
    """Guidance weight: 1 samples p(x | y), higher values follow the condition more closely with less variety."""

    def condition_mask(self, batch: Batch) -> Tensor | None:
        """Draw which items of a batch keep their condition; None without conditions.

        Returns:
            bool (B,). Of records bool (B, parts): an item loses all parts at once, and else each part by itself, so
            that p(x | some parts) is learnt for any of them.
        """
        if batch.y is None:
            return None
        kept = batch.noise.uniform() >= self.condition_dropout
        if self.y_spec_ is None or not self.y_spec_.is_record:
            return kept
        return kept[:, None] & (batch.noise.uniform(len(self.y_spec_.parts)) >= self.condition_dropout)
