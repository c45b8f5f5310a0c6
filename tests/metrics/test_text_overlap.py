from __future__ import annotations

import difflib
import random

import numpy as np
import pytest

from zaohua.metrics import text_overlap as module
from zaohua.metrics.text_overlap import SEPARATOR, text_overlap


def covered(text: str, corpus: str, n: int) -> list[bool]:
    """Which characters are part of a run of n that stands in the corpus, by trying all."""
    out = [False] * len(text)
    for i in range(len(text) - n + 1):
        if text[i : i + n] in corpus:
            out[i : i + n] = [True] * n
    return out


def longest(text: str, corpus: str) -> int:
    return difflib.SequenceMatcher(None, text, corpus, autojunk=False).find_longest_match().size


@pytest.mark.parametrize("piece", [7, 50, 1 << 20])
@pytest.mark.parametrize("n", [1, 3, 8])
def test_is_what_trying_everything_finds(n: int, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", piece)
    draw = random.Random(n * 100 + piece)
    corpus = "".join(draw.choices("abcd春", k=400))
    texts = ["".join(draw.choices("abcd春", k=60)), corpus[100:130] + "x" + corpus[5:12], "", "zz"]
    found = text_overlap(texts, [corpus[:33], corpus[33:]], n)
    by_hand = [covered(text, corpus, n) for text in texts]
    assert found.fractions == tuple(np.mean(marks) if marks else 0 for marks in by_hand)
    assert found.fraction == pytest.approx(sum(map(sum, by_hand)) / sum(map(len, texts)))
    assert found.longest == max(longest(text, corpus) for text in texts) == len(found.example)
    assert found.example in corpus and found.example in "\n".join(texts)


def test_no_run_goes_across_texts() -> None:
    assert text_overlap(["abc", "def"], ["abcdef"], 4).fraction == 0
    assert text_overlap(["abcdef"], ["abc", SEPARATOR, "def"], 4).fraction == 0
    assert text_overlap(["abcdef"], ["abc", "def"], 4).fraction == 1


@pytest.mark.parametrize("texts", [[], [""], ["ab"]])
def test_short_texts(texts: list[str]) -> None:
    found = text_overlap(texts, ["xyz"], 30)
    assert (found.fraction, found.longest, found.example) == (0, 0, "")
    assert text_overlap(["ab"], [], 2).fraction == 0
