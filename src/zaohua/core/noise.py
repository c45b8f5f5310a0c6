"""Reproducible random numbers, independent of the global state and of how items are batched.

There are two sources with one interface. `BatchNoise` is for training: it draws for the whole global batch and returns
the part for this process, so that one process with a batch of 2B, two processes with B each and two accumulated
micro-batches of B all see the same numbers. `ItemNoise` is for sampling and scoring: each item has its own generator,
so that its result is the same alone, in a batch, and at any index of the batch.

Two rules must be followed:

- One logical draw is one call. torch draws normal numbers in blocks, so that 3 and then 2 numbers of a generator differ
  from 5 numbers of one call. Draw all numbers at once, and split the computation instead.
- No item may draw from another item's generator. If items are computed in groups (such as one per label), each group
  draws from `ItemNoise.take`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from zaohua.core.seeds import RandomState, seed_of


class Noise(Protocol):
    """Source of random numbers for `n` items; every draw has shape (n, *shape)."""

    n: int

    def normal(self, *shape: int) -> Tensor:
        """Draw standard normal numbers, float32 (n, *shape)."""
        ...

    def uniform(self, *shape: int) -> Tensor:
        """Draw uniform numbers in [0, 1), float32 (n, *shape)."""
        ...

    def bernoulli(self, p: Tensor) -> Tensor:
        """Draw booleans that are True with probability p (n, *shape), rounded to a multiple of 1 / 65536."""
        ...


class BatchNoise:
    """Noise for the items start ... start + n - 1 of a global batch of `total` items.

    Args:
        seed: seed of the batch; see `derive_seed`.
        n: number of items of this part.
        start: index of the part's first item in the global batch.
        total: number of items of the global batch; default: n.
        device: device on which the numbers are drawn.
    """

    def __init__(self, seed: int, n: int, start: int = 0, total: int | None = None, device: str | torch.device = "cpu"):
        self.n, self.start, self.total = n, start, n if total is None else total
        self.device = torch.device(device)
        self.generator = torch.Generator(self.device).manual_seed(seed)

    def normal(self, *shape: int) -> Tensor:
        """Draw standard normal numbers, float32 (n, *shape)."""
        out = torch.randn(self.total, *shape, generator=self.generator, device=self.device)
        return out[self.start : self.start + self.n]

    def uniform(self, *shape: int) -> Tensor:
        """Draw uniform numbers in [0, 1), float32 (n, *shape)."""
        out = torch.rand(self.total, *shape, generator=self.generator, device=self.device)
        return out[self.start : self.start + self.n]

    def bernoulli(self, p: Tensor) -> Tensor:
        """Draw booleans that are True with probability p (n, *shape), rounded to a multiple of 1 / 65536.

        Four 16-bit numbers are taken from each 64-bit draw.
        """
        count = self.total * p[0].numel()
        draws = torch.empty((count + 3) // 4, dtype=torch.int64, device=self.device)
        numbers = draws.random_(-(2**63), None, generator=self.generator).view(torch.int16)
        return numbers[:count].view(self.total, *p.shape[1:])[self.start : self.start + self.n] < p * 65536 - 32768


class ItemNoise:
    """Noise from one generator per item, drawn on the CPU so that the numbers are the same on every device.

    Args:
        seeds: one integer per item.
        device: device to which the numbers are moved.
    """

    def __init__(self, seeds: Sequence[int], device: str | torch.device = "cpu"):
        self.n, self.device = len(seeds), torch.device(device)
        self.generators = [torch.Generator().manual_seed(int(s) & (2**63 - 1)) for s in seeds]

    def take(self, rows: np.ndarray) -> ItemNoise:
        """Return the noise of some of the items, which draws from their own generators.

        Args:
            rows: mask of the items, bool (n,).
        """
        part = ItemNoise([], self.device)
        part.generators = [self.generators[row] for row in np.flatnonzero(rows)]
        part.n = len(part.generators)
        return part

    def normal(self, *shape: int) -> Tensor:
        """Draw standard normal numbers, float32 (n, *shape)."""
        out = torch.empty(self.n, *shape)
        for row, generator in zip(out.view(self.n, -1), self.generators, strict=True):
            row.normal_(generator=generator)
        return out.to(self.device)

    def uniform(self, *shape: int) -> Tensor:
        """Draw uniform numbers in [0, 1), float32 (n, *shape)."""
        out = torch.empty(self.n, *shape)
        for row, generator in zip(out.view(self.n, -1), self.generators, strict=True):
            row.uniform_(generator=generator)
        return out.to(self.device)

    def bernoulli(self, p: Tensor) -> Tensor:
        """Draw booleans that are True with probability p (n, *shape)."""
        return self.uniform(*p.shape[1:]) < p


def fine_uniform(noise: Noise, size: int) -> np.ndarray:
    """Draw uniform numbers above 0 and below 1 with 48 random bits, float64 (n, size); `uniform` has 24 bits."""
    coarse, fine = noise.uniform(2, size).cpu().double().numpy().swapaxes(0, 1)
    out: np.ndarray = coarse + (fine + 2.0**-25) * 2.0**-24
    return out


def categorical(weights: Tensor, u: Tensor) -> Tensor:
    """Draw indices with probabilities in proportion to weights, by inversion of the distribution function.

    Args:
        weights: non-negative weights with any positive sum, (n, K, ...).
        u: uniform numbers in [0, 1), (n, ...).

    Returns:
        Indices below K, int64 (n, ...).
    """
    edges = weights.cumsum(1)
    return (u[:, None] * edges[:, -1:] >= edges).sum(1).clamp_(max=weights.shape[1] - 1)


def derive_seed(*key: int | str) -> int:
    """Derive a 63-bit seed from any key; it is the same on every machine and in every version."""
    digest = hashlib.blake2b("/".join(map(str, key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def seed_global(seed: int, device: torch.device) -> None:
    """Seed torch's global generators of the CPU and of one device.

    `torch.manual_seed` would query every kind of device, and store a stack trace of each call while CUDA isn't
    initialised: 0.3 ms per step, and memory that is never freed.
    """
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)


def seeds_for(random_state: RandomState, n: int) -> list[int]:
    """Return seeds for n items; the first k are the same for every n >= k. None takes fresh entropy.

    Raises:
        ZaohuaError: the random state is none.
    """
    return [int(s) for s in np.random.SeedSequence(seed_of(random_state)).generate_state(n, np.uint64)]


def seeds_from_content(codes: Tensor, salt: int) -> list[int]:
    """Derive a seed for each item from its content, so that its score doesn't depend on the rest of the batch."""
    rows = codes.detach().cpu().contiguous().reshape(len(codes), -1).numpy()
    key = salt.to_bytes(8, "little", signed=True)
    return [int.from_bytes(hashlib.blake2b(r.tobytes(), digest_size=8, key=key).digest(), "little") for r in rows]
