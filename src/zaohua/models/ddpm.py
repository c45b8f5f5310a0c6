"""Denoising diffusion probabilistic model."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from zaohua.core.record import Condition
from zaohua.estimator.denoiser import NoiseSchedule
from zaohua.families.diffusion import Diffusion, Network, expand
from zaohua.families.schedules import CosineSchedule, LinearSchedule
from zaohua.families.vocoder import VocoderMixin
from zaohua.modalities.base import GridCodec
from zaohua.training.events import Batch


class DDPM(Diffusion[GridCodec], VocoderMixin):
    """Diffusion model that predicts the noise, with ancestral sampling, or DDIM in few steps.

    Paper: Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", 2020 (arXiv:2006.11239).
    """

    schedule: Literal["cosine", "linear"] = "cosine"
    """Noise schedule: cosine (Nichol and Dhariwal, 2021), or linear beta as in the paper."""
    sampler = "ddim"
    steps = 50

    @property
    def noise_schedule(self) -> NoiseSchedule:
        """Variance-preserving noise schedule."""
        return CosineSchedule() if self.schedule == "cosine" else LinearSchedule()

    def predict(
        self, net: Network, x_t: Tensor, t: Tensor, y: Condition | None, keep: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predict e by the network, and x = (x_t - sigma e) / alpha."""
        e = net(x_t, 1000 * t, y, keep)
        alpha, sigma = expand(self.noise_schedule.alpha(t), x_t), expand(self.noise_schedule.sigma(t), x_t)
        return (x_t - sigma * e) / alpha, e

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Return the mean of |e - e(x_t, t)|^2 over the numbers of an item, at uniform times, (B,)."""
        t = batch.noise.uniform()
        x_t, noise = self.noised(batch, t)
        keep = self.condition_mask(batch)
        guess = nets["net"](x_t, 1000 * t, self.seen(nets, batch.y, batch.x, keep), keep)
        loss: Tensor = (guess - noise).square().flatten(1).mean(1)
        return loss
