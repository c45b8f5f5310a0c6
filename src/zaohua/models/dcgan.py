"""The deep convolutional GAN."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from torch import nn

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.families.gan import LatentGAN
from zaohua.families.vocoder import VocoderMixin
from zaohua.modalities.base import GridCodec
from zaohua.nn.convnet import ConvDecoder, ConvEncoder


class DCGAN(LatentGAN[GridCodec], VocoderMixin):
    """Convolutional GAN: strided convolutions, batch normalisation in the generator, the non-saturating loss.

    Paper: Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative
    Adversarial Networks", 2015 (arXiv:1511.06434).
    """

    tiny: ClassVar[Json] = {
        "channels": 8,
        "max_channels": 16,
        "latent_dim": 8,
        "max_steps": 20,
        "batch_size": 16,
    }

    channels: Annotated[int, Between(1)] = 64
    """Channels of the outermost convolution, doubled with each halving of the resolution."""
    max_channels: Annotated[int, Between(1)] = 256
    """Maximum number of channels."""
    kernel_size: Annotated[int, Between(2, 9)] = 4
    """Kernel size of the convolutions."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.3
    """Dropout probability in the discriminator."""
    discriminator_norm: Literal["batch", "group", "none"] = "none"
    """Normalisation in the discriminator; "batch" in the paper."""
    base_layers: Annotated[int, Between(0, 8)] = 0
    """Number of convolutions of the generator at its lowest resolution."""
    update: Literal["alternating", "simultaneous"] = "alternating"
    """Whether the networks are trained in turn on separate fakes, or both in one pass over the same fakes, which takes
    two thirds of the time."""

    def plan(self) -> tuple[str, ...]:
        """Return the discriminator's phase, then the generator's, or both in one."""
        return ("both",) if self.update == "simultaneous" else super().plan()

    def _check(self) -> None:
        super()._check()
        if self.update == "simultaneous" and self.discriminator_norm == "batch":
            raise ZaohuaError(
                "DCGAN: a simultaneous update needs a discriminator that scores each item independently: "
                f"choose {option('discriminator_norm', 'none')} or {option('discriminator_norm', 'group')}, or "
                f"{option('update', 'alternating')}"
            )

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build a generator of transposed convolutions and a discriminator of strided ones."""
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
