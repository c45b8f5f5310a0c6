"""Comparison of texts with those that people gave the same conditions, such as the captions of a picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from zaohua.evaluation.given import numbers_of
from zaohua.metrics.captions import cider_of_each, matches

MANY = 10
"""Mean number of texts of a condition above which its texts aren't what a sample should say, but examples."""


class WordForWord:
    """BLEU-4, CIDEr-D and equality with the texts of the same condition.

    Args:
        texts: test texts.
        numbers: a number for the condition of each, the same for equal ones.
    """

    def __init__(self, texts: Sequence[str], numbers: np.ndarray):
        self._texts, self._numbers = texts, numbers
        self._right: defaultdict[int, list[int]] = defaultdict(list)
        for row, number in enumerate(numbers.tolist()):
            self._right[number].append(row)

    @classmethod
    def of(cls, texts: Sequence[str], conditions: Sequence[object]) -> WordForWord | None:
        """Return a comparison, or None if many texts have the same condition."""
        numbers = numbers_of(conditions)
        return cls(texts, numbers) if len(numbers) <= MANY * len(set(numbers.tolist())) else None

    def counts(self, samples: Sequence[str], rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return the counts of samples, made for the conditions of the texts at `rows`."""
        return _counts(samples, [[self._texts[i] for i in self._right[self._numbers[row]]] for row in rows])

    def among_themselves(self) -> dict[str, np.ndarray]:
        """Return the counts of each text against the others of its condition; of none if some have no other."""
        others = [[self._texts[i] for i in self._right[number] if i != row] for row, number in enumerate(self._numbers)]
        return _counts(self._texts, others) if all(others) else {}


def _counts(texts: Sequence[str], right: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
    one = np.ones(len(texts))
    exact = [text.strip() in {other.strip() for other in others} for text, others in zip(texts, right, strict=True)]
    return {
        "bleu": np.array([matches(text, others) for text, others in zip(texts, right, strict=True)], np.float64),
        "cider": np.stack([cider_of_each(texts, right), one], 1),
        "exact_match": np.stack([exact, one], 1).astype(np.float64),
    }
