"""WaveGAN: a Wasserstein GAN of waveforms."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from torch import nn

from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.families.gan import WassersteinGAN
from zaohua.modalities.sounds.codec import WaveCodec
from zaohua.nn.wavegan import WaveDiscriminator, WaveGenerator


class WaveGAN(WassersteinGAN[WaveCodec]):
    """Wasserstein GAN of waveforms: long strided convolutions, and a critic whose phases are shuffled.

    Paper: Donahue, McAuley and Puckette, "Adversarial Audio Synthesis", 2018 (arXiv:1802.04208).
    """

    tiny: ClassVar[dict[str, Any]] = {
        "channels": 4,
        "max_channels": 8,
        "latent_dim": 8,
        "max_steps": 4,
        "batch_size": 8,
    }

    channels: Annotated[int, Between(1)] = 16
    """Channels of the outermost convolution; they double with each quartering of the wave. The paper takes 64."""
    max_channels: Annotated[int, Between(1)] = 1024
    """Channels at most."""
    shuffle: Annotated[int, Between(0, 8)] = 2
    """Samples by which the critic's features are moved at most, at random; 0: not at all."""
    n_critic = 3
    batch_size = 16
    learning_rate = 3e-4
    beta1 = 0.5

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """A generator of transposed convolutions and a critic of strided ones, without any norm."""
        sizes: dict[str, Any] = {"channels": self.channels, "max_channels": self.max_channels}
        critic = WaveDiscriminator(spec, y_spec, shuffle=self.shuffle, **sizes)
        return nn.ModuleDict(
            {"discriminator": critic, "generator": WaveGenerator(spec, y_spec, in_dim=self.latent_dim, **sizes)}
        )
