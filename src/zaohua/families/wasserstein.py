"""Wasserstein GANs: a critic D of slope one, held there by a penalty on its gradient between real and fake.

    critic      E D(G(z)) - E D(x) + weight E (|grad D(between)| - 1)^2,    between = x + u (G(z) - x), u ~ U(0, 1)
    generator   -E D(G(z))

Source: Gulrajani et al., "Improved Training of Wasserstein GANs", 2017 (arXiv:1704.00028).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor, nn

from zaohua.families.gan import GAN
from zaohua.fields import Between
from zaohua.training import Batch


class WassersteinGAN(GAN):
    """The GAN with gradient penalty; models define `build`."""

    n_critic: Annotated[int, Between(1)] = 5
    """Steps of the critic for each of the generator."""
    gradient_penalty: Annotated[float, Between(0)] = 10.0
    """Weight of the penalty."""
    beta1 = 0.0
    beta2 = 0.9

    def plan(self) -> tuple[str, ...]:
        """`n_critic` phases of the critic, then one of the generator."""
        return ("discriminator",) * self.n_critic + ("generator",)

    def discriminator_loss(self, nets: nn.ModuleDict, batch: Batch) -> Tensor:
        """D(G(z)) - D(x) + penalty, (B,)."""
        with torch.no_grad():
            fakes = self.generate(nets, batch.noise, batch.y)
        real, fake = self.judge(nets, batch.x, fakes, batch.y)
        mix = batch.noise.uniform(*[1] * (batch.x.ndim - 1))
        return fake - real + self.penalty(lambda x: nets["discriminator"](x, batch.y), batch.x, fakes, mix)

    def generator_loss(self, nets: nn.ModuleDict, batch: Batch) -> Tensor:
        """-D(G(z)), (B,)."""
        return -nets["discriminator"](self.generate(nets, batch.noise, batch.y), batch.y).squeeze(1)

    def penalty(self, critic: Callable[[Tensor], Tensor], x: Tensor, fakes: Tensor, mix: Tensor) -> Tensor:
        """The weighted penalty for each score of the critic.

        Args:
            critic: of items (B, ...), to scores (B / k, 1), one for every k items.
            x: real items, (B, ...).
            fakes: as many.
            mix: how far from the one to the other, 0 to 1, (B, 1, ...).

        Returns:
            float32 (B / k,).
        """
        between = torch.lerp(x, fakes, mix).requires_grad_(True)
        scores = critic(between)
        (slope,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
        return self.gradient_penalty * (slope.reshape(len(scores), -1).norm(dim=1) - 1) ** 2
