"""Codec from sounds to complex spectrograms, which keep the phases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import torch
from torch import Tensor

from zaohua.core.json import Json
from zaohua.core.params import Between
from zaohua.core.spec import DataSpec, Feature
from zaohua.modalities.base import Codes
from zaohua.modalities.sounds.sound import Sounds
from zaohua.modalities.sounds.spectra import FLOOR, MelScale
from zaohua.modalities.sounds.spectrograms import SpectrogramCodec

if TYPE_CHECKING:
    from zaohua.core.noise import Noise

WINDOW = 0.024
"""Default length of a window in seconds: 97 frequencies at 8 kHz."""
LEAST = 1e-3
"""Share of the power below which an error hardly counts."""
DEVIATION = 0.5
"""Standard deviation of the numbers that networks see, which is about that of pictures."""


class SpectrumCodec(SpectrogramCodec):
    """Sounds <-> complex spectrograms, (2 * channels, frequencies, frames): real and imaginary parts.

    Nothing is lost, so a model can return a sound, or any part of it, as it was: noisy to clean sounds, for instance.
    Magnitudes are raised to a power below 1, because errors are heard in quiet parts, too, and scaled to a standard
    deviation of 0.5 (Welker, Richter and Gerkmann 2022, arXiv 2203.17004).

    Attributes:
        rms_: root mean square of the raised magnitudes of the training sounds.
    """

    representation: ClassVar[str] = "complex spectrograms"
    blank: ClassVar[float | None] = 0.0
    bounded: ClassVar[bool] = False

    power: Annotated[float, Between(0.1, 1)] = 0.5
    """Power that magnitudes are raised to, which amplifies quiet sounds; 1: none."""

    def _parameters(self, rate: int) -> MelScale:
        return MelScale.default(rate, self.n_fft or max(16, 2 * round(rate * WINDOW / 2)), self.hop)

    def _fit_waves(self, codes: Codes) -> None:
        total, count = 0.0, 0
        for waves in self._blocks(codes):
            magnitudes = self.mel_.stft(waves).abs().double() ** self.power
            total, count = total + float(magnitudes.square().sum()), count + magnitudes.numel()
        self.rms_ = float(f"{max((total / count) ** 0.5, FLOOR):.4g}")  # the same on any number of threads
        self.spec_ = self._spec()

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
        spectrum = spectrum * spectrum.abs().clamp(min=FLOOR) ** (self.power - 1) * self._gain
        return torch.cat([spectrum.real, spectrum.imag], dim=1)

    def decode(self, x: Tensor) -> Sounds:
        """Convert spectrograms (b, 2 * channels, frequencies, frames) to sounds."""
        return self.sounds(self.unclipped(x), self.ends(x))

    def unclipped(self, x: Tensor) -> Tensor:
        """Convert spectrograms to waveforms (b, channels, n), which may go beyond [-1, 1]."""
        return self.mel_.istft(self.spectra(x))

    def spectra(self, x: Tensor) -> Tensor:
        """Convert spectrograms to complex Fourier transforms, (b, channels, frequencies, frames)."""
        said = x.float().masked_fill(x == self.ended, 0)
        spectrum = torch.complex(*said.chunk(2, dim=1)) / self._gain
        size = spectrum.abs().clamp(min=FLOOR**self.power)
        return spectrum * size ** (1 / self.power - 1)

    def error(self, made: Tensor, real: Tensor) -> Tensor:
        """Return how far predicted spectrograms are from what they should be, (B,).

        It is the sum of log10 of three shares of the power that are wrong: of the raised numbers; of their magnitudes,
        which are heard even where phases can't be known; and of the numbers before they were raised, since in loud
        parts a small error of raised numbers is a large one of the wave. By the logarithm, short damage counts as much
        as that of a whole sound.
        """
        raised, truth = (torch.complex(*x.chunk(2, dim=1)) for x in (made, real))
        pairs = (raised, truth), (raised.abs(), truth.abs()), (self.spectra(made), self.spectra(real))
        return sum((torch.log10(_share(a, b) + LEAST) for a, b in pairs), made.new_zeros(len(made)))

    def gain(self, waves: Tensor) -> Tensor:
        """Return by what to multiply sounds (b, channels, n) so that they are as loud as those of training, (b,)."""
        magnitudes = self.mel_.stft(self._padded(waves)).abs().double() ** self.power
        rms = magnitudes.square().flatten(1).mean(1).sqrt().clamp(min=FLOOR)
        return ((self.rms_ / rms) ** (1 / self.power)).float()

    @property
    def _gain(self) -> float:
        """What raised magnitudes are multiplied by: half of the mean power falls to the real parts."""
        return DEVIATION * 2**0.5 / self.rms_

    def state(self) -> Json:
        """Return the format of sounds, the parameters of their spectrograms and the scale, as JSON values."""
        return {**super().state(), "rms": self.rms_} if hasattr(self, "spec_") else {}

    def set_state(self, state: Json) -> None:
        """Restore the result of `state`."""
        self.rms_ = state["rms"]
        super().set_state(state)


def _share(made: Tensor, real: Tensor) -> Tensor:
    """Return the power of the error over that of what is right, (B,)."""
    error, power = ((x * x.conj()).real.flatten(1).mean(1) for x in (made - real, real))
    return error / power.clamp(min=FLOOR**2)
