"""BLEU-4 and CIDEr-D of captions: how much they have in common with what people wrote.

**BLEU** (Papineni et al., "BLEU: a method for automatic evaluation of machine translation", 2002): the geometric mean
of the fractions of a corpus's 1- to 4-grams that stand in the references, each counted as often as in one of them at
most, times a penalty for texts shorter than the references of the nearest length. Without smoothing it is 0 if no
4-gram is right. Intervals are a bootstrap over texts (Koehn, "Statistical significance tests for machine translation
evaluation", 2004).

**CIDEr-D** (Vedantam, Zitnick and Parikh, "CIDEr: Consensus-based image description evaluation", 2015): ten times the
cosine between a caption and each reference, as vectors of n-grams weighted by how rare they are among the references of
all pictures; counts are clipped and differences of length punished. It is the mean over references, over n = 1 to 4 and
over pictures, so at most 10. One depends on what else is captioned: compare models by the same pictures. N-grams of all
pictures weigh nothing, so a single picture has 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.core.seeds import RandomState
from zaohua.metrics.intervals import Interval, bootstrap
from zaohua.metrics.words import check_pairs, words_of

ORDERS = 4
"""Longest n-grams."""
SIGMA = 6.0
"""Standard deviation of the lengths that CIDEr-D allows, in words."""
Grams = Counter[tuple[str, ...]]


def bleu(texts: Sequence[str], references: Sequence[Sequence[str]], random_state: RandomState = 0) -> Interval:
    """Compute the BLEU-4 of a corpus, from 0 to 1, with its 95 % interval.

    Args:
        texts: captions that a model wrote.
        references: one or more right ones for each.
        random_state: seed of the interval.

    Raises:
        ZaohuaError: a text has no reference.
    """
    _check(texts, references)
    counts = np.array([matches(text, right) for text, right in zip(texts, references, strict=True)])
    return bootstrap(counts, bleu_of, random_state)


def cider(texts: Sequence[str], references: Sequence[Sequence[str]], random_state: RandomState = 0) -> Interval:
    """Compute the CIDEr-D of a corpus, from 0 to 10, with its 95 % interval; the arguments are those of `bleu`.

    The interval takes the weights of the n-grams as given.
    """
    scores = cider_of_each(texts, references)
    return bootstrap(
        np.column_stack([scores, np.ones(len(scores))]), lambda sums: sums[..., 0] / sums[..., 1], random_state
    )


def cider_of_each(texts: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """Compute the CIDEr-D of each text, float64 (n,); the arguments are those of `bleu`."""
    _check(texts, references)
    right = [[_grams(text) for text in some] for some in references]
    seen: Counter[tuple[str, ...]] = Counter(gram for some in right for gram in set().union(*some))
    weights = {gram: math.log(len(texts)) - math.log(count) for gram, count in seen.items()}
    rarest = math.log(len(texts))

    def vectors(grams: Grams) -> list[dict[tuple[str, ...], float]]:
        found: list[dict[tuple[str, ...], float]] = [{} for _ in range(ORDERS)]
        for gram, count in grams.items():
            found[len(gram) - 1][gram] = count * weights.get(gram, rarest)
        return found

    scores = []
    for text, some in zip(texts, right, strict=True):
        grams = _grams(text)
        mine = vectors(grams)
        scores.append(np.mean([_similarity(mine, vectors(other), _length(grams) - _length(other)) for other in some]))
    return 10 * np.array(scores)


def _check(texts: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    check_pairs(texts, references)
    for i, some in enumerate(references):
        if isinstance(some, str) or not some:
            raise ZaohuaError(f"references[{i}] must be a list of one or more texts, not {some!r:.60}")


def _grams(text: str) -> Grams:
    """Count the 1- to 4-grams of a text."""
    words = words_of(text)
    return Counter(tuple(words[i : i + n]) for n in range(1, ORDERS + 1) for i in range(len(words) - n + 1))


# ---- BLEU


def matches(text: str, references: Iterable[str]) -> list[int]:
    """Return the right n-grams and all n-grams of a text for each n, its words, and those of the nearest reference."""
    grams, right = _grams(text), Counter[tuple[str, ...]]()
    length, lengths = len(words_of(text)), [len(words_of(reference)) for reference in references]
    for reference in references:
        right |= _grams(reference)  # the most of any reference
    found = [0] * ORDERS
    for gram, count in (grams & right).items():
        found[len(gram) - 1] += count
    totals = [max(0, length - n) for n in range(ORDERS)]
    return [*found, *totals, length, min(lengths, key=lambda other: (abs(other - length), other))]


def bleu_of(sums: np.ndarray) -> np.ndarray:
    """Return BLEU of sums of `matches` (..., 2 ORDERS + 2); 0 if no n-gram of an order is right."""
    found, totals = sums[..., :ORDERS], sums[..., ORDERS : 2 * ORDERS]
    length, nearest = sums[..., -2], sums[..., -1]
    with np.errstate(divide="ignore"):
        logs = np.log(found / np.maximum(1, totals)).mean(-1)
    shorter = np.minimum(0, 1 - nearest / np.maximum(1, length))
    return np.asarray(np.exp(logs + shorter))


# ---- CIDEr-D


def _length(grams: Grams) -> int:
    """Return the number of pairs of neighbouring words, which the authors' program takes for the length."""
    return sum(count for gram, count in grams.items() if len(gram) == 2)


def _similarity(
    mine: Sequence[dict[tuple[str, ...], float]], other: Sequence[dict[tuple[str, ...], float]], longer: int
) -> float:
    """Return the mean over n of the cosines of clipped counts, with the penalty for another length."""
    total = 0.0
    for a, b in zip(mine, other, strict=True):
        common = sum(min(value, b[gram]) * b[gram] for gram, value in a.items() if gram in b)
        norms = math.sqrt(sum(value**2 for value in a.values()) * sum(value**2 for value in b.values()))
        total += common / norms if norms else 0.0
    return total / ORDERS * math.exp(-(longer**2) / (2 * SIGMA**2))
