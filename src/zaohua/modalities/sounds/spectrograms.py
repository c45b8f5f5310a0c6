"""Base of the codecs from sounds to spectrograms, which differ in what they keep of a short-time Fourier transform."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated

import numpy as np
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.modalities.base import Codes, GridCodec
from zaohua.modalities.sounds.codec import SoundCodec
from zaohua.modalities.sounds.spectra import MelScale
from zaohua.modalities.sounds.written import SoundsLike

AT_ONCE = 1 << 22
"""Number of samples whose spectrograms are computed at once."""


class SpectrogramCodec(SoundCodec, GridCodec[SoundsLike]):
    """Base of the codecs of spectrograms: windows and the number of frames.

    Attributes:
        mel_: parameters of the spectrograms.
    """

    n_fft: Annotated[int, Between(16, 16384)] | None = None
    """Even window length in samples; None: the power of two nearest to 32 ms, or, where phases are kept,
    about 24 ms."""
    hop: Annotated[int, Between(1)] | None = None
    """Distance between windows in samples, at most half a window; None: half a window."""

    @abstractmethod
    def _parameters(self, rate: int) -> MelScale:
        """Return the parameters of the spectrograms of sounds of a rate."""

    def _fit_rate(self, rate: int) -> None:
        self.mel_ = self._parameters(rate)
        if self.mel_.n_fft % 2 or self.mel_.hop > self.mel_.n_fft // 2:
            window, hop = (self.option(name).rstrip("=") for name in ("n_fft", "hop"))
            raise ZaohuaError(
                f"{window} must be even and {hop} at most half of it, not {self.mel_.n_fft} and {self.mel_.hop}"
            )

    def _length(self, samples: int, rate: int) -> int:
        frames = 1 + math.ceil(samples / self.mel_.hop)
        return (8 * math.ceil(frames / 8) - 1) * self.mel_.hop  # so that frames are a multiple of 8

    def _samples(self, places: Tensor) -> Tensor:
        return (places - 1).clamp(min=1) * self.mel_.hop  # frame t is centred on sample t * hop

    def _blocks(self, codes: Codes) -> Iterator[Tensor]:
        """Yield the padded waveforms (b, channels, n) of all sounds, some at a time."""
        rows = max(1, AT_ONCE // self.form_.length)
        for start in range(0, len(codes), rows):
            yield self._padded(self.waves(codes[np.arange(start, min(start + rows, len(codes)))]))

    @property
    def _frames(self) -> int:
        """Number of frames of an item."""
        return 1 + self._length(self.form_.length, self.form_.rate) // self.mel_.hop

    @property
    def _scale(self) -> MelScale:
        return self.mel_

    def state(self) -> Json:
        """Return the format of sounds and the parameters of their spectrograms, as JSON values."""
        if not hasattr(self, "spec_"):
            return {}
        mel = self.mel_
        return {**super().state(), "mel": [mel.rate, mel.n_fft, mel.hop, mel.bands]}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        self.mel_ = MelScale(*state["mel"])
        super().set_state(state)
