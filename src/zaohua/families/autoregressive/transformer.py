"""Fields and optimiser shared by models whose network is a causal transformer."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import nn

from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.estimator.encoding import CodecT
from zaohua.nn.blueprint import Blueprint
from zaohua.nn.transformer import Transformer
from zaohua.training.optimizers import Muon
from zaohua.training.trainable import Trainable


class CausalTransformer(Trainable[CodecT]):
    """Base of models whose network is a causal transformer: its fields and optimiser."""

    learning_rate = 3e-3
    lr_schedule = "linear"
    beta2 = 0.95
    weight_decay = 0.1
    ema_decay = 0.99

    width: Annotated[int, Between(4)] = 256
    """Number of channels."""
    layers: Annotated[int, Between(1)] = 6
    """Number of blocks of attention and perceptron."""
    heads: Annotated[int, Between(1)] = 4
    """Number of attention heads, which divides the width."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.1
    """Dropout probability of activations."""
    architecture: Literal["zaohua", "gpt2", "llama"] | Blueprint = "zaohua"
    """Architecture of the blocks: ours, that of GPT-2 or that of Llama; in Python also any `Blueprint`."""
    gradient_checkpointing: bool = False
    """Compute activations within blocks twice, to need far less memory: about a third more time."""
    optimizer: Literal["muon", "adamw"] = "muon"
    """Optimiser of the matrices within the blocks; AdamW trains everything else."""

    def transformer(
        self, vocabulary: int, y_spec: DataSpec | None, context: int, *, places: bool = False
    ) -> Transformer:
        """Build the network; `places` learns positions in any architecture."""
        return Transformer(
            vocabulary,
            y_spec,
            context=context,
            width=self.width,
            layers=self.layers,
            heads=self.heads,
            dropout=self.dropout,
            architecture=self.architecture,
            places=places,
            gradient_checkpointing=self.gradient_checkpointing,
        )

    def make_optimizer(self, parameters: dict[str, nn.Parameter], phase: str) -> torch.optim.Optimizer:
        """Make Muon for the matrices of the blocks, AdamW for the rest."""
        return Muon(
            parameters,
            self.by_muon,
            lr=self.learning_rate,
            betas=(self.beta1, self.beta2),
            weight_decay=self.weight_decay,
        )

    def by_muon(self, name: str) -> bool:
        """Return whether Muon trains the parameter of that name."""
        return self.optimizer == "muon" and ".blocks." in name
