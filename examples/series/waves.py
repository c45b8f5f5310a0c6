"""A data set that is made in code: damped oscillations, heartbeats, and an AR(2) process whose spectrum is known."""

from __future__ import annotations

from typing import Any

import numpy as np

KINDS = ("damped", "pulse", "ar2")
LENGTH = 128
SIZES = {"train": 4000, "test": 1000}
POLE, TURN = 0.95, 0.1
"""Of AR(2): the radius of its two poles, and their angle in turns per moment."""
AR = (2 * POLE * np.cos(2 * np.pi * TURN), -(POLE**2))
"""x[t] = AR[0] x[t-1] + AR[1] x[t-2] + noise[t]."""


def make(n: int, length: int = LENGTH, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """Return n series of two channels, float32 (n, length, 2), and what each is.

    The second channel is the first one 4 moments ago, halved, with a little noise: models must keep them in step.
    """
    rng = np.random.default_rng(seed)
    labels = [KINDS[i] for i in rng.integers(len(KINDS), size=n)]
    makers = {"damped": _damped, "pulse": _pulse, "ar2": _ar2}
    first = np.stack([makers[label](length + 4, rng) for label in labels])
    second = 0.5 * first[:, :-4] + 0.02 * rng.standard_normal((n, length))
    return np.stack([first[:, 4:], second], axis=2).astype(np.float32), labels


def load(entry: Any, split: str) -> tuple[np.ndarray, list[str]]:
    """Return a split of the data set, as `zaohua.datasets` asks for it."""
    return make(SIZES[split], seed=list(SIZES).index(split))


def periodogram(series: np.ndarray) -> np.ndarray:
    """Return |Fourier transform|^2 / length of series (..., length) at whole turns over the length from 0 to half."""
    return np.abs(np.fft.rfft(series)) ** 2 / series.shape[-1]


def expected_periodogram(length: int) -> np.ndarray:
    """Return the mean of `periodogram` over all AR(2) series: their spectrum, blurred because series are cut off."""
    z = np.exp(-2j * np.pi * np.arange(4096) / 4096)
    spectrum = 1 / np.abs(1 - AR[0] * z - AR[1] * z**2) ** 2
    covariance = np.fft.ifft(spectrum / spectrum.mean()).real  # of x[t] and x[t + lag], by lag; 1 for none
    lags = np.arange(length)
    weighted = covariance[:length] * (1 - lags / length)
    return 2 * np.fft.rfft(weighted).real - 1


def _damped(length: int, rng: np.random.Generator) -> np.ndarray:
    """A sine that begins at a random moment and fades."""
    t = np.arange(length) - rng.uniform(0, length / 4)
    wave = np.sin(2 * np.pi * rng.uniform(0.04, 0.1) * t) * np.exp(-t / rng.uniform(20, 50))
    return np.where(t > 0, rng.uniform(1, 2) * wave, 0.0)


def _pulse(length: int, rng: np.random.Generator) -> np.ndarray:
    """Heartbeats: in each a wave, a spike with a dip on either side, and a slower wave."""
    period, size = rng.uniform(30, 45), rng.uniform(1.5, 2.5)
    t = (np.arange(length) + rng.uniform(0, period)) % period / period
    waves = ((0.2, 0.03, 0.12), (0.32, 0.013, -0.15), (0.36, 0.016, 1.0), (0.4, 0.013, -0.25), (0.62, 0.05, 0.3))
    return size * sum(height * np.exp(-(((t - at) / width) ** 2) / 2) for at, width, height in waves)


def _ar2(length: int, rng: np.random.Generator) -> np.ndarray:
    """The process in its stationary state, with variance 1."""
    x = np.zeros(length + 200)
    for t, e in enumerate(rng.standard_normal(len(x) - 2), start=2):
        x[t] = AR[0] * x[t - 1] + AR[1] * x[t - 2] + e
    power = (1 - AR[1]) / ((1 + AR[1]) * ((1 - AR[1]) ** 2 - AR[0] ** 2))
    return x[200:] / np.sqrt(power)
