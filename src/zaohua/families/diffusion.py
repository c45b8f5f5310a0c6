"""Diffusion and flow models: one network learns to remove noise, at every strength of it.

A model of this family chooses a `noise_schedule` (how x fades into noise, see `schedules`), what its network predicts
(`predict`, `loss`) and the times at which samplers stop (`times`). Sampling, guidance and the denoiser that restoration
builds on are the same for all. Time runs from data at t = 0 to noise at t = 1.

The networks of samplers compute in float32 unless bfloat16 is asked for by name: there another kernel, as another size
of the batch may bring, moves an item by as much as bfloat16 itself does, and not by the last digit of a float32.

Sources: Sohl-Dickstein et al., 2015; Ho et al., 2020; Song et al., 2021; Karras et al., 2022; Ho and Salimans,
"Classifier-Free Diffusion Guidance", 2022.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from zaohua.core.hardware import autocast
from zaohua.core.noise import Noise
from zaohua.core.params import Between, Sampling
from zaohua.core.spec import DataSpec
from zaohua.estimator.denoiser import NoiseSchedule, even_times
from zaohua.estimator.encoding import CodecT
from zaohua.families.guidance import Guided
from zaohua.families.samplers import SAMPLERS
from zaohua.families.schedules import VarianceExploding
from zaohua.nn.unet import UNet
from zaohua.training.events import Batch

SamplerName = Literal["euler", "ddim", "midpoint", "heun", "dpmpp_2m", "ancestral"]
Network = Callable[..., Tensor]
"""(x_t, t, y, keep) -> what a model's network predicts, of the shape of x_t."""


class Diffusion(Guided[CodecT]):
    """Models define `noise_schedule`, `predict`, `loss` and, where they differ, `times`."""

    phases: ClassVar[dict[str, tuple[str, ...]]] = {"denoiser": ("net",)}
    tiny: ClassVar[dict[str, Any]] = {"channels": 16, "blocks": 1, "max_steps": 20, "batch_size": 16, "steps": 4}

    channels: Annotated[int, Between(1)] = 32
    """Channels of the network at its highest resolution; 32 learns small pictures on a CPU, a GPU takes 96."""
    blocks: Annotated[int, Between(1)] = 1
    """Residual blocks at each resolution."""
    dropout: Annotated[float, Between(0, 0.9)] = 0.0
    """Dropout in the residual blocks."""
    sampler: Annotated[SamplerName, Sampling] = "heun"
    """How noise becomes data."""
    steps: Annotated[int, Between(1, 100_000), Sampling] = 25
    """Steps of the sampler."""
    precision: Annotated[Literal["auto", "float32", "bfloat16"], Sampling] = "auto"
    """Precision of the networks; "auto" takes bfloat16 in training where it is measured to be faster, and float32 in
    sampling, so that an item comes out the same alone or in a batch."""
    guidance = 2.0
    guidance_above: Annotated[float, Between(0), Sampling] = 0.7
    """Guidance while there is more than so many times as much noise as data; 0: to the end."""
    guidance_below: Annotated[float, Between(above=0), Sampling] | None = None
    """Guidance while there is less than so many times as much noise as data; None: from the beginning."""
    learning_rate = 2e-3
    warmup_steps = 200

    @property
    @abstractmethod
    def noise_schedule(self) -> NoiseSchedule:
        """How data fades into noise."""

    @abstractmethod
    def predict(
        self, net: Network, x_t: Tensor, t: Tensor, y: Tensor | None, keep: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Expected data and noise, given x_t (B, ...) at times t (B,) and the condition where `keep` is true."""

    def times(self, n: int) -> Tensor:
        """The n + 1 times at which a sampler stops, from 1 to 0."""
        return even_times(n)

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """One U-Net, x_t -> as many channels."""
        return nn.ModuleDict(
            {"net": UNet(spec, y_spec, channels=self.channels, blocks=self.blocks, dropout=self.dropout)}
        )

    # ---- for the losses of models

    def noised(self, batch: Batch, t: Tensor) -> tuple[Tensor, Tensor]:
        """x_t (B, ...) at times t (B,), and the noise in it."""
        noise = batch.noise.normal(*batch.x.shape[1:])
        return expand(self.noise_schedule.alpha(t), batch.x) * batch.x + expand(
            self.noise_schedule.sigma(t), batch.x
        ) * noise, noise

    # ---- primitives

    def denoise(self, x_t: Tensor, t: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Expected data and noise given x_t (B, ...) at one time t for all, with guidance; see `denoiser`.

        Guided: null + guidance (conditional - null). Without y: given any condition.
        """
        net, n, t_each = self._network(), len(x_t), t.float().to(x_t.device)
        if y is None or not self._guides(t):
            return self._clipped(*self.predict(net, x_t, t_each.expand(n), y), x_t, t)
        keep = torch.arange(2 * n, device=x_t.device) < n
        both = self.predict(net, torch.cat([x_t, x_t]), t_each.expand(2 * n), torch.cat([y, y]), keep)
        data, e = (torch.lerp(p[n:], p[:n], self.guidance) for p in both)
        return self._clipped(data, e, x_t, t)

    def draw(self, noise: Noise, y: Tensor | None) -> Tensor:
        """Noise at t = 1, taken to t = 0 by the sampler."""
        denoiser = self.denoiser(y)
        x = denoiser.start(noise.normal(*self.spec_.tensor_shape))
        return SAMPLERS[self.sampler]().sample(denoiser, denoiser.times(self.steps), x, noise)

    def _guides(self, t: Tensor) -> bool:
        """Whether there is guidance at a time: amid much noise it costs variety, amid little it hardly does anything.

        Source: Kynkäänniemi et al., "Applying Guidance in a Limited Interval Improves Sample and Distribution Quality
        in Diffusion Models", 2024 (arXiv:2404.07724).
        """
        alpha, sigma = self.noise_schedule.alpha(t), self.noise_schedule.sigma(t)
        if self.guidance == 1 or sigma <= self.guidance_above * alpha:
            return False
        return self.guidance_below is None or bool(sigma < self.guidance_below * alpha)

    def _network(self) -> Network:
        """The averaged network as samplers call it: in bfloat16 if that is asked for, and from and to what x_t is."""
        net, device = self.nets_["net"], self.device_
        dtype = torch.bfloat16 if self.precision == "bfloat16" else torch.float32

        def answer(x_t: Tensor, *given: Any) -> Tensor:
            with autocast(dtype, device):
                return net(x_t, *given).to(x_t.dtype)

        return answer

    def _clipped(self, data: Tensor, e: Tensor, x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Expected data within the range of bounded data, with the noise that belongs to it."""
        if self.spec_.levels is None:
            return data, e
        alpha, sigma = self.noise_schedule.alpha(t).float(), self.noise_schedule.sigma(t).float()
        inside = data.clamp(-1, 1)
        return inside, e + alpha / sigma * (data - inside) if sigma > 0 else e


class KarrasDiffusion(Diffusion[CodecT]):
    """Preconditioned diffusion x + sigma e, with a lognormal spread of noise in training.

    Source: Karras, Aittala, Aila and Laine, "Elucidating the Design Space of Diffusion-Based Generative Models", 2022
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
    def noise_schedule(self) -> NoiseSchedule:
        """x + sigma e, sigma = sigma_max t."""
        return VarianceExploding(self.sigma_max)

    def times(self, n: int) -> Tensor:
        """sigma_i = (sigma_max^1/rho + i / (n - 1) (sigma_min^1/rho - sigma_max^1/rho))^rho, then 0; over sigma_max."""
        ramp = torch.linspace(0, 1, n, dtype=torch.float64)
        high, low = self.sigma_max ** (1 / self.rho), self.sigma_min ** (1 / self.rho)
        return torch.cat([(high + ramp * (low - high)) ** self.rho / self.sigma_max, ramp.new_zeros(1)])

    def predict(
        self, net: Network, x_t: Tensor, t: Tensor, y: Tensor | None, keep: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """x = c_skip x_t + c_out net(c_in x_t, log(sigma) / 4), the paper's equation 7."""
        sigma = self.noise_schedule.sigma(t)
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


def expand(t: Tensor, like: Tensor) -> Tensor:
    """t (B,) as (B, 1, ...), to multiply with `like` (B, ...)."""
    return t.to(like.dtype).view(-1, *[1] * (like.ndim - 1))
