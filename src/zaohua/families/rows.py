"""p(row | network's output): each category by itself, each number normally distributed where there is one."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zaohua.core.noise import Noise
from zaohua.core.spec import DataSpec
from zaohua.nn.rows import RowLayout


def gumbel(noise: Noise, *shape: int) -> Tensor:
    """Numbers (n, *shape) with which the largest of logits + gumbel is a draw from their softmax."""
    return -torch.log(-torch.log(noise.uniform(*shape)))


class RowLikelihood:
    """Rows (B, features); parameters (B, outputs) are logits, means and log variances, in the order of wide rows."""

    def __init__(self, spec: DataSpec) -> None:
        self.layout = RowLayout(spec)

    def outputs(self, channels: int) -> int:
        """One for each category of a feature, two for each number."""
        return self.layout.width + len(self.layout.reals)

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (B, one_hots), means and log variances (B, reals)."""
        reals = len(self.layout.reals)
        logits, mean, log_var = parameters.float().split([self.layout.one_hots, reals, reals], dim=1)
        return logits, mean, (log_var - 4).clamp(-10, 4)

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        """log softmax(logits)_x of categories and log N(x; m, s^2) of the numbers that are there, summed; (B,) nats.

        A category that training never saw has no probability: -inf.
        """
        logits, mean, log_var = self._split(parameters)
        one_hot = self.layout.one_hot(x)
        log_p = (one_hot * self.layout.log_softmax(logits)).sum(1)
        log_p = log_p.masked_fill(one_hot.sum(1) < len(self.layout.categories), -torch.inf)
        density = -0.5 * ((self.layout.numbers(x) - mean) ** 2 * torch.exp(-log_var) + log_var + math.log(2 * math.pi))
        return log_p + (density * self.layout.observed(x)).sum(1)

    def mean(self, parameters: Tensor) -> Tensor:
        """The most likely categories and the means of the numbers, (B, features)."""
        return self.layout.rows(parameters[:, : self.layout.width])

    def draw(self, parameters: Tensor, noise: Noise) -> Tensor:
        """A random row, (B, features)."""
        logits, mean, log_var = self._split(parameters)
        numbers = mean + torch.exp(log_var / 2) * noise.normal(mean.shape[1])
        return self.layout.rows(torch.cat([logits + gumbel(noise, logits.shape[1]), numbers], dim=1))
