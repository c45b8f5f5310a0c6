"""The transformer language model."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import nn

from zaohua.errors import ZaohuaError
from zaohua.families.autoregressive.texts import TextModel
from zaohua.families.autoregressive.tokens import TokenModel
from zaohua.fields import Between
from zaohua.nn.transformer import Transformer
from zaohua.optimizers import Muon
from zaohua.spec import DataSpec


class TransformerModel(TokenModel):
    """What transformers over tokens of any kind share: their network and how it is trained."""

    width: Annotated[int, Between(4)] = 256
    """Channels."""
    layers: Annotated[int, Between(1)] = 6
    """Blocks of attention and perceptron."""
    heads: Annotated[int, Between(1)] = 4
    """Heads of each attention; they divide the width."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.1
    """Probability with which an activation is dropped in training."""
    style: Literal["modern", "gpt2"] = "modern"
    """What blocks are made of: today's parts, or those of GPT-2."""
    solver: Literal["muon", "adamw"] = "muon"
    """What trains the matrices within the blocks; everything else AdamW does."""
    learning_rate = 3e-3
    decay = "linear"
    beta2 = 0.95
    weight_decay = 0.1
    ema = 0.99

    def _check(self) -> None:
        super()._check()
        if self.width % (2 * self.heads):
            raise ZaohuaError(f"{type(self).__name__}: a width of {self.width} can't be split into {self.heads} heads "
                              "of an even size")

    def network(self, vocabulary: int, y_spec: DataSpec | None) -> nn.Module:
        """A causal transformer."""
        return Transformer(vocabulary, y_spec, context=self.context, width=self.width, layers=self.layers,
                           heads=self.heads, dropout=self.dropout, style=self.style)

    def optimizer(self, parameters: dict[str, nn.Parameter], phase: str) -> torch.optim.Optimizer:
        """Muon for the matrices of the blocks, AdamW for the rest."""
        return Muon(parameters, lambda name: self.solver == "muon" and ".blocks." in name, lr=self.learning_rate,
                    betas=(self.beta1, self.beta2), weight_decay=self.weight_decay)


class GPT(TransformerModel, TextModel):
    """Transformer that reads a text and says what comes next.

    Paper: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019; with rotary positions,
    normalised queries and keys, RMSNorm and squared ReLU; trained by Muon (Jordan et al., 2024) and AdamW.
    """

    tiny: ClassVar[dict[str, Any]] = {"width": 16, "layers": 2, "heads": 2, "context": 16, "max_steps": 20,
                                      "max_tokens": 8, "batch_size": 8}
