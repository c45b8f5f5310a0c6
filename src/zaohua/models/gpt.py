"""The transformer language model."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import nn

from zaohua.errors import ZaohuaError
from zaohua.families.autoregressive.texts import TextModel
from zaohua.fields import Between
from zaohua.nn.lora import adapt, merge
from zaohua.nn.transformer import Transformer
from zaohua.optimizers import Muon
from zaohua.spec import DataSpec


class GPT(TextModel):
    """Transformer that reads a text and says what comes next.

    Paper: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019; with rotary positions,
    normalised queries and keys, RMSNorm and squared ReLU; trained by Muon (Jordan et al., 2024) and AdamW.
    """

    tiny: ClassVar[dict[str, Any]] = {"width": 16, "layers": 2, "heads": 2, "context": 16, "max_steps": 20,
                                      "max_tokens": 8, "batch_size": 8}

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
    lora: Annotated[int, Between(0)] = 0
    """Rank of what fine-tuning learns beside the linear layers, while they are held still; 0 trains all of them."""
    learning_rate = 3e-3
    decay = "linear"
    beta2 = 0.95
    weight_decay = 0.1
    ema = 0.99

    def _check(self) -> None:
        super()._check()
        if self.width % (2 * self.heads):
            raise ZaohuaError(f"GPT: a width of {self.width} can't be split into {self.heads} heads of an even size")
        if self.lora and self.base_ is None:
            raise ZaohuaError("GPT: lora needs a trained model to begin from (finetune, or --base RUN)")

    def network(self, vocabulary: int, y_spec: DataSpec | None) -> nn.Module:
        """A causal transformer."""
        return Transformer(vocabulary, y_spec, context=self.context, width=self.width, layers=self.layers,
                           heads=self.heads, dropout=self.dropout, style=self.style)

    def adapted(self, nets: nn.ModuleDict) -> nn.ModuleDict:
        """All of the network, or with `lora` only corrections beside the layers within its blocks."""
        if self.lora:
            adapt(nets["net"], "blocks", self.lora)
        return nets

    def merged(self, nets: nn.ModuleDict) -> nn.ModuleDict:
        """A plain network again."""
        return nn.ModuleDict({"net": merge(nets["net"])}).eval() if self.lora else nets

    def optimizer(self, parameters: dict[str, nn.Parameter], phase: str) -> torch.optim.Optimizer:
        """Muon for the matrices of the blocks, AdamW for the rest and for what LoRA adds."""
        return Muon(parameters, lambda name: self.solver == "muon" and not self.lora and ".blocks." in name,
                    lr=self.learning_rate, betas=(self.beta1, self.beta2), weight_decay=self.weight_decay)
