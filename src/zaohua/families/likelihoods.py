"""Likelihoods p(x | decoder's output), chosen by the data: binary, quantised, continuous, or rows of tables.

A likelihood defines the number of its parameters (`outputs`), log p, the mean, and a draw. x is scaled to [-1, 1] and
has shape (B, C, *axes); parameters have shape (B, outputs, *axes).
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from zaohua.core.noise import Noise, categorical
from zaohua.core.spec import DataSpec
from zaohua.families.rows import RowLikelihood


class Likelihood(Protocol):
    """Distribution of x that factorises over positions, and mostly over channels too."""

    def outputs(self, channels: int) -> int:
        """Return the number of parameters at each position, for all channels together."""
        ...

    def terms(self, parameters: Tensor, x: Tensor) -> Tensor:
        """Return the terms whose sum is `log_prob`, nats (B, C or 1, *axes), or (B, features) of rows."""
        ...

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        """Return the log probability (of continuous x: the log density in the item's own units), nats (B,)."""
        return self.terms(parameters, x).flatten(1).sum(1)

    def mean(self, parameters: Tensor) -> Tensor:
        """Return the expected x, (B, C, *axes)."""
        ...

    def draw(self, parameters: Tensor, noise: Noise) -> Tensor:
        """Draw x, (B, C, *axes)."""
        ...


def likelihood_of(spec: DataSpec) -> Likelihood:
    """Choose a likelihood: RowLikelihood for tables, Bernoulli for two levels, a discretised logistic for more levels,
    a Gaussian for continuous data."""
    if spec.is_row:
        return RowLikelihood(spec)
    if spec.levels == 2:
        return BernoulliLikelihood()
    return GaussianLikelihood(spec) if spec.levels is None else DiscretizedLogistic(spec.levels)


class BernoulliLikelihood(Likelihood):
    """Bernoulli distribution of x in {-1, 1}; the parameter is the logit of 1."""

    def outputs(self, channels: int) -> int:
        """Return one parameter for each channel."""
        return channels

    def terms(self, parameters: Tensor, x: Tensor) -> Tensor:
        """Return log sigmoid(+-logit)."""
        return F.logsigmoid(x * parameters.float())

    def mean(self, parameters: Tensor) -> Tensor:
        """Return 2 sigmoid(logit) - 1."""
        return torch.tanh(parameters / 2)

    def draw(self, parameters: Tensor, noise: Noise) -> Tensor:
        """Draw -1 or 1."""
        return noise.bernoulli(torch.sigmoid(parameters.float())).float() * 2 - 1


class DiscretizedLogistic(Likelihood):
    """Logistic distribution over `levels` equally spaced values in [-1, 1]; the outer two bins reach to infinity.

    Source: Salimans et al., "PixelCNN++", 2017 (one component of it), equation 2.
    """

    def __init__(self, levels: int):
        self.half = 1 / (levels - 1)

    def outputs(self, channels: int) -> int:
        """Return two parameters for each channel, mean and log scale."""
        return 2 * channels

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_scale = parameters.chunk(2, dim=1)
        return mean, (log_scale - 2).clamp(min=-7)

    def terms(self, parameters: Tensor, x: Tensor) -> Tensor:
        """Return log(sigmoid((x + half - m) / s) - sigmoid((x - half - m) / s))."""
        return log_bin(x, *self._split(parameters.float()), self.half)

    def mean(self, parameters: Tensor) -> Tensor:
        """Return m, clipped to the data's range."""
        return self._split(parameters)[0].clamp(-1, 1)

    def draw(self, parameters: Tensor, noise: Noise) -> Tensor:
        """Draw m + s logit(u), clipped to the data's range."""
        mean, log_scale = self._split(parameters)
        u = noise.uniform(*mean.shape[1:]).clamp(1e-6, 1 - 1e-6)
        return (mean + log_scale.exp() * torch.logit(u)).clamp(-1, 1)


def log_bin(x: Tensor, mean: Tensor, log_scale: Tensor, half: float) -> Tensor:
    """Return the log mass of a logistic between x - half and x + half; the outer bins of [-1, 1] reach to infinity.

    Written as log of a difference of sigmoids, log(sinh) cancelling out, so that no bin underflows:
    sigmoid(a) - sigmoid(b) = (1 - exp(b - a)) sigmoid(a) sigmoid(-b).
    """
    scale = torch.exp(-log_scale)
    upper, lower = (x - mean + half) * scale, (x - mean - half) * scale
    inside = torch.log(-torch.expm1(-2 * half * scale)) + F.logsigmoid(upper) + F.logsigmoid(-lower)
    edge = 1 - half
    return torch.where(x < -edge, F.logsigmoid(upper), torch.where(x > edge, F.logsigmoid(-lower), inside))


class LogisticMixture(Likelihood):
    """Mixture of logistics over `levels` equally spaced values in [-1, 1].

    Source: Salimans et al., "PixelCNN++", 2017, equations 1 and 2.
    """

    def __init__(self, levels: int, components: int):
        self.half, self.components = 1 / (levels - 1), components

    def outputs(self, channels: int) -> int:
        """Return weight, mean and scale of each component, for each channel."""
        return 3 * self.components * channels

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Split parameters into log weights, means and log scales, (B, components, C, *axes) each."""
        logits, mean, log_scale = parameters.float().unflatten(1, (3, self.components, -1)).unbind(1)
        offsets = torch.linspace(-1, 1, self.components, device=mean.device).view(-1, *[1] * (mean.ndim - 2))
        return logits.log_softmax(1), mean + offsets, (log_scale - 2).clamp(min=-7)

    def terms(self, parameters: Tensor, x: Tensor) -> Tensor:
        """Return log sum_k w_k mass_k(x)."""
        log_weight, mean, log_scale = self._split(parameters)
        return torch.logsumexp(log_weight + log_bin(x.unsqueeze(1), mean, log_scale, self.half), dim=1)

    def mean(self, parameters: Tensor) -> Tensor:
        """Return sum_k w_k m_k, clipped to the data's range."""
        log_weight, mean, _ = self._split(parameters)
        return (log_weight.exp() * mean).sum(1).clamp(-1, 1)

    def draw(self, parameters: Tensor, noise: Noise) -> Tensor:
        """Draw a component by its weight, then m + s logit(u), rounded to the nearest level."""
        log_weight, mean, log_scale = self._split(parameters)
        u = noise.uniform(2, *mean.shape[2:]).clamp(1e-6, 1 - 1e-6)
        passed = log_weight.exp().cumsum(1) < u[:, :1]
        which = passed.sum(1, keepdim=True).clamp(max=self.components - 1)
        mean, log_scale = mean.gather(1, which)[:, 0], log_scale.gather(1, which)[:, 0]
        values = (mean + log_scale.exp() * torch.logit(u[:, 1])).clamp(-1, 1)
        return ((values + 1) / (2 * self.half)).round() * 2 * self.half - 1


class Categorical(Likelihood):
    """Categorical distribution over `levels` equally spaced values in [-1, 1]; parameters are logits by level."""

    def __init__(self, levels: int):
        self.levels = levels

    def outputs(self, channels: int) -> int:
        """Return a logit for each level, for each channel."""
        return self.levels * channels

    def _logits(self, parameters: Tensor) -> Tensor:
        """Reshape parameters to (B, levels, C, *axes)."""
        out: Tensor = parameters.float().unflatten(1, (self.levels, -1))
        return out

    def terms(self, parameters: Tensor, x: Tensor) -> Tensor:
        """Return log softmax(logits)_x."""
        which = ((x + 1) * ((self.levels - 1) / 2)).round().long()
        return -F.cross_entropy(self._logits(parameters), which, reduction="none")

    def mean(self, parameters: Tensor) -> Tensor:
        """Return sum_k softmax(logits)_k level_k."""
        return torch.einsum(
            "bk...,k->b...",
            self._logits(parameters).softmax(1),
            torch.linspace(-1, 1, self.levels, device=parameters.device),
        )

    def draw(self, parameters: Tensor, noise: Noise) -> Tensor:
        """Draw a level by its probability."""
        probabilities = self._logits(parameters).softmax(1)
        return categorical(probabilities, noise.uniform(*probabilities.shape[2:])) * (2 / (self.levels - 1)) - 1


class ColourMixture(Likelihood):
    """Mixture of logistics over all channels of a pixel together, each of `levels` equally spaced values in [-1, 1].

    In component k the mean of channel c moves with the channels before it: m_kc + sum_{b < c} tanh(a_kcb) x_b.

    Source: Salimans et al., "PixelCNN++", 2017, equations 1 to 3.
    """

    def __init__(self, levels: int, components: int):
        self.half, self.components = 1 / (levels - 1), components

    def outputs(self, channels: int) -> int:
        """Return, for each component, a weight, means and scales of all channels, and a coefficient of each pair."""
        return self.components * (1 + 2 * channels + channels * (channels - 1) // 2)

    def _split(self, parameters: Tensor, channels: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Split parameters into log weights (B, K, *axes), means, log scales and coefficients (B, K, ..., *axes)."""
        parts = parameters.float().unflatten(1, (self.components, -1))
        pairs = channels * (channels - 1) // 2
        logits, mean, log_scale, coefficients = parts.split([1, channels, channels, pairs], dim=2)
        offsets = torch.linspace(-1, 1, self.components, device=mean.device).view(-1, *[1] * (mean.ndim - 2))
        return logits[:, :, 0].log_softmax(1), mean + offsets, (log_scale - 2).clamp(min=-7), torch.tanh(coefficients)

    def _channels(self, parameters: Tensor) -> int:
        """Return the number of channels, given the number of parameters."""
        channels = 1
        while self.outputs(channels) < parameters.shape[1]:
            channels += 1
        return channels

    @staticmethod
    def _mean(c: int, mean: Tensor, coefficients: Tensor, before: Tensor) -> Tensor:
        """Return means of channel c (..., *axes) given the values `before` of the channels before it."""
        first = c * (c - 1) // 2
        return mean[:, :, c] + (coefficients[:, :, first : first + c] * before[:, None, :c]).sum(2)

    def terms(self, parameters: Tensor, x: Tensor) -> Tensor:
        """Return log sum_k w_k prod_c mass_kc(x_c | x_<c), of all channels of a position together, (B, 1, *axes)."""
        log_weight, mean, log_scale, coefficients = self._split(parameters, x.shape[1])
        means = torch.stack([self._mean(c, mean, coefficients, x) for c in range(x.shape[1])], dim=2)
        log_p = log_bin(x.unsqueeze(1), means, log_scale, self.half).sum(2)
        return torch.logsumexp(log_weight + log_p, dim=1).unsqueeze(1)

    def mean(self, parameters: Tensor) -> Tensor:
        """Return sum_k w_k m_k, each channel's mean given the means of those before it; clipped to the data's range."""
        channels = self._channels(parameters)
        log_weight, mean, _, coefficients = self._split(parameters, channels)
        chosen = mean[:, :, :0]
        for c in range(channels):
            first = c * (c - 1) // 2
            here = mean[:, :, c] + (coefficients[:, :, first : first + c] * chosen).sum(2)
            chosen = torch.cat([chosen, here.unsqueeze(2)], dim=2)
        return (log_weight.exp().unsqueeze(2) * chosen).sum(1).clamp(-1, 1)

    def draw(self, parameters: Tensor, noise: Noise) -> Tensor:
        """Draw a component by its weight, then channel after channel m + s logit(u), rounded to the nearest level."""
        channels = self._channels(parameters)
        log_weight, *parts = self._split(parameters, channels)
        u = noise.uniform(1 + channels, *log_weight.shape[2:]).clamp(1e-6, 1 - 1e-6)
        which = (log_weight.exp().cumsum(1) < u[:, :1]).sum(1, keepdim=True).clamp(max=self.components - 1)
        mean, log_scale, coefficients = (
            part.gather(1, which.unsqueeze(2).expand(-1, 1, *part.shape[2:])) for part in parts
        )
        x = mean[:, 0].new_zeros(mean[:, 0].shape)
        for c in range(channels):
            here = self._mean(c, mean, coefficients, x)[:, 0]
            value = (here + log_scale[:, 0, c].exp() * torch.logit(u[:, 1 + c])).clamp(-1, 1)
            x[:, c] = ((value + 1) / (2 * self.half)).round() * 2 * self.half - 1
        return x


class GaussianLikelihood(Likelihood):
    """Gaussian distribution of continuous x; the parameters are mean and log variance."""

    def __init__(self, spec: DataSpec):
        self.log_volume = spec.log_volume

    def outputs(self, channels: int) -> int:
        """Return two parameters for each channel."""
        return 2 * channels

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_var = parameters.chunk(2, dim=1)
        return mean, (log_var - 2).clamp(min=-10)

    def terms(self, parameters: Tensor, x: Tensor) -> Tensor:
        """Return the log density in the item's own units."""
        return self._densities(parameters, x) - self.log_volume / x[0].numel()

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        """Return the log density in the item's own units, summed."""
        return self._densities(parameters, x).flatten(1).sum(1) - self.log_volume

    def _densities(self, parameters: Tensor, x: Tensor) -> Tensor:
        """Return log densities of tensors, (B, C, *axes)."""
        mean, log_var = self._split(parameters.float())
        return -0.5 * ((x - mean) ** 2 * torch.exp(-log_var) + log_var + math.log(2 * math.pi))

    def mean(self, parameters: Tensor) -> Tensor:
        """Return m."""
        return self._split(parameters)[0]

    def draw(self, parameters: Tensor, noise: Noise) -> Tensor:
        """Draw m + s e with e standard normal."""
        mean, log_var = self._split(parameters)
        return mean + torch.exp(log_var / 2) * noise.normal(*mean.shape[1:])
