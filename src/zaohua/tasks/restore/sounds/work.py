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


Make = Callable[[Request, Batch, ItemNoise], Tensor]
"""(request, windows, noise) -> restored windows (k, channels, length or more)."""


def restored(request: Request, codec: SoundCodec, make: Make) -> Restored:
    """Restore recordings; the sentence about how is left empty.

    Args:
        request: what is asked for.
        codec: codec of what the network takes.
        make: restores windows.
    """
    faster = any(step.name in ("resample", "band") for step in request.degradation.steps)
    any_level = getattr(request.model, "degrade", None) is None  # a degradation's numbers are those of a level
    tracks = [Tracks.of(one, codec, faster, any_level) for one in recordings(request)]
    levels = clip_levels(request.degradation, [one.given.sound.samples for one in tracks])
    work = _Work(request, codec, make, tracks)
    answers = [work.answer(number) for number in range(request.n_samples)]
    mean = [[np.mean(parts, 0) for parts in zip(*ways, strict=True)] for ways in zip(*answers, strict=True)]

    def sounds(answer: list[list[np.ndarray]]) -> Sounds:
        return Sounds(one.restored(made, level) for one, made, level in zip(tracks, answer, levels, strict=True))

    samples, deviation = [sounds(answer) for answer in answers], None
    if request.gamma and len(samples) > 1:
        deviation = [np.std([one.samples for one in same], 0, ddof=1) for same in zip(*samples, strict=True)]
    return Restored(sounds(mean), samples, deviation, "")


class _Work:
    """The windows of all tracks, and what is made of them."""

    def __init__(self, request: Request, codec: SoundCodec, make: Make, tracks: list[Tracks]) -> None:
        self.request, self.make = request, make
        form = codec.form_
        inputs = [one.inputs(form.channels) for one in tracks]
        self.owners = [number for number, some in enumerate(inputs) for _ in some]
        self.waves = [wave for some in inputs for wave in some]
        self.hidden = [tracks[owner].hidden[None] for owner in self.owners]
        wanted = [tracks[owner].wanted for owner in self.owners]
        self.windows = Windows(self.waves, form.length, wanted, alike=not (request.gamma and has_gaps(request)))
        self.seeds = request.seeds(len(tracks))
        self.size = request.batch_size or AT_ONCE
        batches = math.ceil(len(self.windows) / self.size)
        self.ticks = Ticks(request.progress, request.n_samples * batches)

    def answer(self, number: int) -> list[list[np.ndarray]]:
        """Return what is made of the inputs of each track, as one of several answers."""
        windows, device = self.windows, self.request.model.device_
        owners = np.array([self.owners[wave] for wave, _ in windows.places], int)
        seeds = [
            derive_seed(self.seeds[number][owner], "window", start)
            for owner, (_, start) in zip(owners, windows.places, strict=True)
        ]

        def work(rows: slice) -> Tensor:
            hidden = torch.from_numpy(windows.cut(rows, self.hidden) > 0)
            batch = Batch(torch.from_numpy(windows.cut(rows)), hidden, owners[rows], len(self.seeds[number]))
            made = self.make(self.request, batch, ItemNoise(seeds[rows], device))
            self.ticks()
            return made[..., : windows.length].cpu()

        if not len(windows):
            made = [np.zeros(wave.shape) for wave in self.waves]
        else:
            with self.request.model.inference():
                made = windows.joined(torch.cat(in_chunks(len(windows), self.size, work)).double().numpy())
        return [
            [wave for owner, wave in zip(self.owners, made, strict=True) if owner == track]
            for track in range(len(self.seeds[number]))
        ]
