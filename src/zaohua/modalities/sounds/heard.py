"""What is heard of sounds: degraded waves, at the rate and with the length of the sounds."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, TypeVar

from torch import Tensor

from zaohua.core.noise import Noise
from zaohua.operators.degradation import Degradation
from zaohua.operators.frequencies import Resample
from zaohua.operators.step import Units

if TYPE_CHECKING:
    from zaohua.modalities.sounds.codec import SoundCodec

CodecT = TypeVar("CodecT", bound="SoundCodec")


def codec_of(codec: CodecT) -> CodecT:
    """Return a fitted codec for what is heard of the sounds of another, each of which is one item."""
    other = copy.copy(codec)
    other.long, other.windows_ = "cut", False
    return other


def heard(waves: Tensor, rate: int, degradation: Degradation, noise: Noise) -> Tensor:
    """Degrade waves (b, channels, n) from -1 to 1; those of a lower rate are brought back to theirs.

    Args:
        waves: the waves.
        rate: samples per second.
        degradation: what happens to them.
        noise: source of randomness.
    """
    out = degradation.in_units(Units(rate=float(rate)))(waves, noise)
    shape, n = tuple(waves.shape[1:]), out.shape[-1]
    if n >= shape[-1]:
        return out
    fewer = Resample(rate=n / shape[-1])
    return fewer.adjoint(out, shape) / fewer.gram(shape)  # the same frequencies at more places
