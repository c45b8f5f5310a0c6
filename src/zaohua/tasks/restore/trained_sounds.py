"""Sounds by a model that was trained on pairs of whole and damaged ones: y is what is heard.

Sounds of any length are restored in overlapping windows. Gaps are interpolated first, see `sounds.filling`: that
is all for short ones, and for longer ones it tells the network how the wave goes on at their ends.
"""

from __future__ import annotations

from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor

from zaohua.core.memory import in_chunks
from zaohua.core.noise import ItemNoise, Noise, derive_seed
from zaohua.core.record import Condition
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.denoiser import Denoiser
from zaohua.estimator.tensors import to_cpu
from zaohua.modalities.base import counted
from zaohua.modalities.sounds.codec import SoundCodec
from zaohua.modalities.sounds.sound import Sounds
from zaohua.modalities.sounds.spectrum import SpectrumCodec
from zaohua.modalities.sounds.waves import WaveCodec
from zaohua.tasks.restore.request import Request
from zaohua.tasks.restore.restored import Restored
from zaohua.tasks.restore.sounds.clipping import clip_levels
from zaohua.tasks.restore.sounds.filling import SHORT, longest_gap
from zaohua.tasks.restore.sounds.recordings import has_gaps, recordings
from zaohua.tasks.restore.sounds.tracks import Tracks
from zaohua.tasks.restore.sounds.windows import Windows

NEEDS = "training on pairs of sounds"
AT_ONCE = 32
"""Number of windows that are restored at once."""


class Draws(Protocol):
    """Model that draws items given conditions."""

    def draw(self, noise: Noise, y: Condition | None) -> Tensor:
        """Draw items."""
        ...


class Restores(Protocol):
    """Model that is trained to restore."""

    def restore(self, y: Tensor) -> Tensor:
        """Return the mean of the items that y is seen of."""
        ...


def suits(model: GenerativeModel) -> bool:
    """Return whether a model makes sounds of sounds, with their phases."""
    keeps = isinstance(model.codec_, (SpectrumCodec, WaveCodec))
    makes = hasattr(model, "draw") or hasattr(model, "restore")
    return keeps and isinstance(model.y_codec_, SoundCodec) and makes


def can(request: Request) -> str | None:
    """Return why a degradation can't be undone; None if it can."""
    x, y = _codecs(request.model)
    if x.form_[:3] != y.form_[:3]:
        return "it makes sounds of those of another rate, length or number of channels: sample it with y= instead"
    if has_gaps(request) and max(map(longest_gap, recordings(request)), default=0.0) <= SHORT:
        return f"gaps up to {1000 * SHORT:.0f} ms are interpolated"
    return None


def solve(request: Request) -> Restored:
    """Restore sounds."""
    codec = _codecs(request.model)[1]
    faster = any(step.name in ("resample", "band") for step in request.degradation.steps)
    tracks = [Tracks.of(one, codec, faster) for one in recordings(request)]
    levels = clip_levels(request.degradation, [one.given.sound.samples for one in tracks])
    answers = [_answer(request, tracks, number) for number in range(request.n_samples)]
    mean = [[np.mean(parts, 0) for parts in zip(*ways, strict=True)] for ways in zip(*answers, strict=True)]

    def sounds(answer: list[list[np.ndarray]]) -> Sounds:
        return Sounds(one.restored(*args) for one, *args in zip(tracks, answer, levels, strict=True))

    what = "draw" if request.gamma else "guess"
    how = f"{counted(request.n_samples, what)} by this {type(request.model).__name__}, which was trained on such pairs"
    return Restored(sounds(mean), [sounds(answer) for answer in answers], None, how[0].upper() + how[1:] + ".")


def _answer(request: Request, tracks: list[Tracks], number: int) -> list[list[np.ndarray]]:
    """Return what the network makes of the inputs of all tracks; answer `number` of several."""
    form = _codecs(request.model)[1].form_
    inputs = [one.inputs(form.channels) for one in tracks]
    waves = [wave for some in inputs for wave in some]
    wanted = [one.wanted for one, some in zip(tracks, inputs, strict=True) for _ in some]
    seeds = [seed for seed, some in zip(request.seeds(len(tracks))[number], inputs, strict=True) for _ in some]
    windows = Windows(waves, form.length, wanted, alike=not (request.gamma and has_gaps(request)))
    of = [derive_seed(seeds[wave], "window", start) for wave, start in windows.places]

    def work(rows: slice) -> Tensor:
        return _made(request, torch.from_numpy(windows.cut(rows)), of[rows])

    with request.model.inference():
        parts = in_chunks(len(windows), request.batch_size or AT_ONCE, work) if len(windows) else []
    made = windows.joined(torch.cat(parts).double().numpy()) if parts else [np.zeros(wave.shape) for wave in waves]
    joined = iter(made)
    return [[next(joined) for _ in some] for some in inputs]


def _made(request: Request, waves: Tensor, seeds: list[int]) -> Tensor:
    """Return windows (k, channels, length) as the network makes them of what is heard."""
    model = request.model
    noise = ItemNoise(seeds, model.device_)
    y = _codecs(model)[1].prepare(waves.to(model.device_), noise)
    if hasattr(model, "restore"):
        x = cast(Restores, model).restore(y)
    elif request.gamma == 0 and hasattr(model, "denoise"):  # the mean of all draws, in one evaluation
        denoiser: Denoiser = model.with_options(guidance=1.0).denoiser(y)
        x = denoiser(denoiser.start(noise.normal(*model.spec_.tensor_shape)), denoiser.times(1)[0])[0]
    else:
        x = cast(Draws, model).draw(noise, y)
    out = cast(SpectrumCodec | WaveCodec, model.codec_).unclipped(to_cpu(x))
    return out[..., : waves.shape[-1]]


def _codecs(model: GenerativeModel) -> tuple[SoundCodec, SoundCodec]:
    """Return the codecs of what is restored and of what is heard."""
    return cast(SoundCodec, model.codec_), cast(SoundCodec, model.y_codec_)
