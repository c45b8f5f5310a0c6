"""The Wasserstein GAN with gradient penalty."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn

from zaohua.families.gan import GAN
from zaohua.fields import Between
from zaohua.nn.convnet import ConvDecoder, ConvEncoder
from zaohua.spec import DataSpec
from zaohua.training import Batch


class WGANGP(GAN):
    """Wasserstein GAN: a critic of slope one, held there by a penalty on its gradient between real and fake.

    Paper: Gulrajani et al., "Improved Training of Wasserstein GANs", 2017 (arXiv:1704.00028).
    """

    tiny: ClassVar[dict[str, Any]] = {"channels": 8, "max_channels": 16, "latent_dim": 8, "max_steps": 8,
                                      "batch_size": 16}

    channels: Annotated[int, Between(1)] = 64
    """Channels of the outermost convolution; they double with each halving of the image."""
    max_channels: Annotated[int, Between(1)] = 256
    """Channels at most."""
    n_critic: Annotated[int, Between(1)] = 5
    """Steps of the critic for each of the generator."""
    gradient_penalty: Annotated[float, Between(0)] = 10.0
    """Weight of the penalty."""
    beta1 = 0.0
    beta2 = 0.9

    def plan(self) -> tuple[str, ...]:
        """`n_critic` phases of the critic, then one of the generator."""
        return ("discriminator",) * self.n_critic + ("generator",)

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """A generator of transposed convolutions and a critic of strided ones, without batch normalisation."""
        sizes: dict[str, Any] = {"channels": self.channels, "max_channels": self.max_channels}
        generator = ConvDecoder(spec, y_spec, in_dim=self.latent_dim, norm="batch", **sizes)
        critic = ConvEncoder(spec, y_spec, out_dim=1, norm="none", **sizes)
        return nn.ModuleDict({"discriminator": critic, "generator": generator})

    def discriminator_loss(self, nets: nn.ModuleDict, batch: Batch) -> Tensor:
        """D(G(z)) - D(x) + penalty (|grad D(between)| - 1)^2, (B,)."""
        with torch.no_grad():
            fakes = self.generate(nets, batch.noise, batch.y)
        real, fake = self.judge(nets, batch.x, fakes, batch.y)
        mix = batch.noise.uniform(*[1] * (batch.x.ndim - 1))
        between = torch.lerp(batch.x, fakes, mix).requires_grad_(True)
        scores = nets["discriminator"](between, batch.y)
        (slope,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
        penalty = (slope.flatten(1).norm(dim=1) - 1) ** 2
        return fake - real + self.gradient_penalty * penalty

    def generator_loss(self, nets: nn.ModuleDict, batch: Batch) -> Tensor:
        """-D(G(z)), (B,)."""
        return -nets["discriminator"](self.generate(nets, batch.noise, batch.y), batch.y).squeeze(1)
