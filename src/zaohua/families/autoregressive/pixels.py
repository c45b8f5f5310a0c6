"""Autoregressive models of pictures: log p(x) = sum_i log p(x_i | x_<i), pixel by pixel in raster order.

One network gives the parameters of all those distributions in one pass, each from the pixels before it. Scores are
exact; samples take a pass for each pixel.

Sources: Germain et al., "MADE", 2015; van den Oord et al., "Pixel Recurrent Neural Networks", 2016.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from zaohua.estimator import ScoreKind
from zaohua.families.likelihoods import Likelihood, LogisticMixture, likelihood_of
from zaohua.fields import Between, Sampling
from zaohua.noise import Noise
from zaohua.spec import DataSpec
from zaohua.training import Batch, Trainable


class PixelModel(Trainable):
    """Nets: `net(x, y, keep) -> parameters (B, n_parameters C, H, W)`, those of a pixel from the ones before it."""

    score_kind: ClassVar[ScoreKind] = "exact"

    components: Annotated[int, Between(1)] = 5
    """Logistics in the mixture of a pixel of many levels."""
    label_dropout: Annotated[float, Between(0, 1)] = 0.1
    """Share of the items whose condition is hidden in training, so that guidance has something to push away from."""
    guidance: Annotated[float, Between(0, 100), Sampling] = 1.0
    """Weight of the condition against none."""

    @abstractmethod
    def network(self, spec: DataSpec, y_spec: DataSpec | None, n_parameters: int) -> nn.Module:
        """The network, untrained."""

    def build(self, spec: DataSpec, y_spec: DataSpec | None) -> nn.ModuleDict:
        """One network."""
        return nn.ModuleDict({"net": self.network(spec, y_spec, self._likelihood(spec).n_parameters)})

    def _likelihood(self, spec: DataSpec) -> Likelihood:
        """p(x_i | parameters): Bernoulli for two levels, a mixture of logistics for more, else a Gaussian."""
        levels = spec.levels
        return LogisticMixture(levels, self.components) if levels is not None and levels > 2 else likelihood_of(spec)

    def loss(self, nets: nn.ModuleDict, batch: Batch, phase: str) -> Tensor:
        """-log p(x), (B,) nats."""
        keep = None if batch.y is None else batch.noise.uniform() >= self.label_dropout
        return -self._likelihood(self.spec_).log_prob(nets["net"](batch.x, batch.y, keep), batch.x)

    # ---- primitives

    def log_prob(self, x: Tensor, y: Tensor | None, noise: Noise) -> Tensor:
        """sum_i log p(x_i | x_<i), (B,) nats."""
        return self._likelihood(self.spec_).log_prob(self.nets_["net"](x, y), x)

    def draw(self, noise: Noise, y: Tensor | None) -> Tensor:
        """Pixel by pixel, (n, C, H, W) in [-1, 1]."""
        likelihood, net = self._likelihood(self.spec_), self.nets_["net"]
        channels, height, width = self.spec_.tensor_shape
        x = torch.zeros(noise.n, channels, height, width, device=self._device())
        for row in range(height):
            for column in range(width):
                for channel in range(channels):
                    here = slice(channel, None, channels), slice(row, row + 1), slice(column, column + 1)
                    parameters = self._parameters(net, x, y)[:, *here]
                    x[:, channel, row, column] = likelihood.draw(parameters, noise)[:, 0, 0, 0]
        return x

    def _parameters(self, net: nn.Module, x: Tensor, y: Tensor | None) -> Tensor:
        """Parameters of all pixels, guided: null + guidance (conditional - null)."""
        if y is None or self.guidance == 1:
            return net(x, y)
        return torch.lerp(net(x, None), net(x, y), self.guidance)
