"""Pictures by a model that was trained to undo what happened to them: y is what is seen.

A `Restorer` takes one pass. A diffusion or flow model gives the mean of all draws in one evaluation at the highest
noise, and draws by its own sampler. Pictures of other sizes are restored in tiles, blended in each evaluation.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import ItemNoise
from zaohua.core.notes import note
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.denoiser import Denoiser
from zaohua.families.samplers import SAMPLERS
from zaohua.modalities.base import counted
from zaohua.modalities.images.codec import ImageCodec
from zaohua.modalities.images.observed import ObservedImages
from zaohua.operators.base import Identity
from zaohua.operators.degradation import Degradation
from zaohua.operators.masks import Masking, MaskRandom
from zaohua.tasks.restore.answers import Answers
from zaohua.tasks.restore.pictures import Pictures
from zaohua.tasks.restore.request import Request
from zaohua.tasks.restore.restored import Restored
from zaohua.tasks.restore.sets import by_channel, each
from zaohua.tasks.restore.ticks import Ticks, evaluations
from zaohua.tasks.restore.tiles import Tiles, batches, continued
from zaohua.tasks.restore.work import in_batches

NEEDS = "training to undo it"
Place = tuple[slice, ...]


class Trained(Protocol):
    """Model that is trained to undo a degradation, by one pass or as a diffusion model."""

    degrade: str | None
    sampler: str
    steps: int

    def restore(self, y: Tensor) -> Tensor:
        """Return the mean of the items that y is seen of."""
        ...


def trained_for(model: GenerativeModel) -> Degradation | None:
    """Return the degradation that a model was trained to undo; None if it is none that is known."""
    text = getattr(model, "degrade", None)
    return None if text is None else Degradation.parse(text)


def which_learnt(request: Request) -> str:
    """Say what a model was trained for; of one that was trained on pairs, nothing tells whether it is what is asked.

    Args:
        request: what is asked of the model.
    """
    own, asked = trained_for(request.model), request.degradation
    if own is not None:
        return f"which was trained to undo '{own}'"
    if not all(isinstance(step, Identity) for step in asked.steps):
        note(f"this model was trained on pairs, which don't tell what they show: it is taken to undo '{asked}'")
    return "which was trained on pairs of such items"


def suits(model: GenerativeModel) -> bool:
    """Return whether a model was trained to restore pictures."""
    pairs = hasattr(model, "restore") and isinstance(model.y_codec_, ImageCodec)
    return isinstance(model.codec_, ImageCodec) and (isinstance(model.y_codec_, ObservedImages) or pairs)


def can(request: Request) -> str | None:
    """Return why it was trained for something else; None if it was for this."""
    own, asked = trained_for(request.model), request.degradation
    if own is None or str(own) == str(asked):
        told = isinstance(request.model.y_codec_, ObservedImages) and request.model.y_codec_.told
        return None if told or request.mask is None else "it was trained for what is seen as a whole, without a mask"
    holes = all(isinstance(step, Identity) for step in asked.steps)
    if holes and _told(request.model):
        return None
    return f"it was trained to undo '{own}', not " + ("holes" if holes else f"'{asked}'")


def solve(request: Request) -> Restored:
    """Restore pictures."""
    return each(request, _restored)


def _told(model: GenerativeModel) -> bool:
    """Return whether a model is told which pixels are seen."""
    return isinstance(model.y_codec_, ObservedImages) and model.y_codec_.told


def _keeps(request: Request) -> bool:
    """Return True if nothing happened to what is seen: parts were hidden, and no more."""
    own = trained_for(request.model)
    steps = request.degradation.steps if own is None else own.steps
    return all(isinstance(step, (Identity, Masking, MaskRandom)) for step in steps)


def _restored(request: Request) -> Restored:
    """Restore pictures of one size."""
    if request.by_channel and request.X.ndim == 4:
        return by_channel(request, _restored)
    model, codec = request.model, cast(ImageCodec, request.model.codec_)
    pictures = Pictures(codec, request.X, request.mask)
    y = pictures.x
    assert isinstance(model.y_codec_, ObservedImages | ImageCodec)  # as `suits` has made sure
    learnt = model.y_codec_.channels if isinstance(model.y_codec_, ObservedImages) else model.y_codec_.spec_.channels
    if y.shape[1] != learnt:
        raise ZaohuaError(
            f"what is given has {counted(y.shape[1], 'channel')}, but this {type(model).__name__} was shown {learnt}"
        )
    if isinstance(model.y_codec_, ObservedImages):
        y = model.y_codec_.prepare(y if pictures.seen is None else y.masked_fill(~pictures.seen, torch.nan))
    once = hasattr(model, "restore")
    answers = Answers(len(y), pictures.items)
    _Work(request, y).into(answers, 1 if once else request.n_samples)
    samples = answers.samples()
    best = samples[0] if len(samples) == 1 else pictures.items(answers.mean())
    deviation = pictures.deviation(answers.deviation()) if len(samples) > 1 and request.gamma else None
    if pictures.share is not None and _keeps(request):
        samples, best = [pictures.known(items) for items in samples], pictures.known(best)
        deviation = None if deviation is None else pictures.unsure(deviation)
    what = "one pass" if once else counted(len(samples), "draw" if request.gamma else "answer")
    how = f"{what[0].upper()}{what[1:]} of this {type(model).__name__}, {which_learnt(request)}."
    return Restored(best, samples, deviation, how)


class _Work:
    """The restoration of n pictures of one size.

    Args:
        request: what is asked for.
        y: what is seen, as the network is shown it, (n, C', h, w) on the CPU.
    """

    def __init__(self, request: Request, y: Tensor) -> None:
        self.request, self.model, self.y = request, request.model, y
        learnt, seen = self.model.spec_.shape or (), self.model.y_spec_.shape if self.model.y_spec_ else None
        assert seen is not None
        self.tile, self.seen = tuple(learnt), tuple(seen)
        own = trained_for(self.model)
        channels = self.model.spec_.channels
        if own is not None:
            shown = self.model.y_codec_.channels if isinstance(self.model.y_codec_, ObservedImages) else y.shape[1]
            self.lengths = tuple(own.before((shown, *y.shape[2:]))[1:])
        else:
            self.lengths = tuple(n * a // b for n, a, b in zip(y.shape[2:], self.tile, self.seen, strict=True))
        self.shape = (channels, *self.lengths)
        self.at_once = self.model.at_once(request.batch_size)
        self.whole = self.lengths == self.tile
        self.ticks = Ticks(None, 0)

    def into(self, answers: Answers, n_samples: int) -> None:
        """Find the answers for all pictures."""
        items, size = np.arange(len(self.y)), self.at_once if self.whole else 1
        tiles = 1 if self.whole else batches(self.lengths, self.tile, self.at_once)
        self.ticks = Ticks(self.request.progress, math.ceil(len(items) * n_samples / size) * tiles * self._asked())
        seeds = self.request.seeds(len(items))[:n_samples]
        with self.model.inference():
            in_batches(items, seeds, size, self._device, lambda rows, noise: self._answer(self.y[rows], noise), answers)

    @property
    def _device(self) -> torch.device:
        return self.model.device_ if self.whole else torch.device("cpu")

    def _asked(self) -> int:
        """Return how often the network is asked for one answer."""
        if hasattr(self.model, "restore") or not self.request.gamma:
            return 1
        own, denoiser = cast(Trained, self.model), self.model.denoiser()
        return evaluations(SAMPLERS[own.sampler](), denoiser, denoiser.times(own.steps))

    def _answer(self, y: Tensor, noise: ItemNoise) -> Tensor:
        """Return an answer for pictures of which y is seen; for one only, if it is made of tiles."""
        own = cast(Trained, self.model)
        if hasattr(self.model, "restore"):
            return self._blended(y, lambda part, _: own.restore(part))
        plain = self.model.denoiser()

        def predict(x_t: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            def data_of(part: Tensor, places: Sequence[Place]) -> Tensor:
                x = x_t if self.whole else self._cut(continued(x_t[0], self.tile), places)
                denoiser: Denoiser = self.model.denoiser(part)
                return denoiser.predict(x.to(self.model.device_), t)[0]

            data = self._blended(y, data_of)
            alpha, sigma = (part.to(data.dtype) for part in (plain.schedule.alpha(t), plain.schedule.sigma(t)))
            return data, (x_t - alpha * data) / sigma if sigma > 0 else torch.zeros_like(x_t)

        denoiser = Denoiser(plain.schedule, predict, plain.times)
        start = denoiser.start(noise.normal(*self.shape))
        if not self.request.gamma:
            return denoiser(start, denoiser.times(1)[0])[0]
        return SAMPLERS[own.sampler]().sample(denoiser, denoiser.times(own.steps), start, noise)

    def _blended(self, y: Tensor, f: Callable[[Tensor, Sequence[Place]], Tensor]) -> Tensor:
        """Apply f to what is seen: as a whole, or in overlapping tiles of one picture whose results are blended."""
        if self.whole:
            out = f(y.to(self.model.device_), ())
            self.ticks()
            return out
        seen = continued(y[0], self.seen)
        data = torch.zeros(self.shape[0], *map(max, self.lengths, self.tile))
        tiles = iter(Tiles(tuple(data.shape[1:]), self.tile))
        while batch := list(itertools.islice(tiles, self.at_once)):
            places = [place for place, _ in batch]
            parts = [tuple(map(self._seen_part, place, seen.shape[1:], data.shape[1:])) for place in places]
            made = f(self._cut(seen, parts).to(self.model.device_), places).cpu()
            for part, (place, weights) in zip(made, batch, strict=True):
                data[:, *place] += part * weights
            self.ticks()
        return data[:, *map(slice, self.lengths)][None]

    @staticmethod
    def _seen_part(place: slice, seen: int, whole: int) -> slice:
        """Return where the observation shows a stretch of an axis."""
        return slice(place.start * seen // whole, place.stop * seen // whole)

    @staticmethod
    def _cut(grid: Tensor, places: Sequence[Place]) -> Tensor:
        """Cut parts from a grid (C, *axes), (b, C, *lengths)."""
        return torch.stack([grid[:, *place] for place in places])
