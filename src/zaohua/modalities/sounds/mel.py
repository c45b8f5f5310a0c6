"""Codec from sounds to log-mel spectrograms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import torch
from torch import Tensor

from zaohua.core.errors import ZaohuaError
from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec, Feature
from zaohua.modalities.base import Codes, GridCodec
from zaohua.modalities.sounds.codec import SoundCodec, SoundsLike
from zaohua.modalities.sounds.sound import Sounds
from zaohua.modalities.sounds.spectra import RANGE, MelScale

if TYPE_CHECKING:
    from zaohua.core.noise import Noise

AT_ONCE = 1 << 22
"""Number of samples whose spectrograms are computed at once."""


class MelCodec(SoundCodec, GridCodec[SoundsLike]):
    """Sounds <-> log-mel spectrograms, (channels, bands, frames), 80 dB below the loudest being -1 and the loudest 1.

    Values are scaled so that the loudest is 1, and -1 lies 80 dB below it. Decoding is by the Griffin-Lim algorithm;
    models with a vocoder use that instead.

    Attributes:
        mel_: parameters of the spectrograms.
        top_: natural logarithm of the largest mel magnitude of the training sounds.
    """

    representation: ClassVar[str] = "log-mel spectrograms"
    blank: ClassVar[float | None] = -1.0

    n_fft: Annotated[int, Between(16, 16384)] | None = None
    """Even window length in samples; None: the power of two nearest to 32 ms."""
    hop: Annotated[int, Between(1)] | None = None
    """Distance between windows in samples, at most half a window; None: half a window."""
    bands: Annotated[int, Between(4, 512)] | None = None
    """Number of mel bands; None: 64, or 80 from 16 kHz on, and fewer for short windows."""
    rounds: Annotated[int, Between(1, 10_000)] = 60
    """Iterations of the Griffin-Lim algorithm."""

    def _fit_rate(self, rate: int) -> None:
        self.mel_ = MelScale.default(rate, self.n_fft, self.hop, self.bands)
        if self.mel_.n_fft % 2 or self.mel_.hop > self.mel_.n_fft // 2:
            window, hop = (self.option(name).rstrip("=") for name in ("n_fft", "hop"))
            raise ZaohuaError(
                f"{window} must be even and {hop} at most half of it, not {self.mel_.n_fft} and {self.mel_.hop}"
            )

    def _length(self, samples: int, rate: int) -> int:
        frames = 1 + math.ceil(samples / self.mel_.hop)
        return (8 * math.ceil(frames / 8) - 1) * self.mel_.hop  # so that frames are a multiple of 8

    def _fit_waves(self, codes: Codes) -> None:
        top, rows = -math.inf, max(1, AT_ONCE // self.form_.length)
        for start in range(0, len(codes), rows):
            waves = self.waves(codes[np.arange(start, min(start + rows, len(codes)))])
            top = max(top, float(self.mel_.log_mel(self._padded(waves)).max()))
        self.top_ = math.ceil(top * 1000) / 1000  # the same on any number of threads
        self.spec_ = self._spec()

    def _spec(self) -> DataSpec:
        frames = 1 + self._length(self.form_.length, self.form_.rate) // self.mel_.hop
        feature = Feature("magnitude", "real", size=self.form_.channels, scale=RANGE / 2)
        return DataSpec(axes=("band", "frame"), shape=(self.mel_.bands, frames), features=(feature,))

    def describe(self, n: int | None = None) -> str:
        """Describe rate, length and channels of the sounds, and the size of their spectrograms."""
        bands, frames = self.spec_.shape or ()
        return f"{super().describe(n)}, as log-mel spectrograms of {bands} bands x {frames} frames"

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Convert encoded sounds (b, channels, n) to spectrograms, float32 (b, channels, bands, frames) in [-1, 1]."""
        return self.spectrograms(self._padded(self.waves(codes)))

    def spectrograms(self, waves: Tensor) -> Tensor:
        """Compute scaled spectrograms (b, channels, bands, 1 + n / hop) of waveforms (b, channels, n) of any length."""
        waves = torch.nn.functional.pad(waves, (0, -waves.shape[-1] % self.mel_.hop))
        return ((self.mel_.log_mel(waves) - self.top_) * (2 / RANGE) + 1).clamp(-1, 1)

    def log_mel(self, x: Tensor) -> Tensor:
        """Undo the scaling: return natural logarithms of mel magnitudes."""
        return (x.float() - 1) * (RANGE / 2) + self.top_

    def decode(self, x: Tensor) -> Sounds:
        """Convert spectrograms (b, channels, bands, frames) to sounds by the Griffin-Lim algorithm."""
        log_mel = self.log_mel(x.clamp(-1, 1))
        return self.sounds(self.mel_.griffin_lim(self.mel_.magnitudes(log_mel), self.rounds), self.ends(x))

    def _samples(self, places: Tensor) -> Tensor:
        return (places - 1).clamp(min=1) * self.mel_.hop  # frame t is centred on sample t * hop

    @property
    def _scale(self) -> MelScale:
        return self.mel_

    def state(self) -> Json:
        """Return the format of sounds and the parameters of their spectrograms, as JSON values."""
        if not hasattr(self, "spec_"):
            return {}
        mel = self.mel_
        return {**super().state(), "mel": [mel.rate, mel.n_fft, mel.hop, mel.bands], "top": self.top_}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        self.mel_, self.top_ = MelScale(*state["mel"]), state["top"]
        super().set_state(state)
