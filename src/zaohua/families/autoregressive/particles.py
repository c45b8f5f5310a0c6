"""Sequential Monte Carlo: what is unknown is drawn in order by several particles, weighted by what is known after it.

A particle is a beginning of an item. Known values are set, and the log weight of a particle grows by their log
probability given its beginning. Where the weights of an item's particles are uneven, they are resampled: likely
beginnings are continued several times, unlikely ones not at all. At the end one particle is drawn by its weight. As the
number of particles grows, that is a draw from p(unknown | known).

Source: Gordon, Salmond and Smith, "Novel approach to nonlinear/non-Gaussian Bayesian state estimation", 1993.
"""

from __future__ import annotations

import torch
from torch import Tensor

from zaohua.core.noise import Noise


class Particles:
    """Log weights of the particles of n items, which are rows i P ... (i + 1) P - 1 of a batch.

    Args:
        n: number of items.
        count: number of particles of each, P.
        device: device of the weights.
    """

    def __init__(self, n: int, count: int, device: torch.device) -> None:
        self.count = count
        self.weights = torch.zeros(n, count, dtype=torch.float64, device=device)
        self._first = count * torch.arange(n, device=device)

    def weigh(self, log_p: Tensor) -> None:
        """Add log probabilities of known values given each particle, (n P,)."""
        self.weights += log_p.double().view(self.weights.shape)

    def resample(self, u: Tensor) -> Tensor | None:
        """Return the rows to continue, int64 (n P,), given a uniform number for each item (n,); None for all as they
        are."""
        chosen = resampled(self.weights, u)
        kept = chosen < 0
        if bool(kept.all()):
            return None
        self.weights[~kept.any(1)] = 0.0
        own = torch.arange(self.count, device=chosen.device)
        return (self._first[:, None] + torch.where(kept, own, chosen)).flatten()

    def last(self, u: Tensor) -> Tensor:
        """Draw one particle of each item by its weight: its row, int64 (n,), given a uniform number for each."""
        cumulative = self.weights.softmax(1).cumsum(1)
        place = torch.searchsorted(cumulative, u[:, None].double() * cumulative[:, -1:], right=True)[:, 0]
        return self._first + place.clamp(max=self.count - 1)


class ParticleNoise:
    """Noise of the particles of the items of another noise, each with own numbers from its item's generator.

    Args:
        noise: noise of n items.
        count: number of particles of each.
    """

    def __init__(self, noise: Noise, count: int) -> None:
        self.noise, self.count, self.n = noise, count, noise.n * count

    def normal(self, *shape: int) -> Tensor:
        """Draw standard normal numbers, float32 (n, *shape)."""
        return self.noise.normal(self.count, *shape).flatten(0, 1)

    def uniform(self, *shape: int) -> Tensor:
        """Draw uniform numbers in [0, 1), float32 (n, *shape)."""
        return self.noise.uniform(self.count, *shape).flatten(0, 1)

    def bernoulli(self, p: Tensor) -> Tensor:
        """Draw booleans that are True with probability p (n, *shape)."""
        return self.noise.bernoulli(p.unflatten(0, (-1, self.count))).flatten(0, 1)


def resampled(log_weights: Tensor, u: Tensor) -> Tensor:
    """Resample systematically: return the index of each new particle, int64 (n, P); -1 in rows with even weights.

    Rows are resampled when the effective sample size, 1 / sum of squared weights, is below half of P.

    Args:
        log_weights: log weights of the particles, (n, P).
        u: a uniform number for each row, (n,).
    """
    weights = log_weights.double().softmax(dim=1)
    count = weights.shape[1]
    positions = (torch.arange(count, device=weights.device) + u[:, None].double()) / count
    cumulative = weights.cumsum(1)
    chosen = torch.searchsorted(cumulative, positions * cumulative[:, -1:], right=True).clamp(max=count - 1)
    uneven = 1 / weights.square().sum(1, keepdim=True) < count / 2
    return torch.where(uneven, chosen, -1)
