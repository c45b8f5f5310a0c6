"""What solvers have in common: the answers for many items are found in batches, each from the noise of its own seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from zaohua.core.memory import in_chunks
from zaohua.core.noise import ItemNoise
from zaohua.core.notes import note
from zaohua.estimator.tensors import to_cpu
from zaohua.modalities.base import counted
from zaohua.tasks.restore.answers import Answers
from zaohua.tasks.restore.problem import Problem
from zaohua.tasks.restore.request import Request
from zaohua.tasks.restore.ticks import Ticks

Batch = Callable[[np.ndarray, ItemNoise], Tensor]
"""(indices of items, their noise) -> an answer for each."""


def in_batches(
    items: np.ndarray, seeds: list[list[int]], size: int, device: torch.device, batch: Batch, answers: Answers
) -> None:
    """Find answers for some items, batch by batch.

    Args:
        items: indices of the items.
        seeds: of the answers, [answer][item].
        size: most answers at once.
        device: where their noise is drawn.
        batch: finds an answer for each item of a batch.
        answers: gathers them.
    """
    every, which = np.tile(items, len(seeds)), np.arange(len(seeds)).repeat(len(items))

    def work(rows: slice) -> None:
        noise = ItemNoise([seeds[k][i] for k, i in zip(which[rows], every[rows], strict=True)], device)
        for item, row in zip(every[rows], to_cpu(batch(every[rows], noise)), strict=True):
            answers.add(int(item), row)

    in_chunks(len(every), size, work)


def tell_hidden(hidden: np.ndarray) -> None:
    """Note how many items are hidden as a whole, bool (n,): samples take their place."""
    if hidden.any():
        note(f"{int(hidden.sum()):,} of {counted(len(hidden), 'item')} hidden as a whole: sampled")


class Work(ABC):
    """The restoration of n observations as tensors, in batches, by a model that wasn't trained for it.

    Args:
        request: what is asked for.
        problem: its observations.

    Attributes:
        size: most answers at once.
        device: where the noise of answers is drawn.
        ticks: tells the progress.
    """

    def __init__(self, request: Request, problem: Problem) -> None:
        self.request, self.problem, self.model = request, problem, request.model
        self.codes, self.seeds = request.conditions(len(problem.x)), request.seeds(len(problem.x))
        self.size, self.device = self.model.at_once(request.batch_size), self.model.device_
        self.ticks = Ticks(None, 0)

    @abstractmethod
    def found(self, items: np.ndarray, noise: ItemNoise) -> Tensor:
        """Return answers for items of which something is seen, (b, C, *axes)."""

    @abstractmethod
    def sampled(self, items: np.ndarray, noise: ItemNoise) -> Tensor:
        """Return samples for items of which nothing is seen, (b, C, *axes)."""

    @abstractmethod
    def evaluations(self, items: np.ndarray, seen: bool) -> int:
        """Return how often `ticks` is called for all answers for some items, of which something is seen or nothing."""

    def into(self, answers: Answers) -> None:
        """Find all answers: by what is seen, by sampling where nothing is, and what is given where all is."""
        hidden, complete = self.problem.hidden(), self.problem.complete()
        tell_hidden(hidden)
        for item in np.flatnonzero(complete):
            for _ in self.seeds:
                answers.add(int(item), self.problem.x[item])
        seen, blank = np.flatnonzero(~hidden & ~complete), np.flatnonzero(hidden)
        self.ticks = Ticks(self.request.progress, self.evaluations(seen, True) + self.evaluations(blank, False))
        with self.model.inference():
            in_batches(seen, self.seeds, self.size, self.device, self.found, answers)
            in_batches(blank, self.seeds, self.size, self.device, self.sampled, answers)
