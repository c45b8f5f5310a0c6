"""The variational autoencoder."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from torch import nn

from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.families.likelihoods import likelihood_of
from zaohua.families.vae import VariationalAutoencoder
from zaohua.families.vocoder import VocoderMixin
from zaohua.modalities.base import GridCodec
from zaohua.nn.convnet import ConvDecoder, ConvEncoder
from zaohua.nn.mlp import MLP, Flat


class VAE(VariationalAutoencoder[GridCodec], VocoderMixin):
    """Variational autoencoder with Gaussian latents.

    Paper: Kingma and Welling, "Auto-Encoding Variational Bayes", 2013 (arXiv:1312.6114).
    """

    tiny: ClassVar[Json] = {
        "channels": 8,
        "latent_dim": 4,
        "max_steps": 30,
        "batch_size": 16,
        "score_importance_samples": 8,
    }

    encoder: Literal["conv", "mlp"] = "conv"
    """Architecture of the encoder; a perceptron is faster on small images."""
    decoder: Literal["conv", "mlp"] = "conv"
    """Architecture of the decoder."""
    channels: Annotated[int, Between(1)] = 32
    """Channels of convolutional networks at the highest resolution."""
    max_channels: Annotated[int, Between(1)] = 256
    """Maximum number of channels of convolutional networks."""
    hidden: Annotated[int, Between(1)] = 512
    """Width of the hidden layers of perceptrons."""
    layers: Annotated[int, Between(1)] = 2
    """Number of hidden layers of perceptrons."""
    activation: Literal["silu", "relu", "gelu", "tanh"] = "silu"
    """Activation of perceptrons."""

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build an encoder to mean and log variance, and a decoder to the likelihood's parameters."""
        n_codes, n_parameters = 2 * self.latent_dim, likelihood_of(spec).outputs(spec.channels)
        conv: dict[str, Any] = {
            "channels": self.channels,
            "max_channels": self.max_channels,
            "blocks": "residual",
            "activation": "silu",
        }
        dense: dict[str, Any] = {"hidden": self.hidden, "layers": self.layers, "activation": self.activation}
        shape = (n_parameters, *spec.tensor_shape[1:])
        encoder: nn.Module = (
            ConvEncoder(spec, y_spec, out_dim=n_codes, **conv)
            if self.encoder == "conv"
            else Flat(MLP(spec, y_spec, out_dim=n_codes, **dense), (n_codes,))
        )
        decoder: nn.Module = (
            ConvDecoder(spec, y_spec, in_dim=self.latent_dim, out_channels=n_parameters, **conv)
            if self.decoder == "conv"
            else Flat(MLP(self.latent_dim, y_spec, out_dim=math.prod(shape), **dense), shape)
        )
        return nn.ModuleDict({"encoder": encoder, "decoder": decoder})
