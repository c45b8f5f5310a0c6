"""Random numbers that nobody can repeat: what a private training draws its items and its noise from.

Noise that can be computed again can be subtracted. So it doesn't follow from a model's seed, which is saved with the
model, but from a key of 128 bits from the operating system. A training needs its key only until it ends, and keeps it
in its checkpoints; then it goes on exactly after an interruption.

All numbers are a pure function of the key and of a name: SHAKE-256 makes a stream of bits from them, from which nobody
can tell the key or other parts of the stream.

Floating-point numbers of a normal distribution aren't continuous, and which ones occur can tell what they were added to
(Mironov, "On Significance of the Least Significant Bits For Differential Privacy", 2012). So each number is the sum of
four, divided by two, in float64, as Holohan and Braghin propose ("Secure Random Sampling in Differential Privacy",
2021, arXiv:2107.10138).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Self

import numpy as np

BYTES = 16
SUMMED = 4
"""Normal numbers that are added to one."""


@dataclass(frozen=True, repr=False)
class Secret:
    """Source of random numbers, by names.

    Attributes:
        key: 16 bytes.
    """

    key: bytes

    @classmethod
    def fresh(cls) -> Self:
        """Return a source with a key of its own."""
        return cls(secrets.token_bytes(BYTES))

    def bits(self, count: int, *name: int | str) -> np.ndarray:
        """Return random 64-bit numbers, uint64 (count,), of which a name's first ones are always the same."""
        label = "/".join(map(str, name)).encode()
        return np.frombuffer(hashlib.shake_256(self.key + label).digest(8 * count), "<u8")

    def seed(self, *name: int | str) -> int:
        """Return a seed of 63 bits for a generator whose numbers are never released."""
        return int(self.bits(1, *name)[0]) >> 1

    def chosen(self, count: int, rate: float, *name: int | str) -> np.ndarray:
        """Choose each of `count` items independently with probability `rate`; return their indices, int64 (k,)."""
        if rate >= 1:
            return np.arange(count)
        return np.flatnonzero(self.bits(count, *name) < np.uint64(int(rate * 2.0**64)))

    def normal(self, count: int, *name: int | str) -> np.ndarray:
        """Draw standard normal numbers, float64 (count,)."""
        halves = self.bits(SUMMED * count, *name).reshape(2, SUMMED // 2, count)
        uniform = ((halves >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53  # above 0 and below 1
        radius, angle = np.sqrt(-2 * np.log(uniform[0])), 2 * np.pi * uniform[1]
        pairs: np.ndarray = radius * (np.cos(angle) + np.sin(angle))  # of Box and Muller's pairs the sums
        out: np.ndarray = pairs.sum(0) / 2
        return out
