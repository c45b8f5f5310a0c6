"""What families define of training: networks and losses, and what else differs from the usual."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from zaohua.core.noise import Noise, derive_seed
from zaohua.core.record import Condition, hidden
from zaohua.core.spec import DataSpec
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.encoding import CodecT, TrainingData
from zaohua.modalities.base import Codes
from zaohua.modalities.condition_base import ConditionCodes
from zaohua.training.events import Batch
from zaohua.training.hiding import HIDDEN, draw_kept
from zaohua.training.order import grouped_split
from zaohua.training.settings import TrainingSettings


class Learnt(TrainingSettings, GenerativeModel[CodecT]):
    """Base of `Trainable`: the methods that families define, or may."""

    phases: ClassVar[dict[str, tuple[str, ...]]] = {"model": ("net",)}
    """Phases of a step, in order, and the networks that each of them trains."""

    phases_that_see: ClassVar[tuple[str, ...] | None] = None
    """Phases whose loss depends on items, which private training adds noise to; None for all. The others are given no
    items then, and conditions that are drawn."""

    @abstractmethod
    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Create the untrained networks by name, from the specs of x and y."""

    @abstractmethod
    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Compute the loss of each item in a phase, (B,), with random numbers from `batch.noise` only."""

    def rows(self, data: TrainingData) -> TrainingData:
        """Return the rows that batches are made of: the encoded items, or pieces of them in some families."""
        return data

    def row_weights(self, data: TrainingData) -> np.ndarray | None:
        """Return the relative frequency with which each row is drawn, float64 (n,); None for equal ones."""
        return None

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Convert a batch of codes to the tensor for the networks, (B, ...), as the codec does."""
        return self.codec_.prepare(codes, noise, train=train)

    def prepare_batch(
        self, codes: Tensor, y: Condition | ConditionCodes | None, noise: Noise, train: bool
    ) -> tuple[Tensor, Condition | None]:
        """Convert the codes of items and of their conditions to tensors for the networks."""
        return self.prepare(codes, noise, train=train), self.prepare_conditions(y, noise)

    def hide_conditions(self, y: Condition, noise: Noise) -> Condition:
        """Hide some conditions of a batch in training, so that the model can do without those that can't be drawn."""
        if self.y_codec_ is None or self.y_codec_.log_prior() is not None:
            return y
        return hidden(y, draw_kept(noise, HIDDEN, self.y_spec_))

    def hold_out(self, n: int, seed: int, groups: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Split n items into those to validate on and those to train on, the same for the same seed.

        Items of one of `groups` (n,) stay together, see `order.grouped_split`.
        """
        if self.epsilon is not None:  # whatever is chosen by held-out items is outside the guarantee
            return grouped_split(n, 0, seed, groups)
        explicit = self.validation_fraction != type(self).validation_fraction
        count = math.ceil(self.validation_fraction * n) if n > 2 or explicit else 0  # by default none of 1 or 2 items
        return grouped_split(n, count, seed, groups)

    def learnt(self, data: TrainingData, rows: TrainingData) -> tuple[Codes, np.ndarray]:
        """Return the codes of items, and the indices of those that are trained on and not held out.

        Args:
            data: the encoded items.
            rows: result of `rows`.
        """
        return data.x, self.hold_out(rows.n_items, derive_seed(self.seed_, "split"), rows.groups)[1]

    def sees(self, phase: str) -> bool:
        """Return whether the loss of a phase depends on items."""
        return self.phases_that_see is None or phase in self.phases_that_see

    def why_not_private(self) -> str:
        """Return why the model can't be trained with `epsilon`; an empty text if it can."""
        return ""

    def add_adapters(self, nets: nn.ModuleDict) -> nn.ModuleDict:
        """Add adapters to the networks to train; by default all weights are trained and none are added."""
        return nets

    def merge_adapters(self, nets: nn.ModuleDict) -> nn.ModuleDict:
        """Merge adapters into the weights, which gives networks as `build` creates them."""
        return nets

    def plan(self) -> tuple[str, ...]:
        """Return the phases of one step, in order; a phase may occur more than once."""
        return tuple(self.phases)

    def make_optimizer(self, parameters: dict[str, nn.Parameter], phase: str) -> torch.optim.Optimizer:
        """Create the optimiser of a phase, given its parameters by name."""
        return torch.optim.AdamW(
            parameters.values(),
            lr=self.learning_rate,
            betas=(self.beta1, self.beta2),
            weight_decay=self.weight_decay,
            fused=True,
        )
