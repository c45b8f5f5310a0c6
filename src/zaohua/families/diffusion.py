"""Diffusion and flow models: one network learns to remove noise of every strength.

A model of this family chooses a `noise_schedule` (see `schedules`), the quantity that its network predicts (`predict`,
`loss`) and the times of the sampler's steps (`times`). Sampling, guidance and the denoiser for restoration are shared.
Time runs from data at t = 0 to noise at t = 1.

Sampling is in float32 unless bfloat16 is asked for explicitly: kernels differ with the size of the batch, which in
bfloat16 would change an item visibly.

Sources: Sohl-Dickstein et al., 2015; Ho et al., 2020; Song et al., 2021; Karras et al., 2022; Ho and Salimans,
"Classifier-Free Diffusion Guidance", 2022.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, nn

from zaohua.core.arguments import tensor
from zaohua.core.errors import ZaohuaError
from zaohua.core.hardware import autocast
from zaohua.core.json import Json
from zaohua.core.noise import Noise
from zaohua.core.params import Between, Sampling
from zaohua.core.record import Condition, Record
from zaohua.core.spec import DataSpec
from zaohua.estimator.denoiser import NoiseSchedule, even_times
from zaohua.estimator.encoding import CodecT
from zaohua.families.alignment import Aligned
from zaohua.families.degraded import Degraded
from zaohua.families.guidance import Guidance
from zaohua.families.samplers import SAMPLERS
from zaohua.families.schedules import VarianceExploding
from zaohua.nn.unet import UNet
from zaohua.training.events import Batch

SamplerName = Literal["euler", "ddim", "midpoint", "heun", "dpmpp_2m", "ancestral"]
Network = Callable[..., Tensor]
"""(x_t, t, y, keep) -> the prediction of a model's network, of the shape of x_t."""


class Diffusion(Degraded[CodecT], Aligned[CodecT]):
    """Base of diffusion and flow models. They define `noise_schedule`, `predict`, `loss` and, if need be, `times`."""

    phases: ClassVar[dict[str, tuple[str, ...]]] = {"denoiser": ("net",)}
    tiny: ClassVar[Json] = {"channels": 16, "blocks": 1, "max_steps": 20, "batch_size": 16, "steps": 4}

    channels: Annotated[int, Between(1)] = 32
    """Channels of the network at its highest resolution: 32 for small images on a CPU, 96 on a GPU."""
    blocks: Annotated[int, Between(1)] = 1
    """Residual blocks at each resolution."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.0
    """Dropout in the residual blocks."""
    sampler: Annotated[SamplerName, Sampling] = "heun"
    """Sampler, which solves the reverse process."""
    steps: Annotated[int, Between(1, 100_000), Sampling] = 25
    """Steps of the sampler."""
    precision: Annotated[Literal["auto", "float32", "bfloat16"], Sampling] = "auto"
    """Precision of the networks; "auto" uses bfloat16 for training where it is faster, and float32 for sampling, so
    that an item is the same alone and in a batch."""
    guidance = 2.0
    guidance_above: Annotated[float, Between(0), Sampling] = 0.7
    """Least ratio of noise to data at which guidance applies; 0: to the end."""
    guidance_below: Annotated[float, Between(above=0), Sampling] | None = None
    """Greatest ratio of noise to data at which guidance applies; None: from the beginning."""
    learning_rate = 2e-3
    warmup_steps = 200

    @property
    @abstractmethod
    def noise_schedule(self) -> NoiseSchedule:
        """Noise schedule."""

    @abstractmethod
    def predict(
        self, net: Network, x_t: Tensor, t: Tensor, y: Condition | None, keep: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Predict data and noise from x_t (B, ...) at times t (B,), with the condition where `keep` is true."""

    def times(self, n: int) -> Tensor:
        """Return the n + 1 times of a sampler's steps, from 1 to 0."""
        return even_times(n)

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """Build a U-Net with as many output channels as x_t has."""
        seen = self.seen_spec(spec, y_spec)
        net = UNet(spec, seen, channels=self.channels, blocks=self.blocks, dropout=self.dropout)
        return nn.ModuleDict({"net": net})

    # ---- for the losses of models

    def noised(self, batch: Batch, t: Tensor) -> tuple[Tensor, Tensor]:
        """Add noise to a batch: return x_t (B, ...) at times t (B,), and the noise in it."""
        noise = batch.noise.normal(*batch.x.shape[1:])
        return expand(self.noise_schedule.alpha(t), batch.x) * batch.x + expand(
            self.noise_schedule.sigma(t), batch.x
        ) * noise, noise

    # ---- primitives

    def denoise(self, x_t: Tensor, t: Tensor, y: Condition | None = None) -> tuple[Tensor, Tensor]:
        """Predict data and noise from x_t (B, ...) at one time t for all, with guidance; see `denoiser`.

        Guided: null + guidance (conditional - null). Without y: given any condition.
        """
        advice = "items become tensors by prepare_items, labels by condition, and denoiser(y) does both"
        tensor("x_t", x_t, advice), tensor("t", t, "a time from 0 to 1, torch.tensor(0.5)")
        if y is not None and not isinstance(y, Record):
            tensor("y", y, advice)
        if x_t.shape[1:] != self.spec_.tensor_shape or t.numel() != 1:
            shape = ", ".join(map(str, self.spec_.tensor_shape))
            raise ZaohuaError(f"denoise takes x_t (n, {shape}) at one time, not {tuple(x_t.shape)} at {tuple(t.shape)}")
        net, n, t_each = self._network(), len(x_t), t.float().to(x_t.device)
        guide = self.guide if y is not None and self.guides(t) else None
        if y is None or guide is None:
            return self._clipped(*self.predict(net, x_t, t_each.expand(n), self.seen(self.nets_, y)), x_t, t)
        several, keep = guide.times * n, guide.keep(n, x_t.device)
        x_several = x_t.repeat(guide.times, *[1] * (x_t.ndim - 1))
        y_several = self.seen(self.nets_, guide.conditions(y), keep=keep)
        predictions = self.predict(net, x_several, t_each.expand(several), y_several, keep)
        data, e = map(guide.combine, predictions)
        return self._clipped(data, e, x_t, t)

    def draw(self, noise: Noise, y: Condition | None) -> Tensor:
        """Draw items: sample noise at t = 1 and denoise it to t = 0."""
        denoiser = self.denoiser(y)
        x = denoiser.start(noise.normal(*self.spec_.tensor_shape))
        return self.ended(SAMPLERS[self.sampler]().sample(denoiser, denoiser.times(self.steps), x, noise), y)

    @property
    def guide(self) -> Guidance | None:
        """The predictions that `guidance` combines; for what is seen none, unless it is given: it must fit as it is."""
        usual = self.degrade is not None and self.guidance == type(self).guidance
        return None if usual else super().guide

    def guides(self, t: Tensor) -> bool:
        """Return whether guidance applies at time t: it costs variety at high noise, and hardly matters at low noise.

        Source: Kynkäänniemi et al., "Applying Guidance in a Limited Interval Improves Sample and Distribution Quality
        in Diffusion Models", 2024 (arXiv:2404.07724).
        """
        alpha, sigma = self.noise_schedule.alpha(t), self.noise_schedule.sigma(t)
        if sigma <= self.guidance_above * alpha:
            return False
        return self.guidance_below is None or bool(sigma < self.guidance_below * alpha)

    def _network(self) -> Network:
        """Return the averaged network for sampling: in bfloat16 if asked for, with inputs and outputs of x_t's type."""
        net, device = self.nets_["net"], self.device_
        dtype = torch.bfloat16 if self.precision == "bfloat16" else torch.float32

        def predict(x_t: Tensor, *inputs: Tensor | None) -> Tensor:
            with autocast(dtype, device):
                out: Tensor = net(x_t, *inputs)
                return out.to(x_t.dtype)

        return predict

    def _clipped(self, data: Tensor, e: Tensor, x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Clip the predicted data to the range of bounded data, and adjust the noise accordingly."""
        if self.spec_.levels is None:
            return data, e
        alpha, sigma = self.noise_schedule.alpha(t).float(), self.noise_schedule.sigma(t).float()
        inside = data.clamp(-1, 1)
        return inside, e + alpha / sigma * (data - inside) if sigma > 0 else e


class KarrasDiffusion(Diffusion[CodecT]):
    """Preconditioned diffusion x + sigma e, trained at log-normally distributed noise levels.

    Source: Karras, Aittala, Aila and Laine, "Elucidating the Design Space of Diffusion-Based Generative Models", 2022
    (arXiv:2206.00364).
    """

    sigma_data: Annotated[float, Between(above=0)] = 0.5
    """Standard deviation of the data, scaled to [-1, 1]."""
    sigma_min: Annotated[float, Between(above=0)] = 0.002
    """Lowest noise level of the sampler."""
    sigma_max: Annotated[float, Between(above=0)] = 80.0
    """Highest noise level of the sampler."""
    noise_mean: float = -1.2
    """Mean of log sigma in training."""
    noise_std: Annotated[float, Between(above=0)] = 1.2
    """Standard deviation of log sigma in training."""
    rho: Annotated[float, Between(1)] = 7.0
    """Exponent of the sampler's noise levels; higher values put more steps at low noise."""
    sampler = "heun"
    steps = 18

    @property
    def noise_schedule(self) -> NoiseSchedule:
        """Variance-exploding schedule, x + sigma e with sigma = sigma_max t."""
        return VarianceExploding(self.sigma_max)

    def times(self, n: int) -> Tensor:
        """Return times sigma_i / sigma_max, then 0, where
        sigma_i = (sigma_max^1/rho + i / (n - 1) (sigma_min^1/rho - sigma_max^1/rho))^rho."""
        ramp = torch.linspace(0, 1, n, dtype=torch.float64)
        high, low = self.sigma_max ** (1 / self.rho), self.sigma_min ** (1 / self.rho)
        return torch.cat([(high + ramp * (low - high)) ** self.rho / self.sigma_max, ramp.new_zeros(1)])

    def predict(
        self, net: Network, x_t: Tensor, t: Tensor, y: Condition | None, keep: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute x = c_skip x_t + c_out net(c_in x_t, log(sigma) / 4), equation 7 of the paper."""
        sigma = self.noise_schedule.sigma(t)
        wide, s = expand(sigma, x_t), self.sigma_data
        total = wide**2 + s**2
        out = net(x_t * total.rsqrt(), 250 * torch.log(sigma.clamp(min=1e-8)), y, keep)
        data = s**2 / total * x_t + wide * s * total.rsqrt() * out
        return data, (x_t - data) / wide

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Return (sigma^2 + sigma_data^2) / (sigma sigma_data)^2 |x - x(x_t)|^2, mean over an item's numbers, (B,)."""
        sigma = torch.exp(self.noise_mean + self.noise_std * batch.noise.normal())
        t = sigma / self.sigma_max
        x_t, keep = self.noised(batch, t)[0], self.condition_mask(batch)
        data, _ = self.predict(nets["net"], x_t, t, self.seen(nets, batch.y, batch.x, keep), keep)
        weight = (sigma**2 + self.sigma_data**2) / (sigma * self.sigma_data) ** 2
        return weight * (data - batch.x).square().flatten(1).mean(1)


def expand(t: Tensor, like: Tensor) -> Tensor:
    """Reshape t (B,) to (B, 1, ...), to multiply with `like` (B, ...)."""
    return t.to(like.dtype).view(-1, *[1] * (like.ndim - 1))
