"""Sounds by a model that was trained on pairs of whole and damaged ones: y is what is heard.

Gaps are interpolated first, see `sounds.filling`. That is all for short ones; of longer ones it tells the network how
the wave goes on at their ends.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, cast

from torch import Tensor

from zaohua.core.noise import ItemNoise, Noise
from zaohua.core.record import Condition
from zaohua.estimator.base import GenerativeModel
from zaohua.estimator.tensors import to_cpu
from zaohua.families.samplers import SAMPLERS
from zaohua.modalities.base import counted
from zaohua.modalities.sounds.codec import SoundCodec
from zaohua.modalities.sounds.spectrum import SpectrumCodec
from zaohua.modalities.sounds.waves import WaveCodec
from zaohua.operators.levels import Clip
from zaohua.operators.masks import Masking, MaskRandom
from zaohua.tasks.restore.request import Request
from zaohua.tasks.restore.restored import Restored
from zaohua.tasks.restore.sounds.filling import SHORT, longest_gap
from zaohua.tasks.restore.sounds.recordings import has_gaps, recordings
from zaohua.tasks.restore.sounds.work import GAPS, Batch, restored
from zaohua.tasks.restore.ticks import Ticks, evaluations
from zaohua.tasks.restore.trained import trained_for, which_learnt

NEEDS = "training on pairs of sounds"


class Restores(Protocol):
    """Model that guesses items, or draws them, given what is seen."""

    def restore(self, y: Tensor) -> Tensor:
        """Return the best guess."""
        ...

    def draw(self, noise: Noise, y: Condition | None) -> Tensor:
        """Draw items."""
        ...


class Samples(Protocol):
    """Model with a sampler of its own choice."""

    sampler: str
    steps: int


def suits(model: GenerativeModel) -> bool:
    """Return whether a model makes sounds of sounds, with their phases."""
    keeps = isinstance(model.codec_, (SpectrumCodec, WaveCodec))
    return keeps and isinstance(model.y_codec_, SoundCodec) and (hasattr(model, "draw") or hasattr(model, "restore"))


def can(request: Request) -> str | None:
    """Return why a degradation can't be undone; None if it can."""
    x, y = _codecs(request.model)
    if x.form_[:3] != y.form_[:3]:
        return "it makes sounds of those of another rate, length or number of channels: give them to `sample` as y"
    own, asked = trained_for(request.model), request.degradation
    if own is not None and str(own) != str(asked):
        guessed = str(asked) == "clip" and any(isinstance(step, Clip) for step in own.steps)  # of unknown level
        if not guessed and not (
            has_gaps(request) and any(isinstance(step, (Masking, MaskRandom)) for step in own.steps)
        ):
            return f"it was trained to undo '{own}', not " + ("gaps" if has_gaps(request) else f"'{asked}'")
    if has_gaps(request) and max(map(longest_gap, recordings(request)), default=0.0) <= SHORT:
        return f"gaps up to {1000 * SHORT:.0f} ms are interpolated"
    return None


def solve(request: Request) -> Restored:
    """Restore sounds."""
    codec = _codecs(request.model)[1]
    step = codec.mel_.hop if isinstance(codec, SpectrumCodec) and hasattr(request.model, "restore") else 0
    found = restored(request, codec, _made, step, _asked(request))
    what = counted(request.n_samples, "draw" if request.gamma else "guess")
    how = f"{what} by this {type(request.model).__name__}, {which_learnt(request)}"
    return replace(found, how=f"{how[0].upper()}{how[1:]}{GAPS if has_gaps(request) else ''}.")


def _asked(request: Request) -> int:
    """Return how many evaluations of the network are counted for a batch."""
    model = request.model
    if not _draws_in_steps(request):
        return 1
    denoiser = model.denoiser()
    return evaluations(SAMPLERS[cast(Samples, model).sampler](), denoiser, denoiser.times(cast(Samples, model).steps))


def _draws_in_steps(request: Request) -> bool:
    """Return whether answers are drawn by the sampler of a diffusion or flow model."""
    return bool(request.gamma) and hasattr(request.model, "denoiser")


def _made(request: Request, windows: Batch, noise: ItemNoise, ticks: Ticks) -> Tensor:
    """Return waves (k, channels, length) as the network makes them of what is heard."""
    model = request.model
    y = _codecs(model)[1].prepare(windows.waves.to(model.device_), noise)
    if not hasattr(model, "denoiser"):
        x = cast(Restores, model).restore(y) if hasattr(model, "restore") else cast(Restores, model).draw(noise, y)
        ticks()
    else:
        denoiser = ticks.counting(model.denoiser(y))
        start = denoiser.start(noise.normal(*model.spec_.tensor_shape))
        if _draws_in_steps(request):
            own = cast(Samples, model)
            x = SAMPLERS[own.sampler]().sample(denoiser, denoiser.times(own.steps), start, noise)
        else:  # the mean of all draws, in one evaluation
            x = denoiser(start, denoiser.times(1)[0])[0]
    return cast(SpectrumCodec | WaveCodec, model.codec_).unclipped(to_cpu(x))


def _codecs(model: GenerativeModel) -> tuple[SoundCodec, SoundCodec]:
    """Return the codecs of what is restored and of what is heard."""
    return cast(SoundCodec, model.codec_), cast(SoundCodec, model.y_codec_)
