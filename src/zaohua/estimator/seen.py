"""Memory of the training items: keyed hashes, by which a run notices that it is measured by items it was trained on.

Items are compared as the model's codec encodes them, so a copy of a file, under any name, is the same item. Of texts
and music, whose files may be divided and joined, runs of `RUN` tokens are compared.

**What is kept** in `model.json`, and what it tells. Each item has a 64-bit hash keyed by the model's seed. Those that
are divisible by a modulus are kept, about `MOST`, cut to 32 bits. So they neither hold nor rebuild an item, and many
possible items share each hash; but whoever has an item may ask whether it was trained on, as `zaohua evaluate` does.
Where items could be listed one by one, that would give the items away. So nothing is kept of items with less than
`BITS` bits, such as rows of two columns.

**When it is said.** Some training items occur more than once. Given items are called trained on if more of them are
training items than that, by the 95 % interval of their share. Texts and pieces also quote one another, so of their runs
another `QUOTED` may be equal.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from zaohua.core.json import Json
from zaohua.core.noise import derive_seed
from zaohua.metrics.intervals import wilson
from zaohua.metrics.text_overlap import rolling_hashes
from zaohua.modalities.base import Codes
from zaohua.modalities.files.codes import FileCodes
from zaohua.modalities.sequences import Sequences

MOST = 20_000
"""Number of hashes that are kept, about."""
DECODED = 1_000
"""Maximum number of items that are looked at if they must be decoded from files."""
BITS = 48
"""Minimum information of an item, in bits, for hashes to be kept."""
RUN = 32
"""Number of tokens of texts and music that are hashed together."""
QUOTED = 0.05
"""Fraction of the runs of new texts and pieces that may be those of training."""
BLOCK = 1 << 20
"""Number of tokens hashed at once."""
Hashes = np.ndarray


@dataclass(frozen=True)
class Seen:
    """Number of given items that are training items.

    Attributes:
        found: number of items that are training items.
        checked: number of items that could be checked.
        usual: fraction of new items that may equal training items, such as those that occur more than once.
        fraction: fraction of the training items that are remembered by these hashes.
    """

    found: int
    checked: int
    usual: float
    fraction: float

    @property
    def share(self) -> float:
        """Estimated fraction of the given items that are training items."""
        return min(1.0, self.found / max(1, self.checked) / self.fraction)

    @property
    def accused(self) -> bool:
        """True if more of the given items are training items than training items repeat one another."""
        return self.found > 0 and wilson(self.found / self.checked, self.checked).low > self.usual


def remember(hashes: Hashes, key: int, fraction: float = 1.0, quoted: float = 0.0) -> Json:
    """Return the memory of hashed training items as JSON values.

    Args:
        hashes: uint64 (n,).
        key: key of the hashes.
        fraction: fraction of the training items that these are.
        quoted: fraction of new items that may equal training items, beyond those that repeat one another.
    """
    modulus = max(1, -(-len(hashes) // MOST))
    values, counts = np.unique(hashes, return_counts=True)
    kept = np.unique((values[values % np.uint64(modulus) == 0] >> np.uint64(32)).astype("<u4"))
    return {
        "key": key,
        "modulus": modulus,
        "fraction": fraction,
        "repeats": float(counts[counts > 1].sum() / max(1, len(hashes))),
        "quoted": quoted,
        "hashes": base64.b64encode(kept.tobytes()).decode(),
    }


def recall(memory: Mapping[str, object], hashes: Hashes) -> Seen:
    """Count the given items that are in a memory.

    Args:
        memory: result of `remember`.
        hashes: hashes of the given items by the memory's key, uint64 (n,).
    """
    kept = np.frombuffer(base64.b64decode(str(memory["hashes"])), "<u4")
    checked = hashes[hashes % np.uint64(int(str(memory["modulus"]))) == 0]
    found = np.isin((checked >> np.uint64(32)).astype("<u4"), kept)
    repeats, quoted, fraction = (float(str(memory[name])) for name in ("repeats", "quoted", "fraction"))
    return Seen(int(found.sum()), len(checked), repeats + quoted, fraction)


def replaced(now: Mapping[str, object], then: Mapping[str, object]) -> int:
    """Count the items of one memory that another, of as many items with the same key, doesn't hold.

    Decoders of files may round differently on another machine. So if fewer than half of the items are equal, the
    memories don't tell, and none is counted.
    """
    if any(now[name] != then[name] for name in ("key", "modulus", "fraction")):
        return 0
    own, other = (np.frombuffer(base64.b64decode(str(memory["hashes"])), "<u4") for memory in (now, then))
    equal = np.intersect1d(own, other).size
    return max(own.size, other.size) - equal if 2 * equal >= max(own.size, other.size) else 0


# ---- hashes


def item_hashes(codes: Codes, rows: np.ndarray, key: int) -> Hashes:
    """Hash whole items, uint64 (k,).

    Args:
        codes: encoded items.
        rows: indices of the items, int64 (k,).
        key: key of the hashes.
    """
    secret = derive_seed(key, "seen").to_bytes(8, "little")
    return np.array(
        [
            int.from_bytes(hashlib.blake2b(item, digest_size=8, key=secret).digest(), "little")
            for item in _item_bytes(codes, rows)
        ],
        np.uint64,
    )


def token_hashes(codes: Codes, items: np.ndarray, key: int) -> Hashes:
    """Hash all runs of `RUN` tokens of some sequences, which are one run if they are shorter, uint64 (k,).

    Args:
        codes: encoded sequences of tokens.
        items: indices of the sequences, int64 (n,).
        key: key of the hashes.
    """
    if not isinstance(codes, Sequences):
        raise TypeError(f"{type(codes).__name__} aren't sequences of tokens")
    shift, found = np.uint64(derive_seed(key, "seen")), [np.zeros(0, np.uint64)]
    for low, high in zip(codes.starts[items].tolist(), codes.stops[items].tolist(), strict=True):
        n = min(RUN, high - low)
        for start in range(low, high - n + 1, BLOCK):
            part = codes.stream[start : min(high, start + BLOCK + n - 1)].numpy().astype(np.int64)
            found.append(rolling_hashes((part + 2**31).astype(np.uint64) + shift, n))
    return np.concatenate(found)


def sampled(codes: Codes, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return the rows to hash: all, or at most `DECODED` random ones of items that are decoded from files."""
    if not isinstance(codes, FileCodes) or len(rows) <= DECODED:
        return rows
    return np.sort(np.random.default_rng(derive_seed(seed, "seen")).choice(rows, DECODED, replace=False))


def can_be_listed(codes: Codes, rows: np.ndarray) -> bool:
    """Return True if items hold so little information that all possible ones could be tried: less than `BITS` bits."""
    if isinstance(codes, FileCodes):
        return False
    if isinstance(codes, Sequences):
        return int((codes.stops - codes.starts).max()) < BITS // 4
    some = rows[np.linspace(0, len(rows) - 1, min(len(rows), 1000)).astype(int)]
    x = np.asarray(codes[some]).reshape(len(some), -1)
    columns = x[:, np.unique(np.linspace(0, x.shape[1] - 1, min(x.shape[1], 256)).astype(int))]
    counts = [len(np.unique(column)) for column in columns.T]
    # where most values differ there are at least as many possible ones as the square of their number
    return sum(math.log2(u) * (2 if 2 * u > len(some) else 1) for u in counts) < BITS


def _item_bytes(codes: Codes, rows: np.ndarray) -> Iterator[bytes]:
    if isinstance(codes, Sequences):
        for low, high in zip(codes.starts[rows].tolist(), codes.stops[rows].tolist(), strict=True):
            yield _plain(codes.stream[low:high]).tobytes()
        return
    for start in range(0, len(rows), 256):
        for item in _plain(codes[rows[start : start + 256]]):
            yield item.tobytes()


def _plain(x: Tensor) -> np.ndarray:
    """Return an array in which equal numbers have equal bytes: -0 becomes 0, and all NaN become one."""
    if x.is_floating_point():
        x = torch.where(x.isnan(), torch.nan, x + 0.0)
    return np.ascontiguousarray(x.cpu().numpy())


def seen_by(memories: Sequence[Mapping[str, object]], hashes: Mapping[int, Hashes]) -> Seen | None:
    """Return the largest share of some items that a memory has; None without memories.

    Args:
        memories: of the model, and of those that it was fine-tuned from.
        hashes: hashes of the items, by key.
    """
    found = [recall(memory, hashes[int(str(memory["key"]))]) for memory in memories]
    return max(found, key=lambda one: (one.accused, one.share), default=None)
