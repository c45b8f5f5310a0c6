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

import torch
from torch import Tensor

from zaohua.core.noise import Noise
from zaohua.operators.base import Isotropic, Observation

Decode = Callable[[Tensor], Tensor]
"""z (B, d) -> x (B, C, *axes)."""


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
    steps: int = 150
    candidates: int = 64
    rate: float = 0.3
    least: float = 0.1

    def __call__(self, decode: Decode, size: int, given: Observation, noise: Noise, gamma: float = 0.0) -> Tensor:
        """Return the best z found for each item, (B, size).

        Args:
            decode: the decoder, of which gradients are taken.
            size: size of z.
            given: what is seen of the B items.
            noise: noise of the B items.
            gamma: 0 for the most probable z, 1 for draws.
        """
        drawn = noise.normal(max(self.candidates, self.starts), size).to(given.seen.dtype)
        origin = gamma * noise.normal(size).to(given.seen.dtype)
        sigma = torch.as_tensor(given.sigma, dtype=given.seen.dtype, device=given.seen.device).clamp(min=self.least)
        seen = given.seen
        if gamma:
            seen = seen + gamma * sigma * noise.normal(*seen.shape[1:]).to(seen.dtype)
        energy = Energy(decode, replace(given, seen=seen, sigma=sigma), origin)
        best, lowest = origin, torch.full((len(origin),), math.inf, dtype=origin.dtype, device=origin.device)
        for start in self._best(energy, torch.cat([origin[:, None], drawn[:, 1:]], dim=1)):
            z = self._descend(energy, start)
            found = energy.at(z)
            best, lowest = torch.where((found < lowest)[:, None], z, best), torch.minimum(found, lowest)
        return best

    def _best(self, energy: Energy, z: Tensor) -> list[Tensor]:
        """Return the candidates (B, n, size) of least energy, as `starts` tensors (B, size)."""
        found = torch.stack([energy.at(z[:, i]) for i in range(z.shape[1])], dim=1)
        order = found.argsort(dim=1, stable=True)[:, : self.starts]
        return [z[torch.arange(len(z), device=z.device), column] for column in order.unbind(1)]

    def _descend(self, energy: Energy, z: Tensor) -> Tensor:
        """Minimise from one start for each item."""
        z = z.clone().requires_grad_(True)
        adam = torch.optim.Adam([z], lr=self.rate)
        for step in range(self.steps):
            adam.param_groups[0]["lr"] = self.rate * (1 + math.cos(math.pi * step / self.steps)) / 2
            with torch.enable_grad():
                (z.grad,) = torch.autograd.grad(energy(z).sum(), z)  # a sum: no item changes another's gradient
            adam.step()
        return z.detach()


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

    def __call__(self, z: Tensor) -> Tensor:
        """Return |seen - A(decode(z))|^2 / (2 sigma^2) + |z - origin|^2 / 2, (B,)."""
        away = (self.away(self.decode(z)) / self.given.sigma).square().flatten(1).sum(1)
        return (away + (z - self.origin).square().sum(1)) / 2

    def at(self, z: Tensor) -> Tensor:
        """Return the energy without a gradient."""
        with torch.no_grad():
            return self(z)

    def away(self, x: Tensor) -> Tensor:
        """Return how far items are from agreeing with what is seen: the difference from it, or from the nearest items
        that agree where an operator has steps, along which nothing changes."""
        operator, seen = self.given.operator, self.given.seen
        if operator.linear:
            return seen - operator(x)
        with torch.no_grad():
            nearest = operator.near(seen, x, 0.0, Isotropic(torch.ones((), device=x.device)))
        return nearest - x
