"""Word and character error rate of recognised speech, or of any text that has one right answer.

The rate is the least number of substitutions, deletions and insertions that turn the references into the texts
(Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals", 1966), divided by the number of
words of all references. It can exceed 1. The interval is a bootstrap over texts (Bisani and Ney, "Bootstrap estimates
for confidence intervals in ASR performance evaluation", 2004).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from zaohua.core.errors import ZaohuaError
from zaohua.core.seeds import RandomState
from zaohua.metrics.intervals import Interval, bootstrap
from zaohua.metrics.words import check_pairs, words_of


@dataclass(frozen=True)
class Errors:
    """Errors of texts.

    Attributes:
        rate: errors divided by `length`, with its 95 % interval.
        substitutions, deletions, insertions: number of each; deletions are what only the references have. Where
            several ways are equally short, their sum is the same, and these are those of `edits`.
        length: number of words, or of characters, of the references.
    """

    rate: Interval
    substitutions: int
    deletions: int
    insertions: int
    length: int


def word_errors(texts: Sequence[str], references: Sequence[str], random_state: RandomState = 0) -> Errors:
    """Compute the word error rate; of Chinese and Japanese the words are characters (see `words_of`).

    Args:
        texts: what was recognised.
        references: what was said, one for each.
        random_state: seed of the interval.

    Raises:
        ZaohuaError: the numbers differ, or the references have no words.
    """
    check_pairs(texts, references)
    return _errors(list(map(words_of, texts)), list(map(words_of, references)), random_state)


def character_errors(texts: Sequence[str], references: Sequence[str], random_state: RandomState = 0) -> Errors:
    """Compute the character error rate. A space is a character, except at the ends; the arguments are the same."""
    check_pairs(texts, references)
    return _errors([list(text.strip()) for text in texts], [list(text.strip()) for text in references], random_state)


def _errors(texts: Sequence[list[str]], references: Sequence[list[str]], random_state: RandomState) -> Errors:
    counts = np.array([[*edits(said, text), len(said)] for text, said in zip(texts, references, strict=True)])
    substitutions, deletions, insertions, length = counts.sum(0).tolist()
    if not length:
        raise ZaohuaError("the references are empty: there is nothing to recognise")
    rate = bootstrap(counts, lambda sums: sums[..., :3].sum(-1) / np.maximum(1, sums[..., 3]), random_state)
    return Errors(rate, substitutions, deletions, insertions, length)


def edits(before: Sequence[Hashable], after: Sequence[Hashable]) -> tuple[int, int, int]:
    """Return the substitutions, deletions and insertions of a shortest way from a sequence to another one.

    Of equally short ways it is the one that jiwer counts: read from the end, a deletion comes first, then a change, and
    an insertion only where it must be.
    """
    costs = _distances(before, after)
    i, j = len(before), len(after)
    counts = [0, 0, 0]
    while i and j:
        if costs[i, j] == costs[i - 1, j] + 1:
            i, counts[1] = i - 1, counts[1] + 1
        elif costs[i, j - 1] < costs[i - 1, j - 1]:
            j, counts[2] = j - 1, counts[2] + 1
        else:
            i, j = i - 1, j - 1
            counts[0] += int(before[i] != after[j])
    return counts[0], counts[1] + i, counts[2] + j


def _distances(before: Sequence[Hashable], after: Sequence[Hashable]) -> np.ndarray:
    """Return the edit distances between the beginnings of two sequences, int64 (n + 1, m + 1)."""
    numbers: dict[Hashable, int] = {}
    a, b = (np.array([numbers.setdefault(x, len(numbers)) for x in part], np.int64) for part in (before, after))
    places = np.arange(len(b) + 1)
    rows = [places]
    for element in a:
        above = rows[-1] + 1
        above[1:] = np.minimum(above[1:], rows[-1][:-1] + (b != element))
        rows.append(np.minimum.accumulate(above - places) + places)  # insertions, from left to right
    return np.stack(rows)
