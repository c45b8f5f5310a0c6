"""The restoration of recordings by a network: in overlapping windows, a batch at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from zaohua.core.memory import in_chunks
from zaohua.core.noise import ItemNoise, derive_seed
from zaohua.modalities.sounds.codec import SoundCodec
from zaohua.modalities.sounds.sound import Sounds
from zaohua.tasks.restore.request import Request
from zaohua.tasks.restore.restored import Restored
from zaohua.tasks.restore.sounds.clipping import clip_levels
from zaohua.tasks.restore.sounds.recordings import has_gaps, recordings
from zaohua.tasks.restore.sounds.tracks import Tracks
from zaohua.tasks.restore.sounds.windows import Windows
from zaohua.tasks.restore.ticks import Ticks

AT_ONCE = 32
"""Number of windows that are restored at once."""
GAPS = "; gaps up to 20 ms, and the ends of longer ones, by autoregressive interpolation"
"""What is said of gaps."""


class Batch(NamedTuple):
    """Windows of recordings.

    Attributes:
        waves: samples with gaps interpolated, float32 (k, channels, length).
        hidden: True in gaps, bool (k, 1, length).
        owners: index of the recording of each, int64 (k,).
        total: number of recordings.
    """

    waves: Tensor
    hidden: Tensor
    owners: np.ndarray
    total: int


Make = Callable[[Request, Batch, ItemNoise, Ticks], Tensor]
"""(request, windows, noise, counter of evaluations) -> restored windows (k, channels, length or more)."""


def restored(request: Request, codec: SoundCodec, make: Make, step: int = 0, asked: int = 1) -> Restored:
    """Restore recordings; the sentence about how is left empty.

    Args:
        request: what is asked for.
        codec: codec of what the network takes.
        make: restores windows.
        step: distance of frames in samples, if `make` has only one guess for a window: then further guesses are those
            for windows that begin elsewhere between two frames, every other one upside down, whose mean is better.
        asked: how many evaluations `make` counts for a batch.
    """
    faster = any(step.name in ("resample", "band") for step in request.degradation.steps)
    any_level = getattr(request.model, "degrade", None) is None  # a degradation's numbers are those of a level
    tracks = [Tracks.of(one, codec, faster, any_level) for one in recordings(request)]
    levels = clip_levels(request.degradation, [one.given.sound.samples for one in tracks])
    work = _Work(request, codec, make, tracks, step, asked)
    answers = [work.answer(number) for number in range(request.n_samples)]
    mean = [[np.mean(parts, 0) for parts in zip(*ways, strict=True)] for ways in zip(*answers, strict=True)]

    unharmed = all(step.name == "clip" for step in request.degradation.steps)  # where there is no level

    def sounds(answer: list[list[np.ndarray]]) -> Sounds:
        return Sounds(
            one.given.sound if unharmed and level is None and not one.given.hidden.any() else one.restored(made, level)
            for one, made, level in zip(tracks, answer, levels, strict=True)
        )

    samples, deviation = [sounds(answer) for answer in answers], None
    if request.gamma and len(samples) > 1:
        deviation = [np.std([one.samples for one in same], 0, ddof=1) for same in zip(*samples, strict=True)]
    return Restored(sounds(mean), samples, deviation, "")


class _Work:
    """The windows of all tracks, and what is made of them."""

    def __init__(
        self, request: Request, codec: SoundCodec, make: Make, tracks: list[Tracks], step: int, asked: int
    ) -> None:
        self.request, self.make, self.tracks, self.step = request, make, tracks, step
        self.form = codec.form_
        inputs = [one.inputs(self.form.channels) for one in tracks]
        self.owners = [number for number, some in enumerate(inputs) for _ in some]
        self.waves = [wave for some in inputs for wave in some]
        self.seeds = request.seeds(len(tracks))
        self.size = request.batch_size or AT_ONCE
        batches = math.ceil(len(self._windows(0)) / self.size)
        self.ticks = Ticks(request.progress, request.n_samples * batches * asked)

    def _windows(self, offset: int) -> Windows:
        """Return the windows of all waves, of which the first begins so many samples earlier."""
        wanted = [np.pad(self.tracks[owner].wanted, (offset, 0)) for owner in self.owners]
        waves = [np.pad(wave, ((0, 0), (offset, 0))) for wave in self.waves]
        alike = not (self.request.gamma and has_gaps(self.request))
        return Windows(waves, self.form.length, wanted, alike=alike)

    def answer(self, number: int) -> list[list[np.ndarray]]:
        """Return what is made of the inputs of each track, as one of several answers."""
        offset, sign = round(self.step * _spread(number)), -1.0 if self.step and number % 2 else 1.0
        windows, device = self._windows(offset), self.request.model.device_
        hidden = [np.pad(self.tracks[owner].hidden, (offset, 0))[None] for owner in self.owners]
        owners = np.array([self.owners[wave] for wave, _ in windows.places], int)
        seeds = [
            derive_seed(self.seeds[number][owner], "window", start)
            for owner, (_, start) in zip(owners, windows.places, strict=True)
        ]

        def work(rows: slice) -> Tensor:
            waves, gaps = torch.from_numpy(windows.cut(rows)), torch.from_numpy(windows.cut(rows, hidden) > 0)
            batch = Batch(sign * waves, gaps, owners[rows], len(self.seeds[number]))
            made = self.make(self.request, batch, ItemNoise(seeds[rows], device), self.ticks)
            return sign * made[..., : windows.length].cpu()

        if not len(windows):
            made = [np.zeros(wave.shape) for wave in windows.waves]
        else:
            with self.request.model.inference():
                made = windows.joined(torch.cat(in_chunks(len(windows), self.size, work)).double().numpy())
        return [
            [wave[:, offset:] for owner, wave in zip(self.owners, made, strict=True) if owner == track]
            for track in range(len(self.seeds[number]))
        ]


def _spread(number: int) -> float:
    """Return the numbers 0, 1/2, 1/4, 3/4, 1/8 ... in turn: the digits of `number` in base 2, mirrored at the point."""
    out, part = 0.0, 0.5
    while number:
        out, number, part = out + part * (number % 2), number // 2, part / 2
    return out
