"""Restoration by a search in latent space, for models that decode z ~ N(0, 1) but can't denoise: VAEs and GANs.

Adam minimises, for each item on its own,

    |seen - A(decode(z))|^2 / (2 sigma^2) + |z|^2 / 2

from several starts, and the best end is kept: the most probable z, if no better one was missed. For draws, what is seen
and the origin of z are disturbed by as much as they are unknown (seen + sigma e, |z - e'|^2 / 2) before the search.
Where the decoder is linear, the first is the posterior's mean and the second an exact draw. No decoder worth the name
is linear, so results are approximate, and the spread of draws is not calibrated.

Sources: Bora et al., "Compressed Sensing using Generative Models", 2017 (arXiv:1703.03208); for draws Oliver, He and
Reynolds, "Conditioning permeability fields to pressure data", 1996 (randomised maximum likelihood).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from zaohua.core.noise import Noise
from zaohua.operators.base import Observation
from zaohua.operators.covariance import Isotropic

Decode = Callable[[Tensor, Tensor], Tensor]
"""z (B, d), and the number of the candidate (B,) that each is found from -> x (B, C, *axes)."""


@dataclass(frozen=True)
class LatentSearch:
    """Search for latents whose decoded items agree with what is seen.

    Attributes:
        starts: number of starts for each item.
        steps: steps of Adam from each start.
        candidates: random z for each item, of which the best are the starts.
        rate: step size at first; it falls to 0 along a cosine.
        least: standard deviation of the observation's noise at least, in units of tensors: what decoders make is
            never quite the item.
    """

    starts: int = 4
    steps: int = 100
    candidates: int = 64
    rate: float = 0.3
    least: float = 0.1

    def __call__(self, decode: Decode, size: int, given: Observation, noise: Noise, gamma: float = 0.0) -> Found:
        """Search for the B items that are seen.

        Args:
            decode: the decoder, of which gradients are taken. It may give each candidate a condition of its own.
            size: size of z.
            given: what is seen of the B items.
            noise: noise of the B items.
            gamma: 0 for the most probable z, 1 for draws.
        """
        seen = given.seen
        drawn = noise.normal(max(self.candidates, self.starts), size).to(seen.dtype)
        origin = gamma * noise.normal(size).to(seen.dtype)
        sigma = torch.as_tensor(given.sigma, dtype=seen.dtype, device=seen.device).clamp(min=self.least)
        if gamma:
            seen = seen + gamma * sigma * noise.normal(*seen.shape[1:]).to(seen.dtype)
        energy = Energy(decode, replace(given, seen=seen, sigma=sigma), origin)
        ends = [self._descend(energy, start) for start in self._starts(energy, drawn)]
        best, *others = ends
        for other in others:
            best = best.better(other)
        return best

    def _starts(self, energy: Energy, drawn: Tensor) -> list[Found]:
        """Return the best candidates: of the random z (B, n, size) the first is replaced by the origin."""
        z = torch.cat([energy.origin[:, None], drawn[:, 1:]], dim=1)
        numbers = [torch.full((len(z),), number, device=z.device) for number in range(z.shape[1])]
        found = torch.stack([energy.at(z[:, number], which) for number, which in enumerate(numbers)], dim=1)
        every = torch.arange(len(z), device=z.device)
        order = found.argsort(dim=1, stable=True)[:, : self.starts].unbind(1)
        return [Found(z[every, which], which, found[every, which]) for which in order]

    def _descend(self, energy: Energy, start: Found) -> Found:
        """Minimise from one start for each item."""
        z = start.z.clone().requires_grad_(True)
        adam = torch.optim.Adam([z], lr=self.rate)
        for step in range(self.steps):
            adam.param_groups[0]["lr"] = self.rate * (1 + math.cos(math.pi * step / self.steps)) / 2
            with torch.enable_grad():
                (z.grad,) = torch.autograd.grad(energy(z, start.which).sum(), z)  # no item changes another's gradient
            adam.step()
        end = z.detach()
        return Found(end, start.which, energy.at(end, start.which))


class Found(NamedTuple):
    """Latents of B items.

    Attributes:
        z: the latents, (B, size).
        which: number of the candidate that each is found from, int64 (B,).
        energy: what was minimised, (B,).
    """

    z: Tensor
    which: Tensor
    energy: Tensor

    def better(self, other: Found) -> Found:
        """Return for each item what has less energy."""
        wins = other.energy < self.energy
        return Found(
            torch.where(wins[:, None], other.z, self.z),
            torch.where(wins, other.which, self.which),
            torch.where(wins, other.energy, self.energy),
        )


@dataclass(frozen=True)
class Energy:
    """What is minimised, for each item.

    Attributes:
        decode: the decoder.
        given: what is seen; its sigma isn't 0.
        origin: z that is most probable beforehand, (B, d).
    """

    decode: Decode
    given: Observation
    origin: Tensor

    def __call__(self, z: Tensor, which: Tensor) -> Tensor:
        """Return |seen - A(decode(z))|^2 / (2 sigma^2) + |z - origin|^2 / 2, (B,)."""
        away = (self.away(self.decode(z, which)) / self.given.sigma).square().flatten(1).sum(1)
        return (away + (z - self.origin).square().sum(1)) / 2

    def at(self, z: Tensor, which: Tensor) -> Tensor:
        """Return the energy without a gradient."""
        with torch.no_grad():
            return self(z, which)

    def away(self, x: Tensor) -> Tensor:
        """Return how far items are from agreeing with what is seen: the difference from it, or from the nearest items
        that agree where an operator has steps, along which nothing changes."""
        operator, seen = self.given.operator, self.given.seen
        if operator.linear:
            return seen - operator(x)
        with torch.no_grad():
            nearest = operator.near(seen, x, 0.0, Isotropic(torch.ones((), device=x.device)))
        return nearest - x
