"""Flow matching: straight paths from data to noise, and the ODE along them.

The network predicts v = dx_t/dt = e - x along x_t = (1 - t) x + t e. Followed backwards it samples, forwards it finds
the noise of an item, and the integral of its divergence is the item's log-likelihood (see `ode`).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from zaohua.core.json import Json
from zaohua.core.noise import Noise
from zaohua.core.params import Between, Sampling
from zaohua.core.record import Condition
from zaohua.estimator.denoiser import Denoiser, NoiseSchedule
from zaohua.estimator.encoding import CodecT
from zaohua.estimator.methods import ScoreKind
from zaohua.estimator.tensors import Encoded
from zaohua.families import ode
from zaohua.families.diffusion import Diffusion, Network, expand
from zaohua.families.samplers import Midpoint
from zaohua.families.schedules import RectifiedFlow
from zaohua.training.events import Batch


class FlowMatching(Diffusion[CodecT]):
    """Base of flow-matching models: velocity, likelihood and latents along straight paths."""

    score_kind: ClassVar[ScoreKind] = "estimate"
    tiny: ClassVar[Json] = {**Diffusion.tiny, "score_steps": 5}

    time_distribution: Literal["lognormal", "uniform"] = "lognormal"
    """Distribution of training times: t = s / (1 + s) with log s ~ N(-0.8, 1.4), or uniform."""
    divergence: Annotated[Literal["auto", "exact", "hutchinson"], Sampling(scores=True)] = "auto"
    """Divergence in `score_samples`: exact, or Hutchinson's estimate; "auto" is exact up to 16 numbers."""
    probes: Annotated[int, Between(1), Sampling(scores=True)] = 1
    """Number of random probes of Hutchinson's estimate for each item."""
    score_steps: Annotated[int, Between(1), Sampling(scores=True)] = 50
    """Steps of the ODE solver in `score_samples`, `transform` and `inverse_transform`."""

    @property
    def noise_schedule(self) -> NoiseSchedule:
        """Straight paths, (1 - t) x + t e."""
        return RectifiedFlow()

    def velocity(self, net: Network, x_t: Tensor, t: Tensor, y: Condition | None, keep: Tensor | None = None) -> Tensor:
        """Predict dx_t/dt = e - x at times t (B,)."""
        return net(x_t, 1000 * t, y, keep)

    def predict(
        self, net: Network, x_t: Tensor, t: Tensor, y: Condition | None, keep: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute x = x_t - t v and e = x_t + (1 - t) v."""
        v, wide = self.velocity(net, x_t, t, y, keep), expand(t, x_t)
        return x_t - wide * v, x_t + (1 - wide) * v

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """Return the mean of |v - (e - x)|^2 over the numbers of an item, (B,)."""
        batch.x = self._dequantized(batch.x, batch.noise)
        if self.time_distribution == "uniform":
            t = batch.noise.uniform()
        else:
            t = torch.sigmoid(-0.8 + 1.4 * batch.noise.normal())
        x_t, noise = self.noised(batch, t)
        keep = self.condition_mask(batch)
        v = self.velocity(nets["net"], x_t, t, self.seen(nets, batch.y, batch.x, keep), keep)
        return (v - (noise - batch.x)).square().flatten(1).mean(1)

    def _dequantized(self, x: Tensor, noise: Noise) -> Tensor:
        """Add uniform noise of one bin's width to quantised data, so that it has a density."""
        levels = self.spec_.levels
        return x if levels is None else x + (2 * noise.uniform(*x.shape[1:]) - 1) / (levels - 1)

    # ---- primitives

    def log_prob(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Return the log density of x (of quantised data a bound in the mean) in item units, (B,)."""
        x = self._dequantized(x, noise)
        exact = self.divergence == "exact" or (self.divergence == "auto" and self.spec_.size <= 16)
        probes = None if exact else noise.uniform(self.probes, *x.shape[1:]).sub(0.5).sign()
        return ode.log_prob(self._field(y, x), x, self.score_steps, probes) - self.spec_.log_volume

    @property
    def latent_size(self) -> int:
        """Size of the noise, which is that of an item."""
        return self.spec_.size

    def encode(self, x: Tensor, y: Condition | None, noise: Noise) -> Tensor:
        """Integrate the ODE from x to noise, (B, D); `decode` is the inverse."""
        return self._travel(x, y, torch.linspace(0, 1, self.score_steps + 1, dtype=torch.float64)).flatten(1)

    def encode_without_y(self, encoded: Encoded) -> np.ndarray:
        """Return the noise of items by what the network learnt of p(x), without conditions."""
        if not self.condition_dropout:
            self.require_conditions(None)
        return self.map_items(self.encode, encoded)

    def decode(self, z: Tensor, y: Condition | None) -> Tensor:
        """Integrate the ODE from noise z (B, D) to items."""
        x = z.view(len(z), *self.spec_.tensor_shape)
        return self._travel(x, y, torch.linspace(1, 0, self.score_steps + 1, dtype=torch.float64))

    def _field(self, y: Condition | None, aligned: Tensor | None = None) -> ode.Velocity:
        """Return the velocity (x, t) -> dx/dt; a sequence in y is laid along x as it is `aligned` with these items."""
        y = self.seen(self.nets_, y, aligned)
        return lambda x, t: self.velocity(self.nets_["net"], x, t.float().to(x.device).expand(len(x)), y)

    def _travel(self, x: Tensor, y: Condition | None, times: Tensor) -> Tensor:
        field = self._field(y)

        def predict(x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            v = field(x_t, t)
            return x_t - t.float() * v, x_t + (1 - t.float()) * v

        return Midpoint().sample(Denoiser(self.noise_schedule, predict), times, x)
