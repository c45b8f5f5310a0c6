"""EDM: diffusion with every design choice made explicit."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from zaohua.families.diffusion import Diffusion, expand
from zaohua.families.paths import Exploding, Path
from zaohua.families.vocoder import Sounding
from zaohua.fields import Between
from zaohua.training import Batch


class EDM(Diffusion, Sounding):
    """Diffusion with preconditioning, a lognormal spread of noise in training, and Heun's sampler.

    Paper: Karras, Aittala, Aila and Laine, "Elucidating the Design Space of Diffusion-Based Generative Models", 2022
    (arXiv:2206.00364).
    """

    sigma_data: Annotated[float, Between(above=0)] = 0.5
    """Standard deviation of the data, scaled to [-1, 1]."""
    sigma_min: Annotated[float, Between(above=0)] = 0.002
    """Least noise that a sample passes."""
    sigma_max: Annotated[float, Between(above=0)] = 80.0
    """Noise that a sample starts from."""
    noise_mean: float = -1.2
    """Mean of log sigma in training."""
    noise_std: Annotated[float, Between(above=0)] = 1.2
    """Standard deviation of log sigma in training."""
    rho: Annotated[float, Between(1)] = 7.0
    """How much closer the sampler's steps are where there is little noise."""
    sampler = "heun"
    steps = 18

    @property
    def path(self) -> Path:
        """x + sigma e, sigma = sigma_max t."""
        return Exploding(self.sigma_max)

    def times(self, n: int) -> Tensor:
        """sigma_i = (sigma_max^1/rho + i / (n - 1) (sigma_min^1/rho - sigma_max^1/rho))^rho, then 0; over sigma_max."""
        ramp = torch.linspace(0, 1, n, dtype=torch.float64)
        high, low = self.sigma_max ** (1 / self.rho), self.sigma_min ** (1 / self.rho)
        return torch.cat([(high + ramp * (low - high)) ** self.rho / self.sigma_max, ramp.new_zeros(1)])

    def predict(self, net: nn.Module, x_t: Tensor, t: Tensor, y: Tensor | None, keep: Tensor | None = None
                ) -> tuple[Tensor, Tensor]:
        """x = c_skip x_t + c_out net(c_in x_t, log(sigma) / 4), the paper's equation 7."""
        sigma = self.path.sigma(t)
        wide, s = expand(sigma, x_t), self.sigma_data
        total = wide**2 + s**2
        out = net(x_t * total.rsqrt(), 250 * torch.log(sigma.clamp(min=1e-8)), y, keep)
        data = s**2 / total * x_t + wide * s * total.rsqrt() * out
        return data, (x_t - data) / wide

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """(sigma^2 + sigma_data^2) / (sigma sigma_data)^2 |x - x(x_t)|^2, mean over an item's numbers, (B,)."""
        sigma = torch.exp(self.noise_mean + self.noise_std * batch.noise.normal())
        t = sigma / self.sigma_max
        data, _ = self.predict(nets["net"], self.noised(batch, t)[0], t, batch.y, self.kept(batch))
        weight = (sigma**2 + self.sigma_data**2) / (sigma * self.sigma_data) ** 2
        return weight * (data - batch.x).square().flatten(1).mean(1)
