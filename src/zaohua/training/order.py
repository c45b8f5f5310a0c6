"""Order of the training items, a pure function of the seed and the step, and loading of batches.

The order is never saved: position p of training is item p of an endless concatenation of permutations, each of which
depends on (seed, epoch) only. So a resumed run sees the same items, and several processes take disjoint slices of the
same global batch.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from zaohua.core.noise import derive_seed
from zaohua.core.record import Condition
from zaohua.modalities.base import Codes
from zaohua.modalities.condition_base import ConditionCodes

GOLDEN = (5**0.5 - 1) / 2
"""Golden ratio, whose multiples modulo 1 are evenly distributed."""


@functools.lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, n: int) -> np.ndarray:
    return np.random.default_rng(derive_seed(seed, "shuffle", epoch)).permutation(n)


def sampler(seed: int, start: int, count: int, n: int) -> np.ndarray:
    """Return the items at positions start..start+count of the endless permutations of n items, int64 (count,)."""
    parts, position = [], start
    while position < start + count:
        epoch, offset = divmod(position, n)
        take = min(n - offset, start + count - position)
        parts.append(_permutation(seed, epoch, n)[offset : offset + take])
        position += take
    return np.concatenate(parts)


def grouped_split(n: int, count: int, seed: int, groups: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Split n items at random into `count` and the others, both int64 and in increasing order.

    Args:
        n: number of items.
        count: number of items in the first part.
        seed: seed of the split.
        groups: the group of each item, numbered from 0, (n,), such as the recording of each window. The items of a
            group, which are similar, stay together, except in the last group drawn if it doesn't fit as a whole.
    """
    groups = np.arange(n) if groups is None else groups
    rank = np.argsort(np.random.default_rng(seed).permutation(int(groups.max(initial=-1)) + 1))
    order = np.argsort(rank[groups], kind="stable")
    return np.sort(order[:count]), np.sort(order[count:])


class Batches:
    """Batches of this process, from any draw on.

    Args:
        codes: the encoded training items.
        y: their encoded conditions.
        items: indices of the items to train on (all but the held-out ones).
        seed: seed of the order.
        batch_size: items per process and draw.
        rank: index of this process.
        world: number of processes.
        workers: number of processes that load codes that aren't in memory; None chooses. Codes `at_hand` need none.
        device: in-memory codes are moved there if they are small compared to an accelerator's memory.
        weights: relative frequency of each of `items` in an epoch; None draws each once.
    """

    def __init__(
        self,
        codes: Codes,
        y: ConditionCodes | None,
        items: np.ndarray,
        seed: int,
        batch_size: int,
        *,
        rank: int = 0,
        world: int = 1,
        workers: int | None = None,
        device: torch.device | None = None,
        weights: np.ndarray | None = None,
    ):
        self.codes, self.y, self.items, self.seed = codes, y, items, seed
        self.batch_size, self.rank, self.world = batch_size, rank, world
        self.cumulative = None if weights is None else np.cumsum(weights / weights.sum())
        self.workers = min(4, torch.get_num_threads()) if workers is None else workers
        if at_hand(codes) and at_hand(y):
            self.workers = 0
        if isinstance(codes, Tensor) and device is not None and device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            if codes.numel() * codes.element_size() < free // 4:
                self.codes = codes.to(device)

    def indices(self, draw: int) -> np.ndarray:
        """Return the items of this process's part of a draw's global batch."""
        start, n = (draw * self.world + self.rank) * self.batch_size, len(self.items)
        order = sampler(self.seed, start, self.batch_size, n)
        if self.cumulative is not None:  # n evenly spaced points: the count of an item is n times its probability, +-1
            shift = (np.arange(start, start + self.batch_size) // n + 0.5) * GOLDEN % 1  # one for each epoch
            order = np.searchsorted(self.cumulative[:-1], (order + shift) / n, side="right")
        items: np.ndarray = self.items[order]
        return items

    def stream(self, draw: int) -> Iterator[tuple[Tensor, Condition | None]]:
        """Yield the codes and conditions of draw, draw + 1, ... without end."""
        ahead = (self.indices(d) for d in itertools.count(draw))
        if isinstance(self.codes, Tensor) and (self.y is None or isinstance(self.y, Tensor)):
            for items in map(torch.from_numpy, ahead):
                yield self.codes.index_select(0, items.to(self.codes.device)), None if self.y is None else self.y[items]
            return
        dataset = cast("Dataset[tuple[Tensor, Condition | None]]", Pairs(self.codes, self.y))
        # without batch_size a loader only indexes the data set, and converts what it takes for a batch by `collate_fn`
        yield from DataLoader(dataset, batch_size=None, sampler=ahead, num_workers=self.workers, collate_fn=_unchanged)


class Pairs:
    """Codes of items with those of their conditions, which are gathered together.

    Args:
        codes: codes of the items.
        y: codes of their conditions; None for an unconditional model.
    """

    def __init__(self, codes: Codes, y: ConditionCodes | None) -> None:
        self.codes, self.y = codes, y

    def __getitem__(self, rows: np.ndarray) -> tuple[Tensor, Condition | None]:
        """Return the codes and conditions of the items at `rows`."""
        at = torch.from_numpy(rows)
        codes = self.codes.index_select(0, at.to(self.codes.device)) if isinstance(self.codes, Tensor) else None
        y = self.y if self.y is None else self.y[at] if isinstance(self.y, Tensor) else self.y[rows]
        return self.codes[rows] if codes is None else codes, y


def at_hand(codes: ConditionCodes | None) -> bool:
    """Return True if batches of codes are gathered at negligible cost."""
    return codes is None or isinstance(codes, Tensor) or bool(getattr(codes, "at_hand", False))


def _unchanged(batch: Any) -> Any:
    """Return a batch as it is: records aren't converted."""
    return batch
