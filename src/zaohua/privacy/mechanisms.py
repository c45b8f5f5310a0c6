"""Noise that makes counts private, drawn exactly: with whole numbers only, from the operating system's randomness.

Floating-point noise is distinguishable in its last bits (Mironov, "On Significance of the Least Significant Bits for
Differential Privacy", 2012). Here all chances are fractions of whole numbers, so the distributions are the stated ones.
The numbers never come from a seed: whoever knew it could subtract the noise.

Source: Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy", 2020, algorithms 1 to 3.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

GRAIN = 16
"""Variances are multiples of 1 / GRAIN and epsilons of 1 / GRAIN^4, rounded to the private side."""
SYSTEM = random.SystemRandom()
"""The operating system's random numbers."""


def happens(rate: Fraction, rng: random.Random = SYSTEM) -> bool:
    """Return True with probability exp(-rate), for a rate of at least 0."""
    for _ in range(rate.numerator // rate.denominator):
        if not _happens_once(1, 1, rng):
            return False
    return _happens_once(rate.numerator % rate.denominator, rate.denominator, rng)


def _happens_once(numerator: int, denominator: int, rng: random.Random) -> bool:
    """Return True with probability exp(-numerator / denominator), for a fraction of at most 1."""
    k = 1
    while rng.randrange(denominator * k) < numerator:
        k += 1
    return k % 2 == 1


def discrete_laplace(scale: int, rng: random.Random = SYSTEM) -> int:
    """Draw a whole number x with probability proportional to exp(-|x| / scale)."""
    while True:
        low = rng.randrange(scale)
        if not _happens_once(low, scale, rng):
            continue
        high = 0
        while _happens_once(1, 1, rng):
            high += 1
        x, negative = low + scale * high, rng.getrandbits(1)
        if not (negative and x == 0):
            return -x if negative else x


def discrete_gaussian(variance: Fraction, rng: random.Random = SYSTEM) -> int:
    """Draw a whole number x with probability proportional to exp(-x^2 / (2 variance))."""
    a, b = variance.numerator, variance.denominator
    scale = math.isqrt(a // b) + 1
    while True:
        x = discrete_laplace(scale, rng)
        away = abs(x) * scale * b - a  # times 1 / (scale b)
        if happens(Fraction(away * away, 2 * a * b * scale * scale), rng):
            return x


def noisy(counts: np.ndarray, rho: float, rng: random.Random = SYSTEM) -> tuple[np.ndarray, float]:
    """Add discrete Gaussian noise to counts, at a cost of at most rho if one row changes one count by one.

    Returns:
        The counts, float64 of the same shape, which may be negative; and the variance of the noise.
    """
    variance = Fraction(max(1, math.ceil(GRAIN / (2 * rho))), GRAIN)
    noise = [discrete_gaussian(variance, rng) for _ in range(counts.size)]
    return counts + np.array(noise, dtype=np.float64).reshape(counts.shape), float(variance)


def choose(scores: Sequence[int], epsilon: float, rng: random.Random = SYSTEM) -> int:
    """Choose the index of one of some scores, with probability proportional to exp(epsilon score / 2).

    It is epsilon-private, and epsilon^2 / 8-zCDP, if one row changes each score by at most one. An index is drawn
    evenly and accepted with a chance of exp(-epsilon (greatest - score) / 2), until one is.
    """
    grains = GRAIN**4
    half = Fraction(math.floor(epsilon * grains), 2 * grains)
    best = max(scores)
    while True:
        index = rng.randrange(len(scores))
        if happens(half * (best - scores[index]), rng):
            return index
