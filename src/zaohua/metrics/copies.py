"""How much of some texts stands word for word in others: whether a model writes or copies.

A run of n characters is looked up by a 64-bit hash of it: hash(x) = sum_i r(x_i) B^-i mod 2^64, with a random number r
of each character (Karp and Rabin, "Efficient randomized pattern-matching algorithms", 1987). The corpus is read in
pieces and only the hashes of the texts are kept, so memory doesn't depend on its size. That a run counts by mistake
has a probability below 10^-6 for texts of 10^5 and a corpus of 10^8 characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

BASE = np.uint64(0x9E3779B97F4A7C15)
"""An odd number, which has an inverse mod 2^64."""
INVERSE = np.uint64(pow(int(BASE), -1, 1 << 64))
BETWEEN = "\uffff"
"""Put between texts: a character that no text has, so no run goes across."""
PIECE = 1 << 20
"""Characters of the corpus that are looked at together."""
BITS = 22
"""Of a hash, by which it is looked up first."""


@dataclass(frozen=True)
class Copies:
    """What stands word for word in a corpus.

    Attributes:
        n: length from which a run counts.
        characters: of all texts.
        share: of the characters that are part of a run of n or more.
        shares: the same of each text.
        longest: length of the longest run, whatever n is.
        example: the longest run.
    """

    n: int
    characters: int
    share: float
    shares: tuple[float, ...]
    longest: int
    example: str


def copies(texts: Sequence[str], corpus: Iterable[str], n: int = 30) -> Copies:
    """How much of some texts stands word for word in a corpus.

    Args:
        texts: what was made, say.
        corpus: pieces of text that follow one another, with `BETWEEN` between two texts; gone through several times.
        n: characters from which a run counts; at least 1.
    """
    points = _points(BETWEEN.join(texts) + BETWEEN)
    found = _found(points, corpus, n)
    marks = np.zeros(len(points) + 1, np.int64)
    np.add.at(marks, np.flatnonzero(found), 1)
    np.add.at(marks, np.flatnonzero(found) + n, -1)
    covered = np.cumsum(marks)[:-1] > 0
    ends = np.cumsum([len(text) + 1 for text in texts])
    each = [covered[end - len(text) - 1 : end - 1] for text, end in zip(texts, ends, strict=True)]
    shares = tuple(float(part.mean()) if len(part) else 0.0 for part in each)
    longest, place = _longest(points, corpus, max(map(len, texts), default=0))
    total = sum(map(len, texts))
    example = "".join(map(chr, points[place : place + longest].tolist()))
    return Copies(n, total, float(covered.sum()) / max(1, total), shares, longest, example)


def _longest(points: np.ndarray, corpus: Iterable[str], most: int) -> tuple[int, int]:
    """Length and place of the longest run, by halving the lengths that it may have."""
    low, high, place = 0, most, 0
    while low < high:
        n = (low + high + 1) // 2
        found = np.flatnonzero(_found(points, corpus, n))
        if len(found):
            low, place = n, int(found[0])
        else:
            high = n - 1
    return low, place


def _found(points: np.ndarray, corpus: Iterable[str], n: int) -> np.ndarray:
    """Whether the run of n that begins at each place stands in the corpus, bool (number of points,)."""
    hashes = _hashes(points, n)
    wanted, places = np.unique(hashes, return_inverse=True)
    there = np.zeros(len(wanted), bool)
    like = np.zeros(1 << BITS, bool)  # which first bits there are among them: rules out most of the corpus quickly
    like[wanted >> np.uint64(64 - BITS)] = True
    rest = ""
    for piece in _large(corpus):
        text = rest + piece
        some = _hashes(_points(text), n)
        some = some[like[some >> np.uint64(64 - BITS)]]
        at = np.searchsorted(wanted, some)
        there[at[wanted[np.minimum(at, len(wanted) - 1)] == some]] = True
        rest = text[max(0, len(text) - n + 1) :] if n > 1 else ""
    out = np.zeros(len(points), bool)
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(points == ord(BETWEEN))])
    out[: len(hashes)] = there[places] & (ends[n:] == ends[: max(0, len(ends) - n)])  # no run goes across texts
    return out


def _large(corpus: Iterable[str]) -> Iterator[str]:
    """The corpus in pieces of about PIECE characters."""
    held: list[str] = []
    size = 0
    for text in corpus:
        for start in range(0, len(text), PIECE):
            held.append(text[start : start + PIECE])
            size += len(held[-1])
            if size >= PIECE:
                yield "".join(held)
                held, size = [], 0
    yield "".join(held)


def _points(text: str) -> np.ndarray:
    """Code points, uint32."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _hashes(points: np.ndarray, n: int) -> np.ndarray:
    """The hash of every run of n, uint64 (len(points) - n + 1,)."""
    count = len(points) - n + 1
    if count < 1:
        return np.zeros(0, np.uint64)
    sums = np.zeros(len(points) + 1, np.uint64)
    powers = np.cumprod(np.concatenate([np.ones(1, np.uint64), np.full(len(points) - 1, INVERSE)]))
    np.cumsum(_mixed(points) * powers, out=sums[1:])  # all arithmetic is mod 2^64
    lifts = np.cumprod(np.concatenate([np.ones(1, np.uint64), np.full(count - 1, BASE)]))
    return (sums[n:] - sums[:count]) * lifts


def _mixed(points: np.ndarray) -> np.ndarray:
    """A 64-bit number of each character that looks random (the finaliser of splitmix64)."""
    x = (points.astype(np.uint64) + np.uint64(1)) * BASE
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
