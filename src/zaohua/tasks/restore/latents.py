"""Restoration by a search in latent space, for VAEs and GANs, see `families.latent_search`: approximate."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import ItemNoise, Noise
from zaohua.core.record import Condition
from zaohua.estimator.base import GenerativeModel
from zaohua.families.latent_search import Decode, LatentSearch
from zaohua.modalities.base import counted
from zaohua.modalities.images.codec import ImageCodec
from zaohua.tasks.restore.answers import Answers
from zaohua.tasks.restore.finished import finished
from zaohua.tasks.restore.pictures import Pictures
from zaohua.tasks.restore.problem import Problem, problem_of
from zaohua.tasks.restore.request import Request
from zaohua.tasks.restore.restored import Restored
from zaohua.tasks.restore.work import Work

NEEDS = "latents that are decoded"


def suits(model: GenerativeModel) -> bool:
    """Return whether a model decodes normal latents, and has no better way."""
    return hasattr(model, "inverse_transform") and model.normal_latents and not hasattr(model, "denoiser")


def can(request: Request) -> str | None:
    """Return why a degradation can't be undone; None if it can."""
    codec, shape = request.model.codec_, request.model.spec_.tensor_shape
    if not isinstance(codec, ImageCodec):
        return f"{codec.representation or 'such items'} aren't supported"
    return request.degradation.obstacle(shape) or None


def solve(request: Request) -> Restored:
    """Restore pictures of the size of the model's own."""
    codec, shape = cast(ImageCodec, request.model.codec_), request.model.spec_.tensor_shape
    pictures = Pictures(codec, request.X, request.mask)
    problem = problem_of(pictures.x, (request.degradation.in_units(codec.units()),), shape, pictures.seen)
    if problem.shape != shape:
        found, own = (" x ".join(map(str, size[1:][::-1])) for size in (problem.shape, shape))
        raise ZaohuaError(f"a {type(request.model).__name__} restores pictures of {own} pixels only, not of {found}")
    answers = Answers(len(problem.x), pictures.items)
    _Searching(request, problem).into(answers)
    return finished(request, pictures, problem, answers, told(request, problem))


class _Searching(Work):
    """The restoration of n observations as tensors."""

    def found(self, items: np.ndarray, noise: ItemNoise) -> Tensor:
        """Search for items."""
        search, size = LatentSearch(steps=self.request.steps), self.model.latent_size
        decode = decoder(self.model, self._given(items, noise), search.candidates, noise)
        assert size is not None
        given = self.problem.some(items, self.model.device_)
        found = search(decode, size, given, noise, self.request.gamma)
        self.ticks()
        return decode(found.z, found.which)

    def sampled(self, items: np.ndarray, noise: ItemNoise) -> Tensor:
        """Sample items of which nothing is seen."""
        y = self._given(items, noise)
        drawn: Tensor = self.model.draw(noise, drawn_conditions(self.model, noise) if y is None else y)
        self.ticks()
        return drawn

    def evaluations(self, items: np.ndarray, seen: bool) -> int:
        """Return the number of batches."""
        return math.ceil(len(items) * len(self.seeds) / self.size)

    def _given(self, items: np.ndarray, noise: Noise) -> Condition | None:
        """Return the conditions that are given."""
        return None if self.codes is None else self.model.prepare_conditions(self.codes[items], noise)


def decoder(model: GenerativeModel, y: Condition | None, candidates: int, noise: Noise) -> Decode:
    """Return the decoder for a search; without conditions each candidate gets one as frequent as in training.

    Args:
        model: the model.
        y: conditions of the items; None for unknown ones or none.
        candidates: number of the search's candidates.
        noise: noise of the items.
    """
    if y is not None or model.y_codec_ is None:
        return lambda z, which: model.decode(z, y)
    several = [drawn_conditions(model, noise) for _ in range(candidates)]
    if not all(isinstance(each, Tensor) for each in several):
        model.require_conditions(None)
    table = torch.stack([each for each in several if isinstance(each, Tensor)], dim=1)
    return lambda z, which: model.decode(z, table[torch.arange(len(z), device=z.device), which])


def drawn_conditions(model: GenerativeModel, noise: Noise) -> Condition | None:
    """Draw conditions as frequent as in training; None for a model without."""
    return None if model.y_codec_ is None else model.prepare_conditions(model.y_codec_.draw(noise), noise)


def told(request: Request, problem: Problem) -> str:
    """Say in a sentence what was done."""
    kind, n = type(request.model).__name__, request.n_samples
    if problem.complete().all():
        return "Nothing is hidden: returned as given."
    if problem.hidden().all():
        return f"Nothing is seen: {counted(n, 'sample')} by this {kind}."
    search = LatentSearch(steps=request.steps)
    way = f"a search in the latents of this {kind}, from {search.starts} starts of {counted(search.steps, 'step')} each"
    spread = "; the spread of answers isn't calibrated" if request.gamma else ""
    names = {0.0: ("guess", "guesses"), 1.0: ("draw", "draws")}
    one, several = names.get(float(request.gamma), ("answer", "answers"))
    what = f"{n:,} {one if n == 1 else several}"
    return f"{what[0].upper()}{what[1:]} by {way} (approximate{spread})" + ("." if n == 1 else ", and their mean.")
