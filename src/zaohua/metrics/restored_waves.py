"""Likeness of waveforms to the very ones that they should be: SI-SDR and the log-spectral distance.

**SI-SDR** (Le Roux, Wisdom, Erdogan and Hershey, "SDR - half-baked or well done?", 2019), in decibels: of waves without
their means, the power of the multiple of the real wave that is nearest to the made one, over that of the rest. A wave
that is only louder or softer than the real one has the greatest value, `MOST`.

**Log-spectral distance** (Gray and Markel, "Distance measures for speech processing", 1976): the root mean square over
frequencies of log10 |S|^2 - log10 |S'|^2, and its mean over frames, where S and S' are Fourier transforms under Hann
windows that overlap by three quarters. Powers below `FLOOR` of the real wave's greatest count as that.
"""

from __future__ import annotations

import numpy as np

MOST = 100.0
"""Greatest SI-SDR, and minus the least, in decibels."""
FLOOR = 1e-8
"""Least power of a frequency, as a fraction of the greatest of the real wave (80 dB below it)."""


def si_sdr(made: np.ndarray, real: np.ndarray) -> float:
    """Compute the scale-invariant signal-to-distortion ratio of a wave in decibels.

    Args:
        made: samples, (n,) or (n, channels), whose channels count together.
        real: what they should be.
    """
    x, y = (np.asarray(wave, np.float64).reshape(len(wave), -1) for wave in (real, made))
    x, y = (x - x.mean(0)).ravel(), (y - y.mean(0)).ravel()
    power = float(x @ x)
    if not power or not y.any():
        return MOST if not power and not y.any() else -MOST
    target = (x @ y) / power * x
    signal, rest = float(target @ target), float(np.square(target - y).sum())
    least = 10 ** (-MOST / 10)
    return float(np.clip(10 * np.log10(max(signal, least * rest) / max(rest, least * signal)), -MOST, MOST))


def log_spectral_distance(made: np.ndarray, real: np.ndarray, window: int) -> float:
    """Compute the log-spectral distance of a wave, in powers of ten.

    Args:
        made: samples, (n,) or (n, channels), whose channels count as frames do.
        real: what they should be.
        window: length of the windows in samples, a multiple of 4; 32 ms are usual for speech.
    """
    power, powers = (_power(wave, window) for wave in (real, made))
    least = max(FLOOR * float(power.max()), np.finfo(np.float64).tiny)
    away = np.log10(np.maximum(power, least)) - np.log10(np.maximum(powers, least))
    return float(np.sqrt(np.square(away).mean(-1)).mean())


def _power(wave: np.ndarray, window: int) -> np.ndarray:
    """Return the powers of the frequencies in each frame, (channels, frames, window / 2 + 1)."""
    waves = np.asarray(wave, np.float64).reshape(len(wave), -1).T
    waves = np.pad(waves, ((0, 0), (0, max(0, window - waves.shape[1]))))
    frames = np.lib.stride_tricks.sliding_window_view(waves, window, axis=1)[:, :: window // 4]
    shape = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    return np.abs(np.fft.rfft(frames * shape)) ** 2
