"""Diffusion and flow models: one network learns to remove noise, at every strength of it.

A model of this family chooses a `path` (how x fades into noise, see `paths`), what its network predicts (`predict`,
`loss`) and at which times samples look (`times`). Sampling, guidance and the denoiser that restoration builds on
are the same for all. Time runs from data at t = 0 to noise at t = 1.

Sources: Sohl-Dickstein et al., 2015; Ho et al., 2020; Song et al., 2021; Karras et al., 2022; Ho and Salimans,
"Classifier-Free Diffusion Guidance", 2022.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from zaohua.families.guidance import Guided
from zaohua.families.paths import Path
from zaohua.families.samplers import SAMPLERS, Predict
from zaohua.fields import Between, Sampling
from zaohua.nn.unet import UNet
from zaohua.noise import Noise
from zaohua.spec import DataSpec
from zaohua.training import Batch

SamplerName = Literal["euler", "ddim", "midpoint", "heun", "dpmpp_2m", "ancestral"]


class Diffusion(Guided):
    """Models define `path`, `predict`, `loss` and, where they differ, `times`."""

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
    guidance = 2.0
    learning_rate = 2e-3
    warmup_steps = 200

    @property
    @abstractmethod
    def path(self) -> Path:
        """How data fades into noise."""

    @abstractmethod
    def predict(self, net: nn.Module, x_t: Tensor, t: Tensor, y: Tensor | None, keep: Tensor | None = None
                ) -> tuple[Tensor, Tensor]:
        """Expected data and noise, given x_t (B, ...) at times t (B,) and the condition where `keep` is true."""

    def times(self, n: int) -> Tensor:
        """The n + 1 times at which a sampler stops, from 1 to 0."""
        return torch.linspace(1, 0, n + 1, dtype=torch.float64)

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """One U-Net, x_t -> as many channels."""
        return nn.ModuleDict({"net": UNet(spec, y_spec, channels=self.channels, blocks=self.blocks,
                                          dropout=self.dropout)})

    # ---- for the losses of models

    def noised(self, batch: Batch, t: Tensor) -> tuple[Tensor, Tensor]:
        """x_t (B, ...) at times t (B,), and the noise in it."""
        noise = batch.noise.normal(*batch.x.shape[1:])
        return expand(self.path.alpha(t), batch.x) * batch.x + expand(self.path.sigma(t), batch.x) * noise, noise

    # ---- primitives

    def denoise(self, x_t: Tensor, t: Tensor | float, y: Tensor | None = None) -> Tensor:
        """Expected data given x_t (B, ...) at time t, with guidance; without y, given any condition."""
        return self._predictor(y)(x_t, torch.as_tensor(t, dtype=torch.float64))[0]

    def draw(self, noise: Noise, y: Tensor | None) -> Tensor:
        """Noise at t = 1, taken to t = 0 by the sampler."""
        times = self.times(self.steps)
        x = noise.normal(*self.spec_.tensor_shape) * self.path.sigma(times[0]).float()
        return SAMPLERS[self.sampler](self._predictor(y), self.path, times, x, noise)

    def _predictor(self, y: Tensor | None) -> Predict:
        """`predict` of the averaged network at one time for all, guided: null + guidance (conditional - null)."""
        net, guided = self.nets_["net"], y is not None and self.guidance != 1

        def predict(x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            n, t_each = len(x_t), t.float().to(x_t.device)
            if y is None or not guided:
                return self._clipped(*self.predict(net, x_t, t_each.expand(n), y), x_t, t)
            keep = torch.arange(2 * n, device=x_t.device) < n
            both = self.predict(net, torch.cat([x_t, x_t]), t_each.expand(2 * n), torch.cat([y, y]), keep)
            data, e = (torch.lerp(p[n:], p[:n], self.guidance) for p in both)
            return self._clipped(data, e, x_t, t)

        return predict

    def _clipped(self, data: Tensor, e: Tensor, x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Expected data within the range of bounded data, with the noise that belongs to it."""
        if self.spec_.levels is None:
            return data, e
        alpha, sigma = self.path.alpha(t).float(), self.path.sigma(t).float()
        inside = data.clamp(-1, 1)
        return inside, e + alpha / sigma * (data - inside) if sigma > 0 else e


def expand(t: Tensor, like: Tensor) -> Tensor:
    """t (B,) as (B, 1, ...), to multiply with `like` (B, ...)."""
    return t.to(like.dtype).view(-1, *[1] * (like.ndim - 1))
