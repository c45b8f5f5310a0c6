"""Where randomness comes from: never from the global state, and always the same for the same item.

Two sources with one interface. `BatchNoise` serves training: it draws for the whole global batch and
hands out this part of it, so that one process with a batch of 2B, two processes with B each and two accumulated
micro-batches of B all see the same numbers. `ItemNoise` serves sampling and scoring: each item has its own
generator, so that an item comes out the same alone, in a batch, or at another place of it.

Two rules keep it so. One logical draw is one call: torch draws normal numbers in blocks, so that 3 and then 2 numbers
of a generator aren't the same 5 as those of one call. Draw everything at once, and split up what is computed from it.
And no item draws from another's generator: where items are computed in groups (one of each label), each group draws
from `ItemNoise.take`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class Noise(Protocol):
    """A source of random numbers for `n` items; every draw has shape (n, *shape)."""

    n: int

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, float32 (n, *shape)."""
        ...

    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), float32 (n, *shape)."""
        ...

    def bernoulli(self, p: Tensor) -> Tensor:
        """True with probability p (n, *shape), to the nearest 1 / 65536; bool, of the same shape."""
        ...


class BatchNoise:
    """Noise for items start..start+n of a global batch of `total` items.

    Args:
        seed: integer key of this draw, see `derive_seed`.
        n: items in this part.
        start: place of the part's first item in the global batch.
        total: items in the global batch.
        device: where the numbers are drawn and live.
    """

    def __init__(self, seed: int, n: int, start: int = 0, total: int | None = None, device: str | torch.device = "cpu"):
        self.n, self.start, self.total = n, start, n if total is None else total
        self.device = torch.device(device)
        self.generator = torch.Generator(self.device).manual_seed(seed)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, float32 (n, *shape)."""
        out = torch.randn(self.total, *shape, generator=self.generator, device=self.device)
        return out[self.start : self.start + self.n]

    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), float32 (n, *shape)."""
        out = torch.rand(self.total, *shape, generator=self.generator, device=self.device)
        return out[self.start : self.start + self.n]

    def bernoulli(self, p: Tensor) -> Tensor:
        """True with probability p (n, *shape), to the nearest 1 / 65536: four 16-bit numbers are one draw."""
        count = self.total * p[0].numel()
        draws = torch.empty((count + 3) // 4, dtype=torch.int64, device=self.device)
        numbers = draws.random_(-(2**63), None, generator=self.generator).view(torch.int16)
        return numbers[:count].view(self.total, *p.shape[1:])[self.start : self.start + self.n] < p * 65536 - 32768


class ItemNoise:
    """Noise from one generator for each item, drawn on the CPU so that every device gives the same numbers.

    Args:
        seeds: one integer for each item.
        device: where the numbers are put.
    """

    def __init__(self, seeds: Sequence[int], device: str | torch.device = "cpu"):
        self.n, self.device = len(seeds), torch.device(device)
        self.generators = [torch.Generator().manual_seed(int(s) & (2**63 - 1)) for s in seeds]

    def take(self, rows: np.ndarray) -> ItemNoise:
        """Noise for some of the items, from their own generators.

        Args:
            rows: bool (n,), which items.
        """
        part = ItemNoise([], self.device)
        part.generators = [self.generators[row] for row in np.flatnonzero(rows)]
        part.n = len(part.generators)
        return part

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, float32 (n, *shape)."""
        out = torch.empty(self.n, *shape)
        for row, generator in zip(out.view(self.n, -1), self.generators, strict=True):
            row.normal_(generator=generator)
        return out.to(self.device)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), float32 (n, *shape)."""
        out = torch.empty(self.n, *shape)
        for row, generator in zip(out.view(self.n, -1), self.generators, strict=True):
            row.uniform_(generator=generator)
        return out.to(self.device)

    def bernoulli(self, p: Tensor) -> Tensor:
        """True with probability p (n, *shape)."""
        return self.uniform(*p.shape[1:]) < p


def fine_uniform(noise: Noise, size: int) -> np.ndarray:
    """Uniform numbers above 0 and below 1 with 48 random bits, float64 (n, size); those of `uniform` have 24."""
    coarse, fine = noise.uniform(2, size).cpu().double().numpy().swapaxes(0, 1)
    return coarse + (fine + 2.0**-25) * 2.0**-24


def categorical(weights: Tensor, u: Tensor) -> Tensor:
    """Places drawn by weights: the inverse of their distribution at uniform numbers.

    Args:
        weights: not negative, of any sum above 0, (n, K, ...).
        u: in [0, 1), (n, ...).

    Returns:
        int64 (n, ...), below K.
    """
    edges = weights.cumsum(1)
    return (u[:, None] * edges[:, -1:] >= edges).sum(1).clamp_(max=weights.shape[1] - 1)


def derive_seed(*key: int | str) -> int:
    """A 63-bit seed from any key, the same on every machine and in every version."""
    digest = hashlib.blake2b("/".join(map(str, key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def seed_global(seed: int, device: torch.device) -> None:
    """Seed torch's global generators of the CPU and of this device.

    `torch.manual_seed` asks every kind of device, and where CUDA isn't in use it keeps a stack trace of each call
    for later: 0.3 ms a step, and memory that is never freed.
    """
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)


def seeds_for(random_state: int | None, n: int) -> list[int]:
    """Seeds of n items: the first k are the same for every n >= k; fresh entropy when `random_state` is None."""
    return [int(s) for s in np.random.SeedSequence(random_state).generate_state(n, np.uint64)]


def seeds_from_content(codes: Tensor, salt: int) -> list[int]:
    """A seed for each item from its content, so that its score doesn't depend on its neighbours."""
    rows = codes.detach().cpu().contiguous().reshape(len(codes), -1).numpy()
    key = salt.to_bytes(8, "little", signed=True)
    return [int.from_bytes(hashlib.blake2b(r.tobytes(), digest_size=8, key=key).digest(), "little") for r in rows]
