"""Interpolation of short gaps by an autoregressive model of what surrounds them.

A wave x is predicted from the p samples before each, with errors e_t = sum_k a_k x_(t-k), a_0 = 1. Given a, the gap's
best samples are their mean given the rest, if the errors are normal; given these, a follows from the autocorrelation of
the wave. Both are repeated in turn.

Source: Janssen, Veldhuis and Vries, "Adaptive Interpolation of Discrete-Time Signals That Can Be Modeled as
Autoregressive Processes", 1986.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_toeplitz, solveh_banded

CONTEXT = 4
"""Number of samples on either side of a gap that are looked at, as a multiple of the order: a voice changes soon."""
LONG = 16
"""Half of the greatest length of a gap that is filled as a whole, as a multiple of the order."""
ROUNDS = 3
"""Number of times that the model and the samples are estimated in turn."""
RIDGE = 1e-6
"""Noise that is added to the autocorrelation, as a fraction of the power, so that silence and pure tones have one."""


def interpolated(wave: np.ndarray, gaps: np.ndarray, order: int) -> np.ndarray:
    """Fill the gaps of a wave, float64 (n,); all other samples are returned as they are.

    Gaps that are nearer to each other than the order are filled together.

    Args:
        wave: samples, (n,); those in gaps are ignored.
        gaps: True for samples to fill, bool (n,).
        order: number of samples that a sample is predicted from.
    """
    out = np.where(gaps, 0.0, np.asarray(wave, np.float64))
    reach, long = CONTEXT * order, LONG * order
    for start, stop in runs(gaps, order):
        pieces = [(start, stop)]
        if stop - start > 2 * long and gaps[start:stop].all():  # silence in the middle, to which both ends are faded
            pieces = [(start, start + long), (stop - long, stop)]
        for first, last in pieces:
            low = max(0, first - reach) if first == start else first
            high = min(len(out), last + reach) if last == stop else last
            part, missing = out[low:high].copy(), gaps[low:high].copy()
            missing[: first - low] = missing[last - low :] = False  # those have their own turn
            out[low:high] = _filled(part, missing, min(order, (len(part) - 1) // 3))
        if len(pieces) > 1:
            out[start : start + long] *= np.linspace(1, 0, long)
            out[stop - long : stop] *= np.linspace(0, 1, long)
    return out


def runs(gaps: np.ndarray, apart: int = 1) -> list[tuple[int, int]]:
    """Return the first sample of each gap and the one after its last; gaps nearer than `apart` samples are one.

    Args:
        gaps: True for samples in gaps, bool (n,).
        apart: least number of samples between two.
    """
    inside = np.flatnonzero(gaps)
    if not len(inside):
        return []
    breaks = np.flatnonzero(np.diff(inside) > apart)
    firsts, lasts = inside[np.append(0, breaks + 1)], inside[np.append(breaks, len(inside) - 1)]
    return [(int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True)]


def _filled(part: np.ndarray, missing: np.ndarray, order: int) -> np.ndarray:
    """Fill the missing samples of a part of a wave, which is changed and returned."""
    if order < 1 or not part.any():
        return part
    for _ in range(ROUNDS):
        part[missing] = least_errors(part, missing, coefficients(part, order))
    return part


def coefficients(wave: np.ndarray, order: int) -> np.ndarray:
    """Estimate a_0 = 1, a_1 ... a_order of a wave by the autocorrelation method, float64 (order + 1,)."""
    n = 1 << (2 * len(wave) - 1).bit_length()
    power = np.fft.irfft(np.abs(np.fft.rfft(wave, n)) ** 2, n)[: order + 1]
    power[0] = power[0] * (1 + RIDGE) + 1e-30
    return np.append(1.0, -solve_toeplitz(power[:-1], power[1:]))


def least_errors(wave: np.ndarray, missing: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Return the mean of the missing samples given the others, float64 (number missing,).

    It solves Q_mm x_m = -Q_mk x_k, where Q is the inverse covariance of the process, up to a factor:
    Q_ij = sum_k a_k a_(k+j-i) for i <= j, over k up to i, n - 1 - j and p - j + i (Siddiqui, "On the inversion of the
    sample covariance matrix in a stationary autoregressive process", 1958). So gaps at the ends are right, too.

    Args:
        wave: samples, (n,), at least twice as many as coefficients.
        missing: True for samples to find, bool (n,).
        a: coefficients, (order + 1,).
    """
    order, n = len(a) - 1, len(wave)
    known, pulled, bands = np.where(missing, 0.0, wave), np.zeros(n), np.zeros((order + 1, n))
    for lag in range(order + 1):
        i = np.arange(n - lag)
        sums = np.cumsum(a[: order + 1 - lag] * a[lag:])
        bands[lag, i] = sums[np.minimum(np.minimum(i, i[::-1]), order - lag)]
        pulled[i] += bands[lag, i] * known[lag:]
        if lag:
            pulled[lag:] += bands[lag, i] * known[i]
    places = np.flatnonzero(missing)
    part = slice(int(places[0]), int(places[-1]) + 1)
    found, width = missing[part], min(order, part.stop - part.start - 1) + 1
    system, right = bands[:width, part], np.where(found, -pulled[part], 0.0)
    for lag in range(width):  # known samples between missing ones have rows of their own: 1 x = 0
        ends = np.append(found[lag:], np.zeros(lag, bool))
        system[lag] = np.where(found & ends, system[lag], 0.0 if lag else 1.0)
    return np.asarray(solveh_banded(system, right, lower=True, check_finite=False)[found])
