"""The Wasserstein GAN with gradient penalty."""

from __future__ import annotations

from typing import Annotated, ClassVar

from torch import nn

from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.families.gan import LatentGAN, WassersteinGAN
from zaohua.families.vocoder import VocoderMixin
from zaohua.modalities.base import GridCodec
from zaohua.nn.convnet import ConvDecoder, ConvEncoder


class WGANGP(WassersteinGAN[GridCodec], LatentGAN[GridCodec], VocoderMixin):
    """Wasserstein GAN: a critic whose slope is kept at one by a gradient penalty between real and fake.

    Paper: Gulrajani et al., "Improved Training of Wasserstein GANs", 2017 (arXiv:1704.00028).
    """

    tiny: ClassVar[Json] = {
        "channels": 8,
        "max_channels": 16,
        "latent_dim": 8,
        "max_steps": 8,
        "batch_size": 16,
    }

    channels: Annotated[int, Between(1)] = 64
    """Channels of the outermost convolution, doubled with each halving of the resolution."""
    max_channels: Annotated[int, Between(1)] = 256
    """Maximum number of channels."""

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build a generator of transposed convolutions and a critic of strided ones, without batch normalisation."""
        channels, most = self.channels, self.max_channels
        generator = ConvDecoder(
            spec, y_spec, in_dim=self.latent_dim, norm="batch", channels=channels, max_channels=most
        )
        critic = ConvEncoder(spec, y_spec, out_dim=1, norm="none", channels=channels, max_channels=most)
        return nn.ModuleDict({"discriminator": critic, "generator": generator})
