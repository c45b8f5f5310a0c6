"""Which items each step sees, and fetching them: a pure function of the seed and the step.

Nothing about the order of data is ever saved: position p of training is item p of an endless row of
shuffles, each shuffle made from (seed, epoch) alone. So a resumed run sees the same items, and several
processes take disjoint slices of the same global batch.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from zaohua.core.noise import derive_seed
from zaohua.modalities.base import Codes

GOLDEN = (5**0.5 - 1) / 2


@functools.lru_cache(maxsize=4)
def _shuffle(seed: int, epoch: int, n: int) -> np.ndarray:
    return np.random.default_rng(derive_seed(seed, "shuffle", epoch)).permutation(n)


def sampler(seed: int, start: int, count: int, n: int) -> np.ndarray:
    """Items at positions start..start+count of the endless row of shuffles of n items; int64 (count,)."""
    parts, position = [], start
    while position < start + count:
        epoch, offset = divmod(position, n)
        take = min(n - offset, start + count - position)
        parts.append(_shuffle(seed, epoch, n)[offset : offset + take])
        position += take
    return np.concatenate(parts)


def grouped_split(n: int, count: int, seed: int, groups: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """So many of n items, drawn at random, and the others; both int64 and in order.

    Args:
        n: of items.
        count: to draw.
        seed: of the draw.
        groups: the group of each item, numbered from 0, (n,), such as the recording that a window is of. As neighbours
            are alike, those of a group are drawn together; of the last one only the first, if all are too many.
    """
    groups = np.arange(n) if groups is None else groups
    rank = np.argsort(np.random.default_rng(seed).permutation(int(groups.max(initial=-1)) + 1))
    order = np.argsort(rank[groups], kind="stable")
    return np.sort(order[:count]), np.sort(order[count:])


class Batches:
    """Batches of this process, from any draw on.

    Args:
        codes, y: the encoded training data.
        items: indices of the items to train on (what validation left).
        seed: of the order.
        batch_size: items per process and draw.
        rank, world: which process this is, of how many.
        workers: processes that fetch codes which aren't in memory; None chooses. Codes `at_hand` need none.
        device: in-memory codes are moved there when they are small beside an accelerator's memory.
        weights: how often each of `items` comes up in an epoch, compared to the others; None for once each.
    """

    def __init__(
        self,
        codes: Codes,
        y: Tensor | None,
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
        self.shares = None if weights is None else np.cumsum(weights / weights.sum())
        self.workers = min(4, torch.get_num_threads()) if workers is None else workers
        if getattr(codes, "at_hand", False):
            self.workers = 0
        if isinstance(codes, Tensor) and device is not None and device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            if codes.numel() * codes.element_size() < free // 4:
                self.codes = codes.to(device)

    def indices(self, draw: int) -> np.ndarray:
        """Items of this process's part of a draw's global batch."""
        start, n = (draw * self.world + self.rank) * self.batch_size, len(self.items)
        places = sampler(self.seed, start, self.batch_size, n)
        if self.shares is not None:  # n points at even distances: an item is met as often as its share says, +-1
            shift = (np.arange(start, start + self.batch_size) // n + 0.5) * GOLDEN % 1  # of its own in each epoch
            places = np.searchsorted(self.shares[:-1], (places + shift) / n, side="right")
        return self.items[places]

    def stream(self, draw: int) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Codes and conditions of draw, draw + 1, ... without end."""
        ahead = (self.indices(d) for d in itertools.count(draw))
        if isinstance(self.codes, Tensor):
            for items in map(torch.from_numpy, ahead):
                yield self.codes.index_select(0, items.to(self.codes.device)), None if self.y is None else self.y[items]
            return
        dataset: Any = self.codes  # which a loader only indexes, as it only iterates over its sampler
        sampler: Any = ahead
        loader: DataLoader[Any] = DataLoader(dataset, batch_size=None, sampler=sampler, num_workers=self.workers)
        for codes, rows in zip(loader, map(self.indices, itertools.count(draw)), strict=False):
            yield codes, None if self.y is None else self.y[torch.from_numpy(rows)]
