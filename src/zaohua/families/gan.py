"""Generative adversarial networks: a generator makes fakes, a discriminator learns to distinguish them from real items.

Training in the usual six steps; the methods below are in this order.

    1. Prepare the data          the codec: real items x, scaled to [-1, 1], with conditions y
    2. Initialise                `build`: a generator and a discriminator with random weights
    3. Generate                  `generate`: noise z -> fakes
    4. Train the discriminator   `discriminator_loss`: score the real high and the fakes low
    5. Adjust the generator      `generator_loss`: make fakes that the discriminator scores high
    6. Repeat                    `phases`: the engine runs 4 and 5 in turn, on the next batch each time, or
                                 4 and 5 in one, `loss_of_both`, where a model's `plan` says so

Source: Goodfellow et al., "Generative Adversarial Nets", 2014.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zaohua.core.advice import option
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import Noise
from zaohua.core.params import Between
from zaohua.core.record import Condition, repeated
from zaohua.estimator.encoding import CodecT
from zaohua.training.events import Batch
from zaohua.training.trainable import Trainable


class GAN(Trainable[CodecT]):
    """Non-saturating GAN. Models define `build`, and override 4 and 5 for other losses."""

    phases: ClassVar[dict[str, tuple[str, ...]]] = {
        "discriminator": ("discriminator",),
        "generator": ("generator",),
        "both": ("discriminator", "generator"),
    }

    phases_that_see: ClassVar[tuple[str, ...] | None] = ("discriminator", "both")
    has_validation_loss = False  # held-out items serve to measure samples: evaluate, --evaluate-every

    latent_dim: Annotated[int, Between(1)] = 100
    """Dimension of the noise that fakes are generated from."""
    learning_rate = 2e-4
    warmup_steps = 0
    lr_schedule: Literal["cosine", "linear", "constant"] = "constant"
    """How the learning rate decreases to zero."""
    beta1 = 0.5
    beta2 = 0.999
    max_grad_norm = None

    # 2. Initialise
    def networks(self) -> nn.ModuleDict:
        """Create the untrained networks.

        Raises:
            ZaohuaError: the codec's numbers aren't bounded, so that fakes couldn't reach them.
        """
        if not self.codec_.bounded:
            raise ZaohuaError(
                f"{type(self).__name__} makes numbers from -1 to 1, but {self.codec_.representation} have no bounds: "
                f"leave {option('codec')} out, or take Flow"
            )
        return super().networks()

    # 3. Generate
    @abstractmethod
    def generate(self, nets: nn.ModuleDict, noise: Noise, y: Condition | None) -> Tensor:
        """Generate fakes from noise, float32 (n, ...)."""

    # 4. Train the discriminator
    def discriminator_loss(self, nets: nn.ModuleDict, batch: Batch) -> Tensor:
        """Return -log D(x) - log(1 - D(G(z))), (B,)."""
        with torch.no_grad():
            fakes = self.generate(nets, batch.noise, batch.y)
        real, fake = self.judge(nets, batch.x, fakes, batch.y)
        return F.softplus(-real) + F.softplus(fake)

    # 5. Adjust the generator
    def generator_loss(self, nets: nn.ModuleDict, batch: Batch) -> Tensor:
        """Return -log D(G(z)), (B,): its gradient doesn't vanish while the discriminator wins."""
        fakes = self.generate(nets, batch.noise, batch.y)
        return F.softplus(-nets["discriminator"](fakes, batch.y).squeeze(1))

    # 6. Repeat
    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Return the loss of a phase, (B,)."""
        if phase == "both":
            return self.loss_of_both(nets, batch)
        return self.discriminator_loss(nets, batch) if phase == "discriminator" else self.generator_loss(nets, batch)

    def plan(self) -> tuple[str, ...]:
        """Return 4, then 5."""
        return ("discriminator", "generator")

    # 4 and 5 in one
    def loss_of_both(self, nets: nn.ModuleDict, batch: Batch) -> Tensor:
        """Return loss 4, (B,), with the gradient of 4 for the discriminator and of 5 for the generator.

        With f = D(G(z)) and the sigmoid s, the gradient of log(1 + e^f), loss 4, is s(f) df, and that of log(1 + e^-f),
        loss 5, is -s(-f) df. They differ by the factor -s(-f) / s(f) = -e^-f for each fake, so one forward and one
        backward pass suffice. D must score each item independently: without batch normalisation.
        """
        fakes = self.generate(nets, batch.noise, batch.y)
        real, fake = self.judge(nets, batch.x, fakes, batch.y)
        factor = -torch.exp(-fake.detach().float().clamp(min=-60))
        if fakes.requires_grad:
            fakes.register_hook(lambda grad: grad * factor.view(-1, *[1] * (grad.ndim - 1)))
        return F.softplus(-real) + F.softplus(fake)

    # ---- shared

    def judge(self, nets: nn.ModuleDict, x: Tensor, fakes: Tensor, y: Condition | None) -> tuple[Tensor, Tensor]:
        """Score real items and fakes in one pass, (B,) each."""
        both_y = None if y is None else repeated(y, 2)
        real, fake = nets["discriminator"](torch.cat([x, fakes]), both_y).squeeze(1).chunk(2)
        return real, fake

    def draw(self, noise: Noise, y: Condition | None) -> Tensor:
        """Generate fakes by the averaged generator."""
        return self.generate(self.nets_, noise, y)


class LatentGAN(GAN[CodecT]):
    """GAN whose fakes are a function of z and y, and of nothing else random, so that z can be chosen.

    What z an item has isn't learnt: it is searched for, see `latent_search`.
    """

    @property
    def latent_size(self) -> int:
        """Dimension of z."""
        return self.latent_dim

    def generate(self, nets: nn.ModuleDict, noise: Noise, y: Condition | None) -> Tensor:
        """Generate fakes from noise, in [-1, 1] as the data are, float32 (n, ...)."""
        return self._fakes_of(nets, noise.normal(self.latent_dim), y)

    def decode(self, z: Tensor, y: Condition | None) -> Tensor:
        """Generate fakes from z (B, latent_dim) by the averaged generator."""
        return self._fakes_of(self.nets_, z, y)

    def _fakes_of(self, nets: nn.ModuleDict, z: Tensor, y: Condition | None) -> Tensor:
        return torch.tanh(nets["generator"](z, y).float())


class WassersteinGAN(GAN[CodecT]):
    """Wasserstein GAN: a critic whose slope is kept at one by a penalty on its gradient between real and fake.

        critic      E D(G(z)) - E D(x) + weight E (|grad D(between)| - 1)^2,    between = x + u (G(z) - x), u ~ U(0, 1)
        generator   -E D(G(z))

    Source: Gulrajani et al., "Improved Training of Wasserstein GANs", 2017 (arXiv:1704.00028).
    """

    n_critic: Annotated[int, Between(1)] = 5
    """Critic steps per generator step."""
    gradient_penalty: Annotated[float, Between(0)] = 10.0
    """Weight of the gradient penalty."""
    beta1 = 0.0
    beta2 = 0.9

    def why_not_private(self) -> str:
        """Return that the penalty differentiates gradients."""
        return "its loss contains gradients itself (the gradient penalty), which aren't known for each item"

    def plan(self) -> tuple[str, ...]:
        """Return `n_critic` phases of the critic, then one of the generator."""
        return ("discriminator",) * self.n_critic + ("generator",)

    def discriminator_loss(self, nets: nn.ModuleDict, batch: Batch) -> Tensor:
        """Return D(G(z)) - D(x) + penalty, (B,)."""
        with torch.no_grad():
            fakes = self.generate(nets, batch.noise, batch.y)
        real, fake = self.judge(nets, batch.x, fakes, batch.y)
        mix = batch.noise.uniform(*[1] * (batch.x.ndim - 1))
        return fake - real + self.penalty(lambda x: nets["discriminator"](x, batch.y), batch.x, fakes, mix)

    def generator_loss(self, nets: nn.ModuleDict, batch: Batch) -> Tensor:
        """Return -D(G(z)), (B,)."""
        loss: Tensor = -nets["discriminator"](self.generate(nets, batch.noise, batch.y), batch.y).squeeze(1)
        return loss

    def penalty(self, critic: Callable[[Tensor], Tensor], x: Tensor, fakes: Tensor, mix: Tensor) -> Tensor:
        """Return the weighted gradient penalty of each score of the critic.

        Args:
            critic: function of items (B, ...) to scores (B / k, 1), one for every k items.
            x: real items, (B, ...).
            fakes: as many fakes.
            mix: interpolation weight between them, 0 to 1, (B, 1, ...).

        Returns:
            float32 (B / k,).
        """
        between = torch.lerp(x, fakes, mix).requires_grad_(True)
        scores = critic(between)
        (slope,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
        out: Tensor = self.gradient_penalty * (slope.reshape(len(scores), -1).norm(dim=1) - 1) ** 2
        return out
