"""Word and character error rates, against the figures of jiwer 4.0.0 (process_words, process_characters)."""

from __future__ import annotations

import random

import pytest

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.error_rates import Errors, character_errors, edits, word_errors

DIGITS = (
    ["three one one four", "nine", "zero seven six five", "five eight"],
    ["three one four", "nine two", "zero seven seven six", "five"],
)
FOX = (
    ["quick brown fox jumped over a lazy old dog", "b c d e", "sitting kitten"],
    ["the quick brown fox jumps over the lazy dog", "a b c d", "kitten sitting"],
)
CHINESE = ["一只浅色靴子", "红色裤子"], ["一只深色的靴子", "红裤"]


def figures(found: Errors) -> tuple[int, int, int, int]:
    return found.substitutions, found.deletions, found.insertions, found.length


@pytest.mark.parametrize(
    ("texts", "words", "characters"),
    [(DIGITS, (2, 1, 2, 10), (4, 6, 11, 46)), (FOX, (2, 3, 3, 15), (10, 7, 6, 64)), (CHINESE, None, (1, 1, 2, 9))],
)
def test_errors_are_those_of_jiwer(texts: tuple[list[str], list[str]], words: object, characters: object) -> None:
    assert figures(character_errors(*texts)) == characters
    assert figures(word_errors(*texts)) == (characters if words is None else words)  # Chinese words are characters


def test_drawn_texts() -> None:
    rng = random.Random(0)
    said, heard = ([" ".join(rng.choices("abcdef", k=rng.randint(low, 9))) for _ in range(60)] for low in (1, 0))
    found = word_errors(heard, said)
    assert figures(found) == (76, 135, 101, 309) and found.rate.value == pytest.approx(1.0097087379)
    assert found.rate.low < found.rate.value < found.rate.high
    assert sum(edits(said[0].split(), heard[0].split())) == sum(edits(heard[0].split(), said[0].split()))


def test_the_interval_covers_the_rate() -> None:
    """Of each word one in five is wrong: 95 % of intervals hold 0.2, give or take four standard errors."""
    rng, hits = random.Random(2), 0
    for _ in range(100):
        heard = [" ".join("x" if rng.random() < 0.2 else "a" for _ in range(5)) for _ in range(40)]
        rate = word_errors(heard, ["a a a a a"] * 40).rate
        hits += rate.low <= 0.2 <= rate.high
    assert hits >= 86


def test_empty_texts() -> None:
    assert figures(word_errors(["", "a"], ["a b", ""])) == (0, 2, 1, 2)
    with pytest.raises(ZaohuaError, match="references are empty"):
        word_errors(["a"], [" "])
    with pytest.raises(ZaohuaError, match="there are 2 and 1"):
        character_errors(["a", "b"], ["a"])
