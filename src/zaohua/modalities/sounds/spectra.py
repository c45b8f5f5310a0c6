"""Waves <-> spectrograms, in plain torch: the short-time Fourier transform, mel bands, Griffin and Lim, mu-law.

Frame t is centred on sample t * hop; n samples have 1 + n / hop frames, from which the same n come back. Magnitudes are
scaled so that a full-scale sine has about 1.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

FLOOR = 1e-6
"""Magnitude below which there is nothing: far below the last of 16 bits."""
RANGE = math.log(10) * 80 / 20
"""Nats of loudness below the loudest that a spectrogram shows: 80 dB."""
MOMENTUM = 0.99
"""Of Griffin and Lim's rounds (Perraudin et al. 2013)."""


@dataclass(frozen=True)
class MelScale:
    """What a log-mel spectrogram is: two models with equal ones understand each other's.

    Attributes:
        rate: samples a second.
        n_fft: samples in a window, even.
        hop: samples from one window to the next, at most half a window.
        bands: triangular bands, evenly spaced by mel = 2595 log10(1 + f / 700) from 0 to half the rate.
    """

    rate: int
    n_fft: int
    hop: int
    bands: int

    @classmethod
    def usual(cls, rate: int, n_fft: int | None = None, hop: int | None = None, bands: int | None = None) -> Self:
        """What is taken when nobody says: windows of about 32 ms, half overlapping, and up to 64 or 80 bands."""
        n_fft = n_fft or max(16, 2 ** round(math.log2(0.032 * rate)))
        return cls(rate, n_fft, hop or n_fft // 2, bands or min(80 if rate >= 16_000 else 64, n_fft // 4))

    def stft(self, waves: Tensor) -> Tensor:
        """Waves (..., n), n a multiple of the hop -> complex (..., n_fft / 2 + 1, 1 + n / hop)."""
        window = hann(self.n_fft, str(waves.device))
        spectrum = torch.stft(
            waves.reshape(-1, waves.shape[-1]),
            self.n_fft,
            self.hop,
            window=window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        return (spectrum * (4 / self.n_fft)).reshape(*waves.shape[:-1], *spectrum.shape[-2:])

    def istft(self, spectrum: Tensor) -> Tensor:
        """The waves (..., frames * hop) whose spectrum is nearest to this one, by least squares."""
        flat = spectrum.reshape(-1, *spectrum.shape[-2:]) * (self.n_fft / 4)
        waves = torch.istft(
            flat,
            self.n_fft,
            self.hop,
            window=hann(self.n_fft, str(spectrum.device)),
            center=True,
            length=(spectrum.shape[-1] - 1) * self.hop,
        )
        return waves.reshape(*spectrum.shape[:-2], -1)

    def log_mel(self, waves: Tensor) -> Tensor:
        """Waves (..., n) -> natural logarithms of mel magnitudes (..., bands, 1 + n / hop), at least log(FLOOR)."""
        return torch.log((self.filters(waves.device) @ self.stft(waves).abs()).clamp(min=FLOOR))

    def filters(self, device: torch.device) -> Tensor:
        """The triangles, each of sum one, (bands, n_fft / 2 + 1)."""
        return mel_filters(self.rate, self.n_fft, self.bands, str(device))

    def magnitudes(self, log_mel: Tensor, rounds: int = 30) -> Tensor:
        """Magnitudes (..., n_fft / 2 + 1, frames), not negative, that have about these mel bands.

        By Lee and Seung's multiplicative rule, from the transposed filters' answer.
        """
        filters, mel = self.filters(log_mel.device), log_mel.exp()
        up = filters.T @ mel
        guess = (filters.T / filters.T.sum(1, keepdim=True).clamp(min=1e-8)) @ mel + FLOOR
        for _ in range(rounds):
            guess = guess * up / (filters.T @ (filters @ guess)).clamp(min=FLOOR**2)
        return guess

    def griffin_lim(self, magnitudes: Tensor, rounds: int = 60) -> Tensor:
        """Waves (..., n) whose spectrum has about these magnitudes (Griffin and Lim 1984, with momentum).

        Phases begin as random ones that are the same each time.
        """
        generator = torch.Generator().manual_seed(0)
        shape = magnitudes.shape[-2:]
        phase = torch.polar(torch.ones(shape), 2 * math.pi * torch.rand(shape, generator=generator))
        spectrum, before = magnitudes * phase.to(magnitudes.device), torch.zeros((), device=magnitudes.device)
        for _ in range(rounds):
            now = self.stft(self.istft(spectrum))
            ahead = now + MOMENTUM * (now - before) if before.ndim else now
            spectrum, before = magnitudes * ahead / ahead.abs().clamp(min=1e-12), now
        return self.istft(spectrum)


@functools.lru_cache(maxsize=16)
def hann(length: int, device: str) -> Tensor:
    """The periodic Hann window."""
    return torch.hann_window(length, device=device)


@functools.lru_cache(maxsize=16)
def mel_filters(rate: int, n_fft: int, bands: int, device: str) -> Tensor:
    """Triangles over the bins of a spectrum, each of sum one, (bands, n_fft / 2 + 1).

    Where bands are narrower than a bin, they are as wide as one on either side, so that none is empty.
    """
    top = 2595 * math.log10(1 + rate / 1400)
    edges = 700 * (10 ** (torch.linspace(0, top, bands + 2, dtype=torch.float64) / 2595) - 1)
    frequency, step = torch.linspace(0, rate / 2, n_fft // 2 + 1, dtype=torch.float64), rate / n_fft
    below = (edges[1:-1] - edges[:-2]).clamp(min=step)[:, None]
    above = (edges[2:] - edges[1:-1]).clamp(min=step)[:, None]
    away = frequency - edges[1:-1, None]
    triangles = (1 - torch.where(away < 0, -away / below, away / above)).clamp(min=0)
    return (triangles / triangles.sum(1, keepdim=True)).float().to(device)


def mu_law_compress(waves: Tensor, mu: float) -> Tensor:
    """Waves in [-1, 1] -> the same range by mu-law's curve, where what is quiet takes more room; mu 0: as they are."""
    if not mu:
        return waves
    wide = _wide(waves)
    return (wide.sign() * torch.log1p(mu * wide.abs()) / math.log1p(mu)).to(waves.dtype)


def mu_law_expand(bent: Tensor, mu: float) -> Tensor:
    """The inverse of `mu_law_compress`."""
    if not mu:
        return bent
    wide = _wide(bent)
    return (wide.sign() * torch.expm1(wide.abs() * math.log1p(mu)) / mu).to(bent.dtype)


def _wide(x: Tensor) -> Tensor:
    """In double precision, so that 24 bits come back; not on Apple's GPUs, which have none."""
    return x if x.device.type == "mps" else x.double()


def mu_law(waves: Tensor, levels: int = 256) -> Tensor:
    """Waves in [-1, 1] -> codes 0 ... levels - 1, finer where it is quiet (ITU-T G.711's curve, mu = levels - 1)."""
    return torch.round((mu_law_compress(waves.clamp(-1, 1), levels - 1) + 1) / 2 * (levels - 1)).long()


def mu_law_inverse(codes: Tensor, levels: int = 256) -> Tensor:
    """Codes -> the waves in the middle of them, float32."""
    return mu_law_expand(2 * codes.float() / (levels - 1) - 1, levels - 1)
