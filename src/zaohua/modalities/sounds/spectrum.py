"""Codec from sounds to complex spectrograms, which keep the phases."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from torch import Tensor

from zaohua.core.params import Between
from zaohua.core.spec import DataSpec, Feature
from zaohua.modalities.sounds.sound import Sounds
from zaohua.modalities.sounds.spectra import FLOOR, MelScale, mu_law_compress, mu_law_expand
from zaohua.modalities.sounds.spectrograms import SpectrogramCodec

if TYPE_CHECKING:
    from zaohua.core.noise import Noise

WINDOW = 0.024
"""Default length of a window in seconds: 97 frequencies at 8 kHz."""


class SpectrumCodec(SpectrogramCodec):
    """Sounds <-> complex spectrograms, (2 * channels, frequencies, frames): real and imaginary parts in [-1, 1].

    Nothing is lost, so a model can return a sound, or any part of it, as it was: noisy to clean sounds, for instance.
    Magnitudes are compressed by the mu-law curve, because errors are heard in quiet parts, too. Welker, Richter and
    Gerkmann (2022, arXiv 2203.17004) take a root of them instead.
    """

    representation: ClassVar[str] = "complex spectrograms"

    mu: Annotated[float, Between(0, 65535)] = 31.0
    """Strength of the mu-law compression for networks, which amplifies quiet sounds; 0: none."""

    def _parameters(self, rate: int) -> MelScale:
        return MelScale.default(rate, self.n_fft or max(16, 2 * round(rate * WINDOW / 2)), self.hop)

    def _log_magnitudes(self, waves: Tensor) -> Tensor:
        return self.mel_.stft(waves).abs().clamp(min=FLOOR).log()

    def _spec(self) -> DataSpec:
        feature = Feature("spectrum", "real", size=2 * self.form_.channels)
        return DataSpec(
            axes=("frequency", "frame"), shape=(self.mel_.n_fft // 2 + 1, self._frames), features=(feature,)
        )

    def describe(self, n: int | None = None) -> str:
        """Describe rate, length and channels of the sounds, and the size of their spectrograms."""
        frequencies, frames = self.spec_.shape or ()
        return f"{super().describe(n)}, as complex spectrograms of {frequencies} frequencies x {frames} frames"

    def prepare(self, codes: Tensor, noise: Noise, train: bool = False) -> Tensor:
        """Convert encoded sounds (b, channels, n) to spectrograms, float32 (b, 2 * channels, frequencies, frames)."""
        spectrum = self.mel_.stft(self._padded(self.waves(codes)))
        size = spectrum.abs().clamp(min=FLOOR)
        spectrum = spectrum * (mu_law_compress(size * self._unit, self.mu) / size)
        return torch.cat([spectrum.real, spectrum.imag], dim=1)

    def decode(self, x: Tensor) -> Sounds:
        """Convert spectrograms (b, 2 * channels, frequencies, frames) to sounds."""
        spectrum = torch.complex(*x.float().chunk(2, dim=1))
        size = spectrum.abs().clamp(min=FLOOR)
        return self.sounds(self.mel_.istft(spectrum * (mu_law_expand(size.clamp(max=1), self.mu) / size / self._unit)))

    @property
    def _unit(self) -> float:
        """What magnitudes are multiplied by, so that the loudest of the training sounds is 1."""
        return math.exp(-self.top_)
