"""Gaps of sounds by the denoiser of a diffusion or flow model of spectrograms, which wasn't trained for it.

Frames that touch a gap are hidden, and found given the others, see `families.posterior`. This needs no linear way from
spectrograms to waves, so it serves mel spectrograms, too. Other damage of waves, as noise, isn't independent noise of
spectrograms: it takes a model that was trained on pairs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from zaohua.core.noise import ItemNoise
from zaohua.estimator.base import GenerativeModel
from zaohua.families.posterior import Renoise
from zaohua.modalities.base import counted
from zaohua.modalities.sounds.sound import Sounds
from zaohua.modalities.sounds.spectrograms import SpectrogramCodec
from zaohua.operators.base import Identity, Observation
from zaohua.operators.masks import Mask, MaskGap
from zaohua.tasks.restore.request import Request
from zaohua.tasks.restore.restored import Restored
from zaohua.tasks.restore.sounds.filling import SHORT, longest_gap
from zaohua.tasks.restore.sounds.recordings import has_gaps, recordings
from zaohua.tasks.restore.sounds.work import GAPS, Batch, restored
from zaohua.tasks.restore.ticks import Ticks

NEEDS = "a denoiser of spectrograms"


def suits(model: GenerativeModel) -> bool:
    """Return whether a model has a denoiser of spectrograms."""
    return hasattr(model, "denoiser") and isinstance(model.codec_, SpectrogramCodec)


def can(request: Request) -> str | None:
    """Return why a degradation can't be undone; None if it can."""
    other = next((step for step in request.degradation.steps if not isinstance(step, (Identity, MaskGap))), None)
    if other is not None or not has_gaps(request):
        what = "that" if other is None else f"'{other}'"
        return f"a model of spectrograms that wasn't trained to undo {what} fills gaps only"
    if max(map(longest_gap, recordings(request)), default=0.0) <= SHORT:
        return f"gaps up to {1000 * SHORT:.0f} ms are interpolated"
    return None


def solve(request: Request) -> Restored:
    """Fill the gaps of sounds."""
    found = restored(request, cast(SpectrogramCodec, request.model.codec_), _made, asked=request.steps)
    kind = "draw" if request.gamma == 1 else "guess"
    what = counted(request.n_samples, kind)
    how = f"{what} by the denoiser of this {type(request.model).__name__}, brought near the frames that are heard in "
    how += f"{counted(request.steps, 'step')} (approximate)"
    return replace(found, how=f"{how[0].upper()}{how[1:]}{GAPS}.")


def _made(request: Request, windows: Batch, noise: ItemNoise, ticks: Ticks) -> Tensor:
    """Return waves (k, channels, length) of which the frames that touch no gap are those of what is heard."""
    model = request.model
    codec = cast(SpectrogramCodec, model.codec_)
    x = codec.prepare(windows.waves.to(model.device_), noise)
    seen = ~hidden_frames(windows.hidden, codec.mel_.n_fft, codec.mel_.hop, x.shape[-1]).to(x.device)
    codes = request.conditions(windows.total)
    y = None if codes is None else model.prepare_conditions(codes[windows.owners], noise)
    denoiser = ticks.counting(model.denoiser(y))
    sampler = Renoise(Observation(x * seen, Mask(seen), 0.0), request.gamma)
    start = denoiser.start(noise.normal(*model.spec_.tensor_shape))
    made: Sounds = model.decode_tensors(sampler.sample(denoiser, denoiser.times(request.steps), start, noise))
    return torch.from_numpy(np.stack([sound.samples.reshape(len(sound), -1).T for sound in made]))


def hidden_frames(hidden: Tensor, window: int, hop: int, frames: int) -> Tensor:
    """Return which frames see a sample that is hidden, bool (k, 1, 1, frames).

    Args:
        hidden: True for hidden samples, bool (k, 1, length).
        window: samples of a frame, centred on a multiple of the hop.
        hop: distance of frames in samples.
        frames: their number.
    """
    length = (frames - 1) * hop + window
    padded = F.pad(hidden.float(), (window // 2, length - window // 2 - hidden.shape[-1]))
    return F.max_pool1d(padded, window, hop)[:, :, None] > 0
