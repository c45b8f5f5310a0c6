"""Spectrograms and mu-law in plain torch: short-time Fourier transform, mel bands and their inversion by Griffin-Lim.

Frame t is centred on sample t * hop. n samples give 1 + n / hop frames, which are inverted to n samples. Magnitudes are
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
"""Minimum magnitude in logarithms: far below the resolution of 16 bits."""
RANGE = math.log(10) * 80 / 20
"""Dynamic range of a spectrogram in nats: 80 dB below the loudest."""
MOMENTUM = 0.99
"""Momentum of the fast Griffin-Lim algorithm (Perraudin et al. 2013)."""


@dataclass(frozen=True)
class MelScale:
    """Parameters of log-mel spectrograms; models with equal ones can exchange spectrograms.

    Attributes:
        rate: sampling rate in Hz.
        n_fft: even window length in samples.
        hop: distance between windows in samples, at most half a window.
        bands: number of triangular bands, evenly spaced in mel = 2595 log10(1 + f / 700) from 0 to half the rate.
    """

    rate: int
    n_fft: int
    hop: int
    bands: int

    @classmethod
    def default(cls, rate: int, n_fft: int | None = None, hop: int | None = None, bands: int | None = None) -> Self:
        """Fill in defaults: half-overlapping windows of about 32 ms, and up to 64 or 80 bands."""
        n_fft = n_fft or max(16, 2 ** round(math.log2(0.032 * rate)))
        return cls(rate, n_fft, hop or n_fft // 2, bands or min(80 if rate >= 16_000 else 64, n_fft // 4))

    def stft(self, waves: Tensor) -> Tensor:
        """Compute complex spectra (..., n_fft / 2 + 1, 1 + n / hop) of waveforms (..., n), n a multiple of the hop."""
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
        """Compute the waveforms (..., (frames - 1) * hop) whose spectra are nearest to these in least squares."""
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
        """Compute log mel magnitudes (..., bands, 1 + n / hop), at least log(FLOOR), of waveforms (..., n)."""
        return torch.log((self.filters(waves.device) @ self.stft(waves).abs()).clamp(min=FLOOR))

    def filters(self, device: torch.device) -> Tensor:
        """Return the triangular filters, each of sum one, (bands, n_fft / 2 + 1)."""
        return mel_filters(self.rate, self.n_fft, self.bands, str(device))

    def magnitudes(self, log_mel: Tensor, rounds: int = 30) -> Tensor:
        """Estimate non-negative magnitudes (..., n_fft / 2 + 1, frames) from mel bands.

        Uses Lee and Seung's multiplicative updates, starting from the transposed filters.
        """
        filters, mel = self.filters(log_mel.device), log_mel.exp()
        up = filters.T @ mel
        guess = (filters.T / filters.T.sum(1, keepdim=True).clamp(min=1e-8)) @ mel + FLOOR
        for _ in range(rounds):
            guess = guess * up / (filters.T @ (filters @ guess)).clamp(min=FLOOR**2)
        return guess

    def griffin_lim(self, magnitudes: Tensor, rounds: int = 60) -> Tensor:
        """Estimate waveforms (..., n) from magnitudes by the Griffin-Lim algorithm (1984), with momentum.

        Initial phases are random, but the same in every call.
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
    """Return the periodic Hann window."""
    return torch.hann_window(length, device=device)


@functools.lru_cache(maxsize=16)
def mel_filters(rate: int, n_fft: int, bands: int, device: str) -> Tensor:
    """Compute triangular mel filters over the bins of a spectrum, each of sum one, (bands, n_fft / 2 + 1).

    Bands narrower than a bin are widened to one bin on either side, so that none is empty.
    """
    top = 2595 * math.log10(1 + rate / 1400)
    edges = 700 * (10 ** (torch.linspace(0, top, bands + 2, dtype=torch.float64) / 2595) - 1)
    frequency, step = torch.linspace(0, rate / 2, n_fft // 2 + 1, dtype=torch.float64), rate / n_fft
    below = (edges[1:-1] - edges[:-2]).clamp(min=step)[:, None]
    above = (edges[2:] - edges[1:-1]).clamp(min=step)[:, None]
    distance = frequency - edges[1:-1, None]
    triangles = (1 - torch.where(distance < 0, -distance / below, distance / above)).clamp(min=0)
    return (triangles / triangles.sum(1, keepdim=True)).float().to(device)


def mu_law_compress(waves: Tensor, mu: float) -> Tensor:
    """Compress waveforms in [-1, 1] by the mu-law curve, which amplifies quiet parts; mu = 0 returns them unchanged."""
    if not mu:
        return waves
    wide = _wide(waves)
    return (wide.sign() * torch.log1p(mu * wide.abs()) / math.log1p(mu)).to(waves.dtype)


def mu_law_expand(compressed: Tensor, mu: float) -> Tensor:
    """The inverse of `mu_law_compress`."""
    if not mu:
        return compressed
    wide = _wide(compressed)
    return (wide.sign() * torch.expm1(wide.abs() * math.log1p(mu)) / mu).to(compressed.dtype)


def _wide(x: Tensor) -> Tensor:
    """Convert to double precision, so that 24 bits are preserved; not on Apple's GPUs, which don't support it."""
    return x if x.device.type == "mps" else x.double()


def mu_law(waves: Tensor, levels: int = 256) -> Tensor:
    """Quantise waveforms in [-1, 1] to levels 0 ... levels - 1 by ITU-T G.711's mu-law curve, mu = levels - 1."""
    return torch.round((mu_law_compress(waves.clamp(-1, 1), levels - 1) + 1) / 2 * (levels - 1)).long()


def mu_law_inverse(codes: Tensor, levels: int = 256) -> Tensor:
    """Convert levels to waveforms, float32: the middle of each level."""
    return mu_law_expand(2 * codes.float() / (levels - 1) - 1, levels - 1)
