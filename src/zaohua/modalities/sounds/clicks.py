"""Clicks in sounds, found by where the wave can't be predicted from its neighbours.

A wave is predicted linearly from the samples before each, and from those behind it. At a click both predictions fail by
far more than usual; each alone also fails next to a click, on the side where the click is among the neighbours.

Source: Vaseghi and Rayner, "Detection and Suppression of Impulsive Noise in Speech Communication Systems", 1990.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

from zaohua.modalities.sounds.sound import Sound

PERIOD = 0.004
"""Seconds of neighbours that a sample is predicted from."""
ORDERS = (8, 64)
"""Least and greatest number of neighbours that a sample is predicted from."""
BLOCK = 32
"""Samples for which one predictor is found, as a multiple of the number of neighbours."""
NEAR = 3
"""Samples between two conspicuous ones that belong to the same click."""
ROUNDS = 4
"""Number of times that predictor and clicks are found in turn."""
MEDIAN = 0.6745
"""Median of the absolute value of a standard normal number."""


def clicks(sound: Sound, threshold: float = 12.0) -> np.ndarray:
    """Return which samples belong to clicks, in any channel, bool (n,).

    Args:
        sound: the sound.
        threshold: multiple of the usual error of prediction from which on a sample is conspicuous.
    """
    low, high = ORDERS
    order = min(max(low, round(PERIOD * sound.rate)), high)
    found = np.zeros(len(sound), bool)
    for wave in sound.samples.reshape(len(sound), sound.channels).T.astype(np.float64):
        found |= _conspicuous(wave - wave.mean() if len(wave) else wave, order, threshold)
    return _closed(found)


def _conspicuous(wave: np.ndarray, order: int, threshold: float) -> np.ndarray:
    """Return the samples of a wave (n,) where both predictions fail, bool (n,)."""
    found = np.zeros(len(wave), bool)
    size = BLOCK * order
    for start in range(0, len(wave), size):
        first, stop = max(0, start - order), min(len(wave), start + size + order)
        block = wave[first:stop]
        if len(block) <= 2 * order or not block.any():
            continue
        quiet = block
        places = np.arange(len(block))
        for _ in range(ROUNDS):  # again without what was conspicuous, by which the predictor was misled
            error = _errors(block, _predictor(quiet, order))
            limit = threshold * max(float(np.median(error)) / MEDIAN, 1e-7)
            usual = error <= limit
            quiet = np.interp(places, places[usual], block[usual])
        found[start : min(start + size, stop)] |= (error > limit)[start - first :][: min(start + size, stop) - start]
    return found


def _predictor(block: np.ndarray, order: int) -> np.ndarray:
    """Return the filter that gives the error of prediction from the samples before, (order + 1,)."""
    windowed = block * np.hanning(len(block))
    spectrum = np.abs(np.fft.rfft(windowed, 2 * len(block))) ** 2
    r = np.fft.irfft(spectrum)[: order + 1]
    r[0] = r[0] * (1 + 1e-6) + 1e-12
    return np.concatenate([[1.0], -solve_toeplitz(r[:-1], r[1:])])


def _errors(block: np.ndarray, predictor: np.ndarray) -> np.ndarray:
    """Return the smaller error of the predictions from before and from behind, (n,); 0 where there are too few."""
    order = len(predictor) - 1
    before, behind = np.abs(lfilter(predictor, 1, block)), np.abs(lfilter(predictor, 1, block[::-1])[::-1])
    before[:order] = behind[:order]
    behind[-order:] = before[-order:]
    return np.asarray(np.minimum(before, behind))


def _closed(found: np.ndarray) -> np.ndarray:
    """Return samples with their neighbours, and with those between them where they are near one another."""
    at = np.flatnonzero(found)
    out = found.copy()
    for a, b in zip(at[:-1], at[1:], strict=True):
        if b - a <= NEAR + 1:
            out[a:b] = True
    return np.asarray(np.convolve(out, np.ones(3), "same")[: len(out)] > 0.5) if len(out) else out
