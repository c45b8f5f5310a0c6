"""What models built on the causal transformer share: its fields, and what trains it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from torch import nn

from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.estimator.encoding import CodecT
from zaohua.nn.transformer import Transformer
from zaohua.training.optimizers import Muon
from zaohua.training.trainable import Trainable


class CausalTransformer(Trainable[CodecT]):
    """Fields and optimizer of a model whose network is a causal transformer."""

    learning_rate = 3e-3
    lr_schedule = "linear"
    beta2 = 0.95
    weight_decay = 0.1
    ema_decay = 0.99

    width: Annotated[int, Between(4)] = 256
    """Channels."""
    layers: Annotated[int, Between(1)] = 6
    """Blocks of attention and perceptron."""
    heads: Annotated[int, Between(1)] = 4
    """Heads of each attention; they divide the width."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.1
    """Probability with which an activation is dropped in training."""
    architecture: Literal["modern", "gpt2"] = "modern"
    """What blocks are made of: today's parts, or those of GPT-2."""
    optimizer: Literal["muon", "adamw"] = "muon"
    """What trains the matrices within the blocks; everything else AdamW does."""

    def transformer(self, vocabulary: int, y_spec: DataSpec | None, context: int, **more: Any) -> Transformer:
        """The network that the fields describe, untrained."""
        return Transformer(
            vocabulary,
            y_spec,
            context=context,
            width=self.width,
            layers=self.layers,
            heads=self.heads,
            dropout=self.dropout,
            architecture=self.architecture,
            **more,
        )

    def make_optimizer(self, parameters: dict[str, nn.Parameter], phase: str) -> torch.optim.Optimizer:
        """Muon for the matrices of the blocks, AdamW for the rest."""
        return Muon(
            parameters,
            self.by_muon,
            lr=self.learning_rate,
            betas=(self.beta1, self.beta2),
            weight_decay=self.weight_decay,
        )

    def by_muon(self, name: str) -> bool:
        """Whether Muon trains the matrix of that name."""
        return self.optimizer == "muon" and ".blocks." in name
