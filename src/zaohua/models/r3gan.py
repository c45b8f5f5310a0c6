"""The regularised relativistic GAN."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec
from zaohua.families.gan import LatentGAN
from zaohua.families.vocoder import VocoderMixin
from zaohua.modalities.base import GridCodec
from zaohua.nn.convnet import ConvDecoder, ConvEncoder
from zaohua.training.events import Batch


class R3GAN(LatentGAN[GridCodec], VocoderMixin):
    """Relativistic GAN: fakes are compared with real items pair by pair, with gradient penalties on both (R1 + R2).

    Paper: Huang, Gokaslan, Kuleshov and Tompkin, "The GAN is dead; long live the GAN!", 2025 (arXiv:2501.05441).
    """

    tiny: ClassVar[Json] = {
        "channels": 8,
        "max_channels": 16,
        "latent_dim": 8,
        "max_steps": 20,
        "batch_size": 16,
    }

    channels: Annotated[int, Between(1)] = 32
    """Channels at the highest resolution, doubled with each halving of it."""
    max_channels: Annotated[int, Between(1)] = 128
    """Maximum number of channels."""
    gamma: Annotated[float, Between(0)] = 1.0
    """Initial weight of the gradient penalties."""
    gamma_end: Annotated[float, Between(0)] = 0.1
    """Final weight of the gradient penalties; it decreases geometrically."""
    phases_that_see = None  # the generator's fakes are compared with items
    latent_dim = 64
    learning_rate = 4e-4
    lr_schedule = "cosine"
    beta1 = 0.0
    beta2 = 0.99

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build residual networks without normalisation."""
        style: dict[str, Any] = {
            "channels": self.channels,
            "max_channels": self.max_channels,
            "norm": "none",
            "blocks": "residual",
        }
        generator = ConvDecoder(spec, y_spec, in_dim=self.latent_dim, **style)
        discriminator = ConvEncoder(spec, y_spec, out_dim=1, **style)
        return nn.ModuleDict({"discriminator": discriminator, "generator": generator})

    def why_not_private(self) -> str:
        """Return that the penalties differentiate gradients."""
        return "its loss contains gradients itself (the gradient penalties), which aren't known for each item"

    def discriminator_loss(self, nets: nn.ModuleDict, batch: Batch) -> Tensor:
        """Return softplus(D(G(z)) - D(x)) + gamma / 2 (|grad D(x)|^2 + |grad D(G(z))|^2), (B,)."""
        with torch.no_grad():
            fakes = self.generate(nets, batch.noise, batch.y)
        both = torch.cat([batch.x, fakes]).requires_grad_(True)
        x, fakes = both.chunk(2)
        real, fake = self.judge(nets, x, fakes, batch.y)
        (slope,) = torch.autograd.grad((real + fake).sum(), both, create_graph=True)
        r1, r2 = slope.flatten(1).square().sum(1).chunk(2)
        gamma = self.gamma * (self.gamma_end / self.gamma) ** batch.progress if self.gamma else 0.0
        return F.softplus(fake - real) + gamma / 2 * (r1 + r2)

    def generator_loss(self, nets: nn.ModuleDict, batch: Batch) -> Tensor:
        """Return softplus(D(x) - D(G(z))), (B,)."""
        fakes = self.generate(nets, batch.noise, batch.y)
        with torch.no_grad():
            real = nets["discriminator"](batch.x, batch.y).squeeze(1)
        return F.softplus(real - nets["discriminator"](fakes, batch.y).squeeze(1))
