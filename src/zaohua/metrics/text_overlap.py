"""Verbatim overlap of texts with a corpus: the passages that a language model copied.

A passage of n characters is looked up by its 64-bit hash, hash(x) = sum_i r(x_i) B^-i mod 2^64, with a random number
r per character (Karp and Rabin, "Efficient randomized pattern-matching algorithms", 1987). The corpus is read in chunks
and only the hashes of the texts are stored, so memory doesn't depend on the size of the corpus. The probability of any
false match is below 10^-6 for texts of 10^5 characters and a corpus of 10^8.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

BASE = np.uint64(0x9E3779B97F4A7C15)
"""Base of the hash: odd, so that it has an inverse mod 2^64."""
INVERSE = np.uint64(pow(int(BASE), -1, 1 << 64))
SEPARATOR = "\uffff"
"""Character put between texts; no text contains it, so no passage spans two texts."""
CHUNK = 1 << 20
"""Number of corpus characters that are hashed at once."""
BITS = 22
"""Leading bits of a hash that the first, quick look-up uses."""


@dataclass(frozen=True)
class TextOverlap:
    """Passages of texts that also occur verbatim in a corpus.

    Attributes:
        n: minimum length of a passage, in characters.
        characters: number of characters of all texts.
        fraction: fraction of all characters that belong to a passage of n or more characters found in the corpus.
        fractions: the same fraction for each text.
        sizes: number of characters of each text.
        longest: length of the longest passage found in the corpus, whatever n is.
        example: the longest passage.
    """

    n: int
    characters: int
    fraction: float
    fractions: tuple[float, ...]
    sizes: tuple[int, ...]
    longest: int
    example: str


def text_overlap(texts: Sequence[str], corpus: Iterable[str], n: int = 30) -> TextOverlap:
    """Measure how much of some texts occurs verbatim in a corpus.

    Args:
        texts: the texts to check, such as samples of a model.
        corpus: consecutive chunks of text, with `SEPARATOR` between two texts; iterated several times.
        n: minimum length of a passage, in characters; at least 1.
    """
    points = _points(SEPARATOR.join(texts) + SEPARATOR)
    starts = _find_passages(points, corpus, n)
    marks = np.zeros(len(points) + 1, np.int64)
    np.add.at(marks, np.flatnonzero(starts), 1)
    np.add.at(marks, np.flatnonzero(starts) + n, -1)
    covered = np.cumsum(marks)[:-1] > 0
    ends = np.cumsum([len(text) + 1 for text in texts])
    each = [covered[end - len(text) - 1 : end - 1] for text, end in zip(texts, ends, strict=True)]
    fractions = tuple(float(part.mean()) if len(part) else 0.0 for part in each)
    longest, index = _longest(points, corpus, max(map(len, texts), default=0))
    sizes = tuple(map(len, texts))
    total = sum(sizes)
    example = "".join(map(chr, points[index : index + longest].tolist()))
    return TextOverlap(n, total, float(covered.sum()) / max(1, total), fractions, sizes, longest, example)


def _longest(points: np.ndarray, corpus: Iterable[str], most: int) -> tuple[int, int]:
    """Return length and index of the longest passage, by bisection over the length."""
    low, high, index = 0, most, 0
    while low < high:
        n = (low + high + 1) // 2
        starts = np.flatnonzero(_find_passages(points, corpus, n))
        if len(starts):
            low, index = n, int(starts[0])
        else:
            high = n - 1
    return low, index


def _find_passages(points: np.ndarray, corpus: Iterable[str], n: int) -> np.ndarray:
    """Return a mask (number of points,) of the indices where a passage of n characters found in the corpus begins."""
    hashes = rolling_hashes(points, n)
    wanted, indices = np.unique(hashes, return_inverse=True)
    in_corpus = np.zeros(len(wanted), bool)
    has_prefix = np.zeros(1 << BITS, bool)  # leading bits of the wanted hashes: rules out most of the corpus quickly
    has_prefix[wanted >> np.uint64(64 - BITS)] = True
    rest = ""
    for chunk in _rechunk(corpus):
        text = rest + chunk
        some = rolling_hashes(_points(text), n)
        some = some[has_prefix[some >> np.uint64(64 - BITS)]]
        at = np.searchsorted(wanted, some)
        in_corpus[at[wanted[np.minimum(at, len(wanted) - 1)] == some]] = True
        rest = text[max(0, len(text) - n + 1) :] if n > 1 else ""
    out = np.zeros(len(points), bool)
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(points == ord(SEPARATOR))])
    out[: len(hashes)] = in_corpus[indices] & (ends[n:] == ends[: max(0, len(ends) - n)])  # no passage spans two texts
    return out


def _rechunk(corpus: Iterable[str]) -> Iterator[str]:
    """Yield the corpus in chunks of about CHUNK characters."""
    held: list[str] = []
    size = 0
    for text in corpus:
        for start in range(0, len(text), CHUNK):
            held.append(text[start : start + CHUNK])
            size += len(held[-1])
            if size >= CHUNK:
                yield "".join(held)
                held, size = [], 0
    yield "".join(held)


def _points(text: str) -> np.ndarray:
    """Return the code points of a text, uint32."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def rolling_hashes(points: np.ndarray, n: int) -> np.ndarray:
    """Compute the hash of every passage of n characters or other whole numbers, uint64 (len(points) - n + 1,)."""
    count = len(points) - n + 1
    if count < 1:
        return np.zeros(0, np.uint64)
    sums = np.zeros(len(points) + 1, np.uint64)
    powers = np.cumprod(np.concatenate([np.ones(1, np.uint64), np.full(len(points) - 1, INVERSE)]))
    np.cumsum(_mixed(points) * powers, out=sums[1:])  # all arithmetic is mod 2^64
    lifts = np.cumprod(np.concatenate([np.ones(1, np.uint64), np.full(count - 1, BASE)]))
    return (sums[n:] - sums[:count]) * lifts


def _mixed(points: np.ndarray) -> np.ndarray:
    """Map each character to a pseudo-random 64-bit number (the finaliser of splitmix64)."""
    x = (points.astype(np.uint64) + np.uint64(1)) * BASE
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
