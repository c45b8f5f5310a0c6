from __future__ import annotations

import difflib
import random

import numpy as np
import pytest

from zaohua.metrics import copies as module
from zaohua.metrics.copies import BETWEEN, copies


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
    monkeypatch.setattr(module, "PIECE", piece)
    draw = random.Random(n * 100 + piece)
    corpus = "".join(draw.choices("abcd春", k=400))
    texts = ["".join(draw.choices("abcd春", k=60)), corpus[100:130] + "x" + corpus[5:12], "", "zz"]
    found = copies(texts, [corpus[:33], corpus[33:]], n)
    by_hand = [covered(text, corpus, n) for text in texts]
    assert found.shares == tuple(np.mean(marks) if marks else 0 for marks in by_hand)
    assert found.share == pytest.approx(sum(map(sum, by_hand)) / sum(map(len, texts)))
    assert found.longest == max(longest(text, corpus) for text in texts) == len(found.example)
    assert found.example in corpus and found.example in "\n".join(texts)


def test_no_run_goes_across_texts() -> None:
    assert copies(["abc", "def"], ["abcdef"], 4).share == 0
    assert copies(["abcdef"], ["abc", BETWEEN, "def"], 4).share == 0
    assert copies(["abcdef"], ["abc", "def"], 4).share == 1


@pytest.mark.parametrize("texts", [[], [""], ["ab"]])
def test_short_texts(texts: list[str]) -> None:
    found = copies(texts, ["xyz"], 30)
    assert (found.share, found.longest, found.example) == (0, 0, "")
    assert copies(["ab"], [], 2).share == 0
