"""BLEU-4 and CIDEr-D, against the figures of sacrebleu 2.6.0 and pycocoevalcap 1.2 for the same texts."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap

from zaohua.core.errors import ZaohuaError
from zaohua.metrics.captions import bleu, cider, cider_of_each
from zaohua.metrics.words import words_of

TEXTS = [
    "the cat is on the mat",
    "there is a red boot on the floor",
    "a dark wide bag",
    "it is a trouser , long and light",
]
RIGHT = [
    ["the cat is sitting on the mat", "a cat sits on the mat"],
    ["a red boot is lying on the floor", "there is one red boot on the floor"],
    ["a wide dark bag", "a bag that is wide and dark"],
    ["light long trousers", "it is a pair of trousers , long and light"],
]
CHINESE = ["一只深色的靴子", "这是一条浅色的裤子", "一件红色的上衣"]
CHINESE_RIGHT = [["一只深色的短靴"], ["这是一条浅色长裤"], ["一件红色的衣服"]]


@pytest.fixture(scope="module")
def drawn() -> tuple[list[str], list[list[str]]]:
    """60 texts of letters, with three references each."""
    rng = random.Random(3)
    texts = [" ".join(rng.choices("abcd", k=rng.randint(1, 9))) for _ in range(60)]
    return texts, [[" ".join(rng.choices("abcd", k=rng.randint(1, 9))) for _ in range(3)] for _ in range(60)]


def test_bleu_is_that_of_sacrebleu(drawn: tuple[list[str], list[list[str]]]) -> None:
    """corpus_bleu(..., tokenize="none", smooth_method="none"), which are per cent; of Chinese tokenize="zh"."""
    assert bleu(TEXTS, RIGHT).value == pytest.approx(0.4766969221, rel=1e-8)
    assert bleu(CHINESE, CHINESE_RIGHT).value == pytest.approx(0.6303983259, rel=1e-8)
    assert bleu(*drawn).value == pytest.approx(0.2390220385, rel=1e-8)


def test_cider_is_that_of_pycocoevalcap(drawn: tuple[list[str], list[list[str]]]) -> None:
    """Cider().compute_score; of Chinese with a space between characters."""
    assert cider_of_each(TEXTS, RIGHT) == pytest.approx([4.08421038, 5.14455643, 2.17680713, 2.71646515], rel=1e-7)
    assert cider(TEXTS, RIGHT).value == pytest.approx(3.5305097710, rel=1e-8)
    assert cider_of_each(CHINESE, CHINESE_RIGHT) == pytest.approx([6.17210246, 6.64803209, 6.17210246], rel=1e-7)
    assert cider(*drawn).value == pytest.approx(1.5966520222, rel=1e-8)


def test_right_texts_have_the_best_scores() -> None:
    """The last one has three words, so no 4-gram."""
    same = [some[0] for some in RIGHT]
    assert bleu(same, RIGHT).value == 1
    assert cider_of_each(same, [[text] for text in same]) == pytest.approx([10, 10, 10, 7.5])


def test_nothing_in_common() -> None:
    assert bleu(["a red boot"], [["a blue boot"]]).value == 0  # no right 3-gram
    assert bleu(["", "a b c d e"], [["x"], ["a b c d e"]]).value == pytest.approx(np.exp(1 - 6 / 5))
    assert cider(["", "x"], [["a b c d"], ["e f g h"]]).value == 0


def test_intervals_are_bootstraps_over_texts(drawn: tuple[list[str], list[list[str]]]) -> None:
    scores, found = cider_of_each(*drawn), cider(*drawn)
    other = scipy_bootstrap((scores,), np.mean, n_resamples=4000, method="percentile", rng=0).confidence_interval
    width = other.high - other.low
    assert abs(found.low - other.low) < 0.1 * width and abs(found.high - other.high) < 0.1 * width
    low, value, high = (getattr(bleu(*drawn), name) for name in ("low", "value", "high"))
    assert low < value < high and bleu(*drawn) == bleu(*drawn) != bleu(*drawn, random_state=1)


def test_words() -> None:
    assert words_of("a  red,boot\n") == ["a", "red,boot"]
    assert words_of("红boot 靴子。") == ["红", "boot", "靴", "子", "。"]
    assert words_of("ひとつ") == ["ひ", "と", "つ"] and words_of("") == []


def test_wrong_arguments() -> None:
    with pytest.raises(ZaohuaError, match="there are 1 and 2"):
        bleu(["a"], [["a"], ["b"]])
    with pytest.raises(ZaohuaError, match=r"references\[1\] must be a list"):
        cider(["a", "b"], [["a"], "b"])
    with pytest.raises(ZaohuaError, match="not one text"):
        bleu("a", [["a"]])
