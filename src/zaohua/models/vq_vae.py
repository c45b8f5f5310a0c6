"""The vector-quantised variational autoencoder."""

from __future__ import annotations

from typing import Annotated, ClassVar

from torch import nn

from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.families.autoregressive.vq_vae import VectorQuantizedAutoencoder
from zaohua.families.likelihoods import likelihood_of
from zaohua.families.vocoder import VocoderMixin
from zaohua.nn.transformer import Transformer
from zaohua.nn.vq import Codebook, GridDecoder, GridEncoder, grid_sizes


class VQVAE(VectorQuantizedAutoencoder, VocoderMixin):
    """Vector-quantised autoencoder with a transformer as the prior of its codes.

    Paper: van den Oord, Vinyals and Kavukcuoglu, "Neural Discrete Representation Learning", 2017 (arXiv:1711.00937).
    """

    tiny: ClassVar[Json] = {
        "channels": 8,
        "codes": 16,
        "code_dim": 4,
        "prior_width": 16,
        "prior_layers": 1,
        "prior_heads": 2,
        "max_steps": 30,
        "batch_size": 16,
    }

    halvings: Annotated[int, Between(1, 6)] = 2
    """Number of halvings of the resolution from the image to the grid of codes."""
    channels: Annotated[int, Between(1)] = 32
    """Channels of the convolutions after the first halving, doubled with each further one."""
    depth: Annotated[int, Between(0)] = 1
    """Number of residual blocks at each resolution."""
    prior_width: Annotated[int, Between(4)] = 128
    """Width of the prior, a transformer."""
    prior_layers: Annotated[int, Between(1)] = 4
    """Number of blocks of the prior."""
    prior_heads: Annotated[int, Between(1)] = 4
    """Number of attention heads of the prior, which divides its width."""
    prior_dropout: Annotated[float, Between(0, 0.9)] = 0.1
    """Dropout probability of the prior."""

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the grid of codes."""
        return grid_sizes(self.spec_, self.halvings)[-1]

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build a convolutional encoder and decoder, a codebook, and a causal transformer over codes."""
        height, width = grid_sizes(spec, self.halvings)[-1]
        conv = {"dim": self.code_dim, "halvings": self.halvings, "channels": self.channels, "depth": self.depth}
        return nn.ModuleDict(
            {
                "encoder": GridEncoder(spec, **conv),
                "codebook": Codebook(self.codes, self.code_dim),
                "decoder": GridDecoder(spec, out_channels=likelihood_of(spec).outputs(spec.channels), **conv),
                "prior": Transformer(
                    self.codes + 1,
                    y_spec,
                    context=height * width,
                    width=self.prior_width,
                    layers=self.prior_layers,
                    heads=self.prior_heads,
                    dropout=self.prior_dropout,
                    places=True,
                ),
            }
        )
