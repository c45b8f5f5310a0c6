r"""Exposure of a secret in a model of texts: how far its likelihood stands out among all that it could have been.

    exposure = log2 |R| - log2 rank

of the secret among the |R| texts of the same form, ordered by their negative log-likelihoods. A secret that the model
doesn't know has an exposure of 1.4 on average, and log2 |R| says that it is the likeliest of all. Where not all of R
can be scored, a skew-normal distribution is fitted to the negative log-likelihoods of some, and the rank is what it
says, within about two bits. The estimate is never above log2 |R|.

Source: Carlini et al., "The Secret Sharer", arXiv:1802.08232.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from zaohua.core.errors import ZaohuaError

LEAST = 100
"""Minimum number of other texts for a distribution to be fitted."""


@dataclass(frozen=True)
class Exposure:
    """Result of `exposure`.

    Attributes:
        bits: exposure of the secret.
        most: log2 |R|, the largest possible exposure.
        method: "enumeration" if all possible texts were scored, else "skew-normal".
        scored: number of texts that were scored.
        rank: rank of the secret among these, 1 for the likeliest.
    """

    bits: float
    most: float
    method: Literal["enumeration", "skew-normal"]
    scored: int
    rank: int


def exposure(secret: float, others: ArrayLike, possible: int) -> Exposure:
    """Compute the exposure of a secret.

    Args:
        secret: its negative log-likelihood.
        others: those of other texts that it could have been: all of them, or some that were drawn at random, (n,).
        possible: |R|, the number of texts that it could have been, itself included.

    Raises:
        ZaohuaError: the others are too few for a distribution, or more than there can be.
    """
    from scipy.stats import skewnorm

    x = np.asarray(others, np.float64)
    if not np.isfinite(x).all() or not math.isfinite(secret):
        raise ZaohuaError("negative log-likelihoods of a secret and of others must be finite")
    most, rank = math.log2(possible), 1 + int((x < secret).sum())
    if len(x) + 1 >= possible:
        if len(x) + 1 > possible:
            raise ZaohuaError(f"{len(x):,} other texts are given, and only {possible - 1:,} are possible")
        return Exposure(most - math.log2(rank), most, "enumeration", possible, rank)
    if len(x) < LEAST:
        raise ZaohuaError(f"{len(x)} other texts are too few to estimate an exposure: at least {LEAST} are needed")
    if x.std() == 0:
        bits = most if secret < x[0] else 0.0
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about steps of the search for the shape
            fitted = skewnorm.fit(x)
        bits = -float(skewnorm.logcdf(secret, *fitted)) / math.log(2)
    return Exposure(min(most, max(0.0, bits)), most, "skew-normal", len(x) + 1, rank)
