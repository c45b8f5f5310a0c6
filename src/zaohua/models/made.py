"""The masked autoencoder for distribution estimation."""

from __future__ import annotations

from typing import Annotated, ClassVar

from torch import nn

from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.families.autoregressive.pixels import MixturePixelModel
from zaohua.nn.made import MaskedMLP


class MADE(MixturePixelModel):
    """Masked autoencoder that predicts each pixel from those before it: exact likelihoods in one pass.

    Paper: Germain, Gregor, Murray and Larochelle, "MADE: Masked Autoencoder for Distribution Estimation", 2015
    (arXiv:1502.03509).
    """

    tiny: ClassVar[Json] = {"hidden": 64, "layers": 1, "components": 2, "max_steps": 30, "batch_size": 16}

    hidden: Annotated[int, Between(1)] = 1024
    """Width of the hidden layers."""
    layers: Annotated[int, Between(1)] = 2
    """Number of hidden layers; on binary digits a single one of 5000 units overfits less than two."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.1
    """Dropout probability of hidden units."""
    batch_size = 128
    max_grad_norm = 100.0

    def network(self, spec: DataSpec, y_spec: DataSpec | None, outputs: int) -> nn.Module:
        """Build a masked perceptron."""
        return MaskedMLP(
            spec,
            y_spec,
            n_parameters=outputs // spec.channels,
            hidden=self.hidden,
            layers=self.layers,
            dropout=self.dropout,
        )
