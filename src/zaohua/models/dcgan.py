"""The deep convolutional GAN."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from torch import nn

from zaohua.families.gan import GAN
from zaohua.fields import Between
from zaohua.nn.convnet import ConvDecoder, ConvEncoder
from zaohua.spec import DataSpec


class DCGAN(GAN):
    """Convolutional GAN: strided convolutions, batch normalisation in the generator, the non-saturating loss.

    Paper: Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative
    Adversarial Networks", 2015 (arXiv:1511.06434).
    """

    tiny: ClassVar[dict[str, Any]] = {"channels": 8, "max_channels": 16, "latent_dim": 8, "max_steps": 20,
                                      "batch_size": 16}

    channels: Annotated[int, Between(1)] = 64
    """Channels of the outermost convolution; they double with each halving of the image."""
    max_channels: Annotated[int, Between(1)] = 256
    """Channels at most."""
    kernel_size: Annotated[int, Between(2, 9)] = 4
    """Side of the convolutions."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.3
    """Dropout in the discriminator."""
    discriminator_norm: Literal["batch", "group", "none"] = "none"
    """Normalisation in the discriminator; the paper's is "batch"."""

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """A generator of transposed convolutions and a discriminator of strided ones."""
        sizes = {"channels": self.channels, "max_channels": self.max_channels, "kernel_size": self.kernel_size}
        generator = ConvDecoder(spec, y_spec, in_dim=self.latent_dim, norm="batch", **sizes)
        discriminator = ConvEncoder(spec, y_spec, out_dim=1, norm=self.discriminator_norm, dropout=self.dropout, **sizes)
        return nn.ModuleDict({"discriminator": discriminator, "generator": generator})
