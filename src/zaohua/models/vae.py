"""The variational autoencoder."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from torch import Tensor, nn

from zaohua.families.likelihoods import likelihood_of
from zaohua.families.vae import VariationalAutoencoder
from zaohua.fields import Between
from zaohua.nn.convnet import ConvDecoder, ConvEncoder
from zaohua.nn.mlp import MLP
from zaohua.spec import DataSpec


class VAE(VariationalAutoencoder):
    """Variational autoencoder with Gaussian latents.

    Paper: Kingma and Welling, "Auto-Encoding Variational Bayes", 2013 (arXiv:1312.6114).
    """

    tiny: ClassVar[dict[str, Any]] = {"channels": 8, "latent_dim": 4, "max_steps": 30, "batch_size": 16,
                                      "score_importance_samples": 8}

    network: Literal["conv", "mlp"] = "conv"
    """Convolutions, or a plain perceptron."""
    channels: Annotated[int, Between(1)] = 32
    """Channels at the highest resolution (conv)."""
    hidden: Annotated[int, Between(1)] = 512
    """Width of the hidden layers (mlp)."""
    layers: Annotated[int, Between(1)] = 2
    """Hidden layers of each network (mlp)."""

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """An encoder to mean and log variance, and a decoder to the likelihood's parameters."""
        out_channels = spec.channels * likelihood_of(spec).n_parameters
        if self.network == "mlp":
            shape = (out_channels, *spec.tensor_shape[1:])
            size = spec.size * out_channels // spec.channels
            encoder: nn.Module = Flat(MLP(spec, y_spec, out_dim=2 * self.latent_dim, hidden=self.hidden,
                                          layers=self.layers), (2 * self.latent_dim,))
            decoder: nn.Module = Flat(MLP(self.latent_dim, y_spec, out_dim=size, hidden=self.hidden,
                                          layers=self.layers), shape)
        else:
            style: dict[str, Any] = {"channels": self.channels, "blocks": "residual", "activation": "silu"}
            encoder = ConvEncoder(spec, y_spec, out_dim=2 * self.latent_dim, **style)
            decoder = ConvDecoder(spec, y_spec, in_dim=self.latent_dim, out_channels=out_channels, **style)
        return nn.ModuleDict({"encoder": encoder, "decoder": decoder})


class Flat(nn.Module):
    """A perceptron as an encoder or decoder: its output gets a shape."""

    def __init__(self, mlp: MLP, shape: tuple[int, ...]):
        super().__init__()
        self.mlp, self.shape = mlp, shape

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """(B, ...) -> (B, *shape)."""
        return self.mlp(x, y=y).view(len(x), *self.shape)
