"""Likelihood p(row | network's output): categorical features and normally distributed numbers, all independent."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zaohua.core.noise import Noise
from zaohua.core.spec import DataSpec
from zaohua.nn.rows import RowLayout


def gumbel(noise: Noise, *shape: int) -> Tensor:
    """Draw Gumbel noise (n, *shape): the argmax of logits + gumbel is a draw from their softmax."""
    return -torch.log(-torch.log(noise.uniform(*shape)))


class RowLikelihood:
    """Likelihood of rows (B, features); parameters (B, outputs) are logits, means and log variances, in that order."""

    def __init__(self, spec: DataSpec) -> None:
        self.layout = RowLayout(spec)

    def outputs(self, channels: int) -> int:
        """Return one parameter for each category of a feature, two for each number."""
        return self.layout.width + len(self.layout.reals)

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Split parameters into logits (B, one_hots), means and log variances (B, reals)."""
        reals = len(self.layout.reals)
        logits, mean, log_var = parameters.float().split([self.layout.one_hots, reals, reals], dim=1)
        return logits, mean, (log_var - 4).clamp(-10, 4)

    def log_prob(self, parameters: Tensor, x: Tensor) -> Tensor:
        """Return log softmax(logits)_x of categories plus log N(x; m, s^2) of the numbers present, nats (B,).

        A feature that the row doesn't say (a category of -1, a number that is NaN) is left out.
        """
        chances, densities = self._observed(parameters, x)
        return chances.sum(1) + densities.sum(1)

    def terms(self, parameters: Tensor, x: Tensor) -> Tensor:
        """Return the terms of `log_prob`, nats (B, features); 0 for a feature that the row doesn't say."""
        chances, densities = self._observed(parameters, x)
        out = densities.new_zeros(len(x), len(self.layout.spec.features))
        out[:, self.layout.reals] = densities
        for index, first, size in self.layout.categories:
            out[:, index] = chances[:, first : first + size].sum(1)
        return out

    def _observed(self, parameters: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return log p of the categories of rows, (B, one_hots), and of their numbers, (B, reals); else 0."""
        logits, mean, log_var = self._split(parameters)
        chances = self.layout.one_hot(x) * self.layout.log_softmax(logits)
        density = -0.5 * ((self.layout.numbers(x) - mean) ** 2 * torch.exp(-log_var) + log_var + math.log(2 * math.pi))
        return chances, density * self.layout.observed(x)

    def mean(self, parameters: Tensor) -> Tensor:
        """Return the most likely categories and the means of the numbers, (B, features)."""
        return self.layout.rows(parameters[:, : self.layout.width])

    def draw(self, parameters: Tensor, noise: Noise) -> Tensor:
        """Draw a row, (B, features)."""
        logits, mean, log_var = self._split(parameters)
        numbers = mean + torch.exp(log_var / 2) * noise.normal(mean.shape[1])
        return self.layout.rows(torch.cat([logits + gumbel(noise, logits.shape[1]), numbers], dim=1))
