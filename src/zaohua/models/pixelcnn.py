"""The gated PixelCNN."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from torch import nn

from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.families.autoregressive.pixels import MixturePixelModel
from zaohua.nn.pixelcnn import GatedPixelCNN
from zaohua.training.optimizers import Muon


class PixelCNN(MixturePixelModel):
    """Gated convolutions that see only the pixels before: exact likelihoods, and cached sampling.

    Colours have a mixture of logistics in which each channel's means depend on the previous channels (Salimans et al.,
    "PixelCNN++", 2017); channels of binary or continuous pixels are independent given the previous pixels.

    Paper: van den Oord et al., "Conditional Image Generation with PixelCNN Decoders", 2016 (arXiv:1606.05328).
    """

    whole_pixels: ClassVar[bool] = True
    tiny: ClassVar[Json] = {"width": 8, "layers": 2, "components": 2, "max_steps": 20, "batch_size": 16}

    width: Annotated[int, Between(1)] = 48
    """Number of channels of each of the two stacks."""
    layers: Annotated[int, Between(1)] = 8
    """Number of gated layers."""
    dilation_cycle: Annotated[int, Between(1, 6)] = 2
    """Period of the dilations 1, 2, 4 ... of the layers."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.0
    """Dropout probability."""
    batch_size = 16
    learning_rate = 1e-2
    max_grad_norm = 100.0

    optimizer: Literal["muon", "adamw"] = "muon"
    """Optimiser of the weights of the gated layers; AdamW trains everything else."""

    def network(self, spec: DataSpec, y_spec: DataSpec | None, outputs: int) -> nn.Module:
        """Build a vertical and a horizontal stack of gated convolutions."""
        return GatedPixelCNN(
            spec,
            y_spec,
            out_channels=outputs,
            width=self.width,
            layers=self.layers,
            dilation_cycle=self.dilation_cycle,
            dropout=self.dropout,
        )

    def make_optimizer(self, parameters: dict[str, nn.Parameter], phase: str) -> torch.optim.Optimizer:
        """Make Muon for the weights of the gated layers, AdamW for the rest."""
        return Muon(
            parameters,
            lambda name: self.optimizer == "muon" and ".blocks." in name,
            lr=self.learning_rate,
            betas=(self.beta1, self.beta2),
            weight_decay=self.weight_decay,
        )
