"""Codec from sounds to log-mel spectrograms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from torch import Tensor

from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec, Feature
from zaohua.modalities.base import Codes
from zaohua.modalities.sounds.sound import Sounds
from zaohua.modalities.sounds.spectra import RANGE, MelScale
from zaohua.modalities.sounds.spectrograms import SpectrogramCodec

if TYPE_CHECKING:
    from zaohua.core.noise import Noise


class MelCodec(SpectrogramCodec):
    """Sounds <-> log-mel spectrograms, (channels, bands, frames), 80 dB below the loudest being -1 and the loudest 1.

    Values are scaled so that the loudest is 1, and -1 lies 80 dB below it. Decoding is by the Griffin-Lim algorithm;
    models with a vocoder use that instead.

    Attributes:
        mel_: parameters of the spectrograms.
        top_: natural logarithm of the largest mel magnitude of the training sounds.
    """

    representation: ClassVar[str] = "log-mel spectrograms"
    blank: ClassVar[float | None] = -1.0

    bands: Annotated[int, Between(4, 512)] | None = None
    """Number of mel bands; None: 64, or 80 from 16 kHz on, and fewer for short windows."""
    rounds: Annotated[int, Between(1, 10_000)] = 60
    """Iterations of the Griffin-Lim algorithm."""

    def _parameters(self, rate: int) -> MelScale:
        return MelScale.default(rate, self.n_fft, self.hop, self.bands)

    def _fit_waves(self, codes: Codes) -> None:
        top = max(float(self.mel_.log_mel(waves).max()) for waves in self._blocks(codes))
        self.top_ = math.ceil(top * 1000) / 1000  # the same on any number of threads
        self.spec_ = self._spec()

    def _spec(self) -> DataSpec:
        feature = Feature("magnitude", "real", size=self.form_.channels, scale=RANGE / 2)
        return DataSpec(axes=("band", "frame"), shape=(self.mel_.bands, self._frames), features=(feature,))

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

    def state(self) -> Json:
        """Return the format of sounds, the parameters of their spectrograms and the loudest, as JSON values."""
        return {**super().state(), "top": self.top_} if hasattr(self, "spec_") else {}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        self.top_ = state["top"]
        super().set_state(state)
