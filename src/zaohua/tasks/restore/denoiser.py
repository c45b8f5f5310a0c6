"""Restoration by the denoiser of a diffusion or flow model, see `families.posterior`.

What has another size than the model's items is restored in tiles.
"""

from __future__ import annotations

import math
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor

from zaohua.core.memory import require
from zaohua.core.noise import ItemNoise
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.denoiser import Denoiser
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
from zaohua.tasks.restore.ticks import evaluations
from zaohua.tasks.restore.tiles import batches, tiled
from zaohua.tasks.restore.ways import Way, way
from zaohua.tasks.restore.work import Work

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
    _Denoising(request, problem).into(answers)
    return finished(request, pictures, problem, answers, told(request, problem))


class _Denoising(Work):
    """The restoration of n observations as tensors, in tiles if they have another size than the model's items."""

    def __init__(self, request: Request, problem: Problem) -> None:
        super().__init__(request, problem)
        learnt = self.model.spec_.tensor_shape
        self.tile, self.at_once = None if problem.shape == learnt else learnt[1:], self.size
        if self.tile or len(problem.degradations) > 1:
            self.size = 1
        if self.tile:
            self.device = torch.device("cpu")
        sides = " x ".join(map(str, problem.shape[1:]))
        many = len(problem.x) * math.prod(problem.shape)
        require(many * BYTES, f"{sides} pixels", "restore parts of it, or fewer at once")

    def found(self, items: np.ndarray, noise: ItemNoise) -> Tensor:
        """Return answers by what is seen of items."""
        denoiser = self._denoiser(items, noise, self._sought(items))
        return self._way(denoiser, items).follow(denoiser, self.problem.shape, noise)

    def sampled(self, items: np.ndarray, noise: ItemNoise) -> Tensor:
        """Return samples by the model's own sampler."""
        denoiser = self._denoiser(items, noise, None)
        return self._own_way(denoiser).follow(denoiser, self.problem.shape, noise)

    def evaluations(self, items: np.ndarray, seen: bool) -> int:
        """Return how many batches the network is asked for, for some items."""
        if not len(items):
            return 0
        denoiser: Denoiser = self.model.denoiser()
        own = self._own_way(denoiser)
        asked = evaluations(own.sampler, denoiser, own.times)
        if seen:
            asked = len(self._way(denoiser, items[:1]).times) - 1
        if self.tile is None:
            return math.ceil(len(items) * len(self.seeds) / self.size) * asked
        sought = [self._sought(items[i : i + 1]) if seen else None for i in range(len(items))]
        tiles = [batches(self.problem.shape[1:], self.tile, self.at_once, places) for places in sought]
        return len(self.seeds) * asked * sum(tiles)

    def _sought(self, items: np.ndarray) -> Tensor | None:
        """Return where an item isn't known, bool (*axes): predictions of other places change nothing. None: anywhere.

        Only of an item that is restored in tiles, and where nothing but holes happened.
        """
        seen = self.problem.seen
        if self.tile is None or seen is None or not self.problem.unchanged.all():
            return None
        return ~seen[items[0], 0]

    def _denoiser(self, items: np.ndarray, noise: ItemNoise, sought: Tensor | None) -> Denoiser:
        """Return the denoiser of some items, given their conditions."""
        y = None if self.codes is None else self.model.prepare_conditions(self.codes[items], noise)
        denoiser: Denoiser = self.model.denoiser(y)
        if self.tile is None:
            return self.ticks.counting(denoiser)
        return tiled(denoiser, self.tile, self.model.device_, self.at_once, self.ticks, sought=sought)

    def _way(self, denoiser: Denoiser, items: np.ndarray) -> Way:
        """Return the way to the answers for some items by what is seen of them."""
        return way(denoiser, self.problem.some(items, self.device), self.request.gamma, self.request.steps)

    def _own_way(self, denoiser: Denoiser) -> Way:
        """Return the way to samples."""
        own = cast(HasSampler, self.model)
        return Way(SAMPLERS[own.sampler](), denoiser.times(own.steps))


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
