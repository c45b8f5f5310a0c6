"""WaveGAN: a Wasserstein GAN of waveforms."""

from __future__ import annotations

from typing import Annotated, ClassVar

from torch import nn

from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.families.gan import LatentGAN, WassersteinGAN
from zaohua.modalities.sounds.waves import WaveCodec
from zaohua.nn.wavegan import WaveDiscriminator, WaveGenerator


class WaveGAN(WassersteinGAN[WaveCodec], LatentGAN[WaveCodec]):
    """Wasserstein GAN of waveforms, with strided convolutions and phase shuffling in the critic.

    Paper: Donahue, McAuley and Puckette, "Adversarial Audio Synthesis", 2018 (arXiv:1802.04208).
    """

    tiny: ClassVar[Json] = {
        "channels": 4,
        "max_channels": 8,
        "latent_dim": 8,
        "max_steps": 4,
        "batch_size": 8,
    }

    channels: Annotated[int, Between(1)] = 16
    """Channels of the outermost convolution, doubled with each quartering of the resolution; 64 in the paper."""
    max_channels: Annotated[int, Between(1)] = 1024
    """Maximum number of channels."""
    shuffle: Annotated[int, Between(0, 8)] = 2
    """Maximum random shift of the critic's features in samples (phase shuffle); 0: none."""
    n_critic = 3
    batch_size = 16
    learning_rate = 3e-4
    beta1 = 0.5

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build a generator of transposed convolutions and a critic of strided ones, without normalisation."""
        critic = WaveDiscriminator(
            spec, y_spec, channels=self.channels, max_channels=self.max_channels, shuffle=self.shuffle
        )
        generator = WaveGenerator(
            spec, y_spec, in_dim=self.latent_dim, channels=self.channels, max_channels=self.max_channels
        )
        return nn.ModuleDict({"discriminator": critic, "generator": generator})
