r"""Lower bound of epsilon from one training, by canaries that were included by coin flips.

Each of m canaries is added to the training data or not, by a fair coin. Whoever sees the model guesses the coins, and
may abstain. If training is epsilon-differentially private then each guess is right with a probability of at most
q = e^epsilon / (1 + e^epsilon), whatever the others are. So of r guesses, the number W of right ones has

    P(W >= v)  <=  P(B >= v) + 2 m delta max_i P(v > B >= v - i) / i,      B ~ Binomial(r, q)

for (epsilon, delta). The largest epsilon that this refutes with a probability of error of 5 % is a lower bound.
Source: Steinke, Nasr and Jagielski, "Privacy Auditing with One (1) Training Run", arXiv:2305.08846, theorem 5.2.

The guesses are the canaries with the highest scores (included) and with the lowest ones (left out). How many are
guessed is chosen by the result, among `SHARES` of all, and the probability of error is divided by their number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from zaohua.core.errors import ZaohuaError
from zaohua.core.seeds import generator_of

SHARES = (0.02, 0.05, 0.1, 0.3, 1.0)
"""Shares of the canaries that are guessed, of which the best counts."""
ERROR = 0.05
"""Probability that the bound is above the true epsilon."""
MOST, BISECTIONS = 64.0, 40
"""Largest bound that is looked for, and the number of bisections."""


@dataclass(frozen=True)
class EpsilonBound:
    """Result of `epsilon_bound`.

    Attributes:
        epsilon: lower bound, which holds with a probability of 95 %; 0 if nothing is refuted.
        delta: the delta that it goes with.
        canaries: number of canaries.
        guesses: number of canaries that were guessed.
        right: number of right guesses.
    """

    epsilon: float
    delta: float
    canaries: int
    guesses: int
    right: int


def epsilon_bound(scores: ArrayLike, included: ArrayLike, delta: float = 0.0, random_state: int = 0) -> EpsilonBound:
    """Compute the lower bound of epsilon that guesses by scores give.

    Args:
        scores: a score of each canary, (m,), higher if it was more likely included. It must not depend on the coins
            other than through the model.
        included: the coin of each canary, bool (m,).
        delta: of the guarantee that is tested.
        random_state: seed by which ties are broken.

    Raises:
        ZaohuaError: the arrays differ in length, or are empty.
    """
    x, coins = np.asarray(scores, np.float64), np.asarray(included, bool)
    if x.ndim != 1 or x.shape != coins.shape or not len(x):
        raise ZaohuaError(f"a score and a coin of each canary are needed, not {x.shape} and {coins.shape}")
    order = np.lexsort((generator_of(random_state).random(len(x)), x))
    sorted_coins, m = coins[order], len(x)
    found = list[tuple[float, float, EpsilonBound]]()
    for size in dict.fromkeys(max(1, round(share * m / 2)) for share in SHARES):
        low, high = sorted_coins[: min(size, m // 2)], sorted_coins[max(m - size, m // 2) :]
        guesses, right = len(low) + len(high), int((~low).sum() + high.sum())
        bound = bound_of(m, guesses, right, delta, ERROR / len(SHARES))
        found.append((bound, -p_value(m, guesses, right, 0.0, delta), EpsilonBound(bound, delta, m, guesses, right)))
    return max(found, key=lambda one: one[:2])[2]


def bound_of(m: int, guesses: int, right: int, delta: float = 0.0, error: float = ERROR) -> float:
    """Return the largest epsilon that a number of right guesses refutes; 0 if there is none.

    Args:
        m: number of canaries.
        guesses: number of guesses.
        right: number of right guesses.
        delta: of the guarantee.
        error: probability with which a true guarantee may be refuted.
    """
    if p_value(m, guesses, right, 0.0, delta) > error:
        return 0.0
    low, high = 0.0, MOST
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if p_value(m, guesses, right, middle, delta) <= error else (low, middle)
    return low


def p_value(m: int, guesses: int, right: int, epsilon: float, delta: float = 0.0) -> float:
    """Return the largest probability of so many right guesses under (epsilon, delta)-differential privacy.

    Args:
        m: number of canaries.
        guesses: number of guesses, from 0 to m.
        right: number of right guesses.
        epsilon, delta: the guarantee.
    """
    from scipy.stats import binom

    if not 0 <= right <= guesses <= m:
        raise ZaohuaError(f"{right} right ones of {guesses} guesses about {m} canaries can't be")
    q = 1 / (1 + math.exp(-epsilon))
    p = float(binom.sf(right - 1, guesses, q))
    if delta and right:
        below = np.cumsum(binom.pmf(np.arange(right - 1, -1, -1), guesses, q))  # P(v > B >= v - i), i = 1 ... v
        p += 2 * m * delta * float((below / np.arange(1, right + 1)).max())
    return min(1.0, p)
