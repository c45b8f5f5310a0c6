"""Sounds made anew from their log-mel spectrograms by a trained vocoder: what it can do, and what it can't, is heard.

Sounds may be of any length, rate and number of channels. Each channel is vocoded by itself, in pieces whose borders are
far enough apart from what is kept of them that they can't be told from the whole. Spectrograms are scaled so that the
loudest is as loud as the loudest of training, and sounds are scaled back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from zaohua.core.advice import either
from zaohua.core.errors import ZaohuaError
from zaohua.estimator.base import GenerativeModel
from zaohua.families.vocoder import VocoderFamily, VocoderMixin
from zaohua.modalities.sounds.sound import Sound, Sounds

PIECE, CONTEXT = 1024, 64
"""Frames that are kept of a piece, and frames on both sides of them that are vocoded, too."""


def resynthesise(
    model: GenerativeModel, sounds: Sequence[Sound], progress: Callable[[int, int], None] | None = None
) -> Sounds:
    """Make sounds anew from their spectrograms, by a `Vocoder` or the vocoder of a model of spectrograms.

    Args:
        model: fitted.
        sounds: of any length, rate and number of channels, which they keep.
        progress: function (done, total), called as the work goes on.

    Raises:
        ZaohuaError: the model has no vocoder.
    """
    vocoder = vocoder_of(model)
    total, done = sum(math.ceil(sound.seconds) * sound.channels for sound in sounds), 0
    out = Sounds()
    for sound in sounds:
        channels = []
        for wave in sound.samples.reshape(len(sound), sound.channels).T:
            channels.append(_made_anew(vocoder, wave, sound.rate))
            done += math.ceil(sound.seconds)
            if progress is not None:
                progress(done, total)
        out.append(Sound(np.stack(channels, axis=-1).reshape(sound.samples.shape), sound.rate))
    return out


def vocoder_of(model: GenerativeModel) -> VocoderFamily:
    """Return a model itself if it is a vocoder, or the vocoder that was trained along with it.

    Raises:
        ZaohuaError: there is none.
    """
    if isinstance(model, VocoderFamily):
        return model
    vocoder = model.trained_vocoder() if isinstance(model, VocoderMixin) else None
    if vocoder is None:
        how = either("zh.Vocoder().fit(sounds)", "zaohua train vocoder FOLDER")
        raise ZaohuaError(f"this {type(model).__name__} has no vocoder: {how} trains one")
    return vocoder


def _made_anew(vocoder: VocoderFamily, wave: np.ndarray, rate: int) -> np.ndarray:
    """Return a wave (n,) made anew, float32 (n,)."""
    codec = vocoder.codec_
    mean, own = float(wave.mean()) if len(wave) else 0.0, codec.form_.rate
    samples = _resampled(wave - mean, rate, own)
    if not np.abs(samples).max(initial=0) > 0:
        return wave
    x = torch.from_numpy(samples)[None, None]
    gain = math.exp(codec.top_ - float(codec.mel_.log_mel(x).max()))
    made = _vocoded(vocoder, codec.spectrograms(x * gain)) / gain
    made = _resampled(made[: len(samples)], own, rate)
    return np.pad(made[: len(wave)], (0, max(0, len(wave) - len(made)))).astype(np.float32) + np.float32(mean)


def _vocoded(vocoder: VocoderFamily, x: Tensor) -> np.ndarray:
    """Return the wave of a spectrogram (1, 1, bands, frames), piece by piece, float32 ((frames - 1) hop,)."""
    hop, frames, net = vocoder.codec_.mel_.hop, x.shape[-1], vocoder.nets_["vocoder"]
    parts = []
    with torch.inference_mode():
        for start in range(0, max(frames - 1, 1), PIECE):
            first, stop = max(0, start - CONTEXT), min(frames, start + PIECE + 1 + CONTEXT)
            piece = vocoder.vocode(net, x[..., first:stop].to(vocoder.device_)).float().cpu()[0, 0]
            parts.append(piece[(start - first) * hop : (start - first + PIECE) * hop].numpy())
    return np.concatenate(parts)


def _resampled(wave: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Return a wave at another rate, float32."""
    if rate == wanted:
        return np.asarray(wave, np.float32)
    import soxr

    return np.asarray(soxr.resample(np.asarray(wave, np.float32), rate, wanted), np.float32)
