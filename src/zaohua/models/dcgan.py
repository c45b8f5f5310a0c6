"""The deep convolutional GAN."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from torch import nn

from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.families.gan import GAN
from zaohua.families.vocoder import VocoderMixin
from zaohua.modalities.base import GridCodec
from zaohua.nn.convnet import ConvDecoder, ConvEncoder


class DCGAN(GAN[GridCodec], VocoderMixin):
    """Convolutional GAN: strided convolutions, batch normalisation in the generator, the non-saturating loss.

    Paper: Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative
    Adversarial Networks", 2015 (arXiv:1511.06434).
    """

    tiny: ClassVar[dict[str, Any]] = {
        "channels": 8,
        "max_channels": 16,
        "latent_dim": 8,
        "max_steps": 20,
        "batch_size": 16,
    }

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
    base_layers: Annotated[int, Between(0, 8)] = 0
    """Convolutions of the generator at its lowest resolution, before it is doubled."""
    update: Literal["alternating", "simultaneous"] = "alternating"
    """Whether the networks are trained in turn, each on fakes of its own, or both from one pass over the same fakes,
    which takes two thirds of the time."""

    def plan(self) -> tuple[str, ...]:
        """The discriminator, then the generator, or both in one."""
        return ("both",) if self.update == "simultaneous" else super().plan()

    def _check(self) -> None:
        super()._check()
        if self.update == "simultaneous" and self.discriminator_norm == "batch":
            raise ZaohuaError(
                "DCGAN: a simultaneous update needs a discriminator that judges each item by itself: "
                'choose discriminator_norm="none" or "group", or update="alternating"'
            )

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """A generator of transposed convolutions and a discriminator of strided ones."""
        sizes: dict[str, Any] = {
            "channels": self.channels,
            "max_channels": self.max_channels,
            "kernel_size": self.kernel_size,
        }
        generator = ConvDecoder(spec, y_spec, in_dim=self.latent_dim, norm="batch", base=self.base_layers, **sizes)
        discriminator = ConvEncoder(
            spec, y_spec, out_dim=1, norm=self.discriminator_norm, dropout=self.dropout, **sizes
        )
        return nn.ModuleDict({"discriminator": discriminator, "generator": generator})
