"""Holes in pictures by models that draw unknown pixels given known ones, one by one (see `families.autoregressive`).

Where nothing that is known comes after a hole in the order of reading, as when the lower rows are missing, draws are
exact; elsewhere they are sequential Monte Carlo.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor

from zaohua.core.noise import ItemNoise, Noise
from zaohua.core.record import Condition
from zaohua.estimator.base import GenerativeModel
from zaohua.modalities.images.codec import ImageCodec
from zaohua.operators.base import Identity
from zaohua.tasks.restore.answers import Answers
from zaohua.tasks.restore.pictures import Pictures
from zaohua.tasks.restore.request import Request
from zaohua.tasks.restore.restored import Restored
from zaohua.tasks.restore.work import in_batches, tell_hidden

NEEDS = "a way to draw unknown pixels given known ones"


class Completes(Protocol):
    """Model that draws unknown numbers given known ones."""

    particles: int
    complete: Callable[[Tensor, Tensor, Noise, Condition | None, bool], Tensor]
    completes_exactly: Callable[[Tensor], Tensor]


def suits(model: GenerativeModel) -> bool:
    """Return whether a model completes pictures."""
    return isinstance(model.codec_, ImageCodec) and hasattr(model, "complete")


def can(request: Request) -> str | None:
    """Return why a degradation can't be undone; None if it can."""
    other = next((step for step in request.degradation.steps if not isinstance(step, Identity)), None)
    kind = type(request.model).__name__
    if other is not None:
        return f"a {kind} fills holes only, and doesn't undo '{other}'"
    if request.mask is None:
        return "what is seen must be told by mask="
    shape = np.shape(request.X)
    size = tuple(request.model.spec_.tensor_shape[1:])
    if shape[1:3] != size:
        return f"a {kind} fills holes in pictures of its own size, {size[0]} x {size[1]}"
    return None


def solve(request: Request) -> Restored:
    """Fill the holes of pictures."""
    model = cast(Completes, request.model)
    pictures = Pictures(cast(ImageCodec, request.model.codec_), request.X, request.mask)
    n, seen = len(pictures.x), pictures.seen
    assert seen is not None  # as `can` has made sure
    tell_hidden((~seen.flatten(1).any(1)).numpy())
    codes, answers = request.conditions(n), Answers(n, pictures.items)
    exact = bool(model.completes_exactly(seen).all())

    def batch(items: np.ndarray, noise: ItemNoise) -> Tensor:
        y = None if codes is None else codes[items]
        if y is None and request.model.y_codec_ is not None:
            y = request.model.y_codec_.draw(noise)
        chosen = torch.from_numpy(items)
        given = request.model.prepare_conditions(y, noise)
        return model.complete(pictures.x[chosen], seen[chosen], noise, given, False)

    size = request.model.at_once(request.batch_size)
    size = size if exact else max(1, size // model.particles)
    with request.model.inference():
        in_batches(np.arange(n), request.seeds(n), size, request.model.device_, batch, answers)
    samples = [pictures.known(items) for items in answers.samples()]
    best = samples[0] if len(samples) == 1 else pictures.known(pictures.items(answers.mean()))
    deviation = pictures.unsure(pictures.deviation(answers.deviation())) if len(samples) > 1 else None
    kind = type(request.model).__name__
    how = (
        "exact, as all that is seen comes before the holes in the order of reading"
        if exact
        else f"by sequential Monte Carlo with {model.particles} particles (approximate)"
    )
    many = "One draw" if request.n_samples == 1 else f"Mean of {request.n_samples} draws"
    return Restored(best, samples, deviation, f"{many} by this {kind}, pixel by pixel: {how}.")
