"""What every model with classifier-free guidance shares: learning p(x | y) and p(x) with one network.

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
    """Hides the condition of some items in training; samples go from what is said without it towards, or beyond, it."""

    condition_dropout: Annotated[float, Between(0, 1)] = 0.1
    """Share of the items whose condition is hidden in training, so that guidance has something to push away from."""
    guidance: Annotated[float, Between(0, 100), Sampling] = 1.0
    """Weight of the condition: 1 samples p(x | y) as learnt, more makes it plainer at the cost of variety."""

    def kept(self, batch: Batch) -> Tensor | None:
        """Which items of a batch show their condition, bool (B,); None without conditions."""
        return None if batch.y is None else batch.noise.uniform() >= self.condition_dropout
