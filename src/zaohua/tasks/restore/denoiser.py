"""Restoration by the denoiser of a diffusion or flow model, see `families.posterior`.

What has another size than the model's items is restored in tiles.
"""

from __future__ import annotations

import math
from typing import Protocol, cast

import numpy as np
import torch

from zaohua.core.memory import in_chunks, require
from zaohua.core.noise import ItemNoise
from zaohua.core.notes import note
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.denoiser import Denoiser
from zaohua.estimator.tensors import to_cpu
from zaohua.families.posterior import Renoise
from zaohua.families.samplers import SAMPLERS
from zaohua.modalities.base import counted
from zaohua.modalities.images.codec import ImageCodec
from zaohua.tasks.restore.answers import Answers
from zaohua.tasks.restore.blind import with_levels
from zaohua.tasks.restore.finished import finished
from zaohua.tasks.restore.pictures import Pictures
from zaohua.tasks.restore.problem import Problem, problem_of
from zaohua.tasks.restore.request import Request
from zaohua.tasks.restore.restored import Restored
from zaohua.tasks.restore.sets import by_channel, each, first_of
from zaohua.tasks.restore.ticks import Ticks, evaluations
from zaohua.tasks.restore.tiles import batches, tiled
from zaohua.tasks.restore.ways import Way, way

NEEDS = "a denoiser"
BYTES = 30
"""Memory that each value of an item takes while it is restored."""


class HasSampler(Protocol):
    """Model with a sampler of its own choice."""

    sampler: str
    steps: int


def suits(model: GenerativeModel) -> bool:
    """Return whether a model has a denoiser, and a codec whose tensors have units."""
    return hasattr(model, "denoiser")


def can(request: Request) -> str | None:
    """Return why a degradation can't be undone; None if it can."""
    codec = request.model.codec_
    if not isinstance(codec, ImageCodec):
        return f"{codec.representation or 'such items'} aren't supported"
    first = first_of(request.X)
    channels = first.shape[2] if first.ndim == 3 and not request.by_channel else 1
    shape = request.degradation.before((channels, *first.shape[:2]))
    return request.degradation.obstacle(shape) or None


def solve(request: Request) -> Restored:
    """Restore pictures."""
    return each(request, _restored)


def _restored(request: Request) -> Restored:
    """Restore pictures of one size."""
    if request.by_channel and request.X.ndim == 4:
        return by_channel(request, _restored)
    codec = cast(ImageCodec, request.model.codec_)
    pictures = Pictures(codec, request.X, request.mask)
    degradation, seen = request.degradation.in_units(codec.units()), pictures.seen
    degradations = with_levels(degradation, pictures.x, seen, codec.units())
    problem = problem_of(pictures.x, degradations, request.model.spec_.tensor_shape, seen)
    answers = Answers(len(problem.x), pictures.items)
    Work(request, problem).into(answers)
    return finished(request, pictures, problem, answers, told(request, problem))


class Work:
    """The restoration of n observations as tensors, in batches.

    Args:
        request: what is asked for.
        problem: its observations.
    """

    def __init__(self, request: Request, problem: Problem) -> None:
        self.request, self.problem, self.model = request, problem, request.model
        n, learnt = len(problem.x), self.model.spec_.tensor_shape
        self.codes = request.conditions(n)
        self.seeds = request.seeds(n)
        self.tile = None if problem.shape == learnt else learnt[1:]
        self.at_once = self.model.at_once(request.batch_size)
        self.size = 1 if self.tile or len(problem.degradations) > 1 else self.at_once
        self.device = self.model.device_ if self.tile is None else torch.device("cpu")
        self.ticks = Ticks(None, 0)
        sides = " x ".join(map(str, problem.shape[1:]))
        require(n * math.prod(problem.shape) * BYTES, f"{sides} pixels", "restore parts of it, or fewer at once")

    def into(self, answers: Answers) -> None:
        """Find all answers."""
        hidden, complete = self.problem.hidden(), self.problem.complete()
        if hidden.any():
            note(f"{int(hidden.sum()):,} of {counted(len(hidden), 'item')} hidden as a whole: sampled")
        for item in np.flatnonzero(complete):
            for _ in range(self.request.n_samples):
                answers.add(int(item), self.problem.x[item])
        guided, blank = np.flatnonzero(~hidden & ~complete), np.flatnonzero(hidden)
        self.ticks = Ticks(self.request.progress, self._batches(guided, True) + self._batches(blank, False))
        with self.model.inference():
            self._answer(guided, True, answers)
            self._answer(blank, False, answers)

    def _answer(self, items: np.ndarray, guided: bool, answers: Answers) -> None:
        """Find the answers for some items, by what is seen of them or else by sampling."""
        every = np.tile(items, self.request.n_samples)
        which = np.arange(self.request.n_samples).repeat(len(items))

        def work(rows: slice) -> None:
            noise = ItemNoise([self.seeds[k][i] for k, i in zip(which[rows], every[rows], strict=True)], self.device)
            denoiser = self._denoiser(every[rows], noise)
            x = self._way(denoiser, every[rows], guided).follow(denoiser, self.problem.shape, noise)
            for item, row in zip(every[rows], to_cpu(x), strict=True):
                answers.add(int(item), row)

        in_chunks(len(every), self.size, work)

    def _denoiser(self, items: np.ndarray, noise: ItemNoise) -> Denoiser:
        """Return the denoiser of some items, given their conditions."""
        y = None if self.codes is None else self.model.prepare_conditions(self.codes[items], noise)
        denoiser: Denoiser = self.model.denoiser(y)
        if self.tile is None:
            return self.ticks.counting(denoiser)
        return tiled(denoiser, self.tile, self.model.device_, self.at_once, self.ticks)

    def _way(self, denoiser: Denoiser, items: np.ndarray, guided: bool) -> Way:
        """Return the way to the answers for some items."""
        if guided:
            return way(denoiser, self.problem.some(items, self.device), self.request.gamma, self.request.steps)
        own = cast(HasSampler, self.model)
        return Way(SAMPLERS[own.sampler](), denoiser.times(own.steps))

    def _batches(self, items: np.ndarray, guided: bool) -> int:
        """Return how many batches the network is asked for, for some items."""
        if not len(items):
            return 0
        denoiser: Denoiser = self.model.denoiser()
        chosen = self._way(denoiser, items[:1], guided)
        asked = len(chosen.times) - 1 if guided else evaluations(chosen.sampler, denoiser, chosen.times)
        tiles = 1 if self.tile is None else batches(self.problem.shape[1:], self.tile, self.at_once)
        return math.ceil(len(items) * self.request.n_samples / self.size) * asked * tiles


def told(request: Request, problem: Problem) -> str:
    """Say in a sentence what was done."""
    by, n = f"the denoiser of this {type(request.model).__name__}", request.n_samples
    if problem.complete().all():
        return "Nothing is hidden: returned as given."
    if problem.hidden().all():
        return f"Nothing is seen: {counted(n, 'sample')} by {by}."
    denoiser = request.model.denoiser()
    item = np.flatnonzero(~problem.hidden() & ~problem.complete())[:1]
    found = way(denoiser, problem.some(item, request.model.device_), request.gamma, request.steps)
    steps = len(found.times) - 1
    if isinstance(found.sampler, Renoise):
        how = f"brought near what is seen in {counted(steps, 'step')} (approximate)"
    elif request.gamma:
        how = f"from the time of the same noise in {counted(steps, 'step')}"
    else:
        return f"Best guess by {by}, in one evaluation at the time of the same noise."
    one, several = ("draw", "draws") if request.gamma else ("guess", "guesses")
    return f"One {one} by {by}, {how}." if n == 1 else f"Mean of {n} {several} by {by}, {how}."
