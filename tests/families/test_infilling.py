"""Filling in: what is rearranged is the same text, nothing else changes, and a model that learnt it fills gaps."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

import zaohua as zh
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import BatchNoise
from zaohua.families.autoregressive.infilling import Marks, rearranged
from zaohua.families.autoregressive.writing import Writer

MARKS = Marks(begin=50, end=50, prefix=51, suffix=52, middle=53)


def parts(row: list[int]) -> tuple[list[int], list[int], list[int]]:
    """Prefix, middle and suffix of a rearranged row."""
    assert row[0] == MARKS.end and row[1] == -2 - MARKS.prefix
    suffix, middle = row.index(-2 - MARKS.suffix), row.index(-2 - MARKS.middle)
    end = row.index(MARKS.end, middle)
    assert all(token == -1 for token in row[end + 1 :])
    return row[2:suffix], row[middle + 1 : end], row[suffix + 1 : middle]


def test_a_rearranged_row_is_a_part_of_the_text() -> None:
    x = torch.arange(41).expand(300, -1)
    out = rearranged(x, BatchNoise(0, 300), 1.0, MARKS)
    seen = set()
    for row in out.tolist():
        prefix, middle, suffix = parts(row)
        assert prefix + middle + suffix == list(range(36))
        seen.add((len(prefix) > 12, len(middle) > 12, len(suffix) > 12))
    assert len(seen) >= 6 and out.shape == x.shape


def test_texts_stay_apart_and_what_is_not_learnt_stays() -> None:
    x = torch.tensor([[50, 1, 2, 3, 50, 4, 5, 6, 7, 8, 9, 50, -1, -1], [50, -3, 4, 5, 6, 50, -1, *[-1] * 7], [50] * 14])
    for seed in range(60):
        first, second, third = rearranged(x, BatchNoise(seed, 3), 1.0, MARKS).tolist()
        assert second == x[1].tolist() and third == x[2].tolist()
        if first != x[0].tolist():  # else the place fell on END
            a, b, c = parts(first)
            assert a + b + c in ([1, 2, 3], [4, 5, 6, 7, 8, 9])


def test_the_share_is_what_was_asked() -> None:
    x = torch.arange(20).expand(4000, -1)
    changed = (rearranged(x, BatchNoise(1, 4000), 0.3, MARKS) != x).any(1).float().mean()
    assert changed == pytest.approx(0.3, abs=0.03)


@pytest.fixture(scope="module")
def model() -> Any:
    """Learnt two kinds of texts whose middle follows from both ends."""
    texts = [f"{a}{a * 2}-{b * 2}{b}" for a, b in itertools.product("abc", "xyz")] * 20
    settings = {
        "width": 32,
        "layers": 2,
        "heads": 2,
        "context": 24,
        "max_steps": 250,
        "learning_rate": 1e-2,
        "batch_size": 16,
        "precision": "float32",
    }
    return zh.GPT(**settings, fim=0.7, warmup_steps=5, random_state=0, device="cpu", max_tokens=12).fit(texts)


def test_fills_gaps(model: Any) -> None:
    right = [
        model.sample(prompt=f"{a}{a}", suffix=f"{b}{b}", temperature=0.0)[0] == f"{a * 3}-{b * 3}"
        for a, b in itertools.product("abc", "xyz")
    ]
    assert sum(right) >= 7
    whole = model.sample(prompt="aa", suffix="xx", random_state=3, temperature=1.5)[0]
    assert whole.startswith("aa") and whole.endswith("xx")
    assert "".join(model.stream(prompt="aa", suffix="xx", random_state=3, temperature=1.5)) == whole


def test_still_writes_on_and_scores(model: Any) -> None:
    assert model.sample(prompt="bbb-", temperature=0.0)[0] in ("bbb-xxx", "bbb-yyy", "bbb-zzz")
    assert model.score(["aaa-xxx"]) > -3.5  # log 1 / 9 is -2.2: nothing went to the special tokens


def test_long_prompts_keep_what_is_next_to_the_gap(model: Any) -> None:
    made = model.with_options(prompt="abc" * 20, suffix="xyz" * 20)
    opening = made.opening()
    assert len(opening) <= model.context // 2
    text = made.sample(1, random_state=0)[0]
    assert text.startswith("abc" * 20) and text.endswith("xyz" * 20)
    decode = model.codec_.tokenizer_.decode
    marks = [i for i, token in enumerate(opening) if token >= model.codec_.end_]
    assert ("abc" * 20).endswith(decode(opening[marks[1] + 1 : marks[2]]))
    assert ("xyz" * 20).startswith(decode(opening[marks[2] + 1 : marks[3]]))


def test_who_learnt_no_gaps_says_so() -> None:
    plain = zh.CharRNN(**zh.CharRNN.tiny, random_state=0, device="cpu").fit(["ab" * 100])
    for call in (lambda: plain.sample(suffix="b"), lambda: list(plain.stream(suffix="b"))):
        with pytest.raises(ZaohuaError, match="wasn't trained to fill in.*fim=0.5"):
            call()
    with pytest.raises(ZaohuaError, match="fim needs a context above 5"):
        zh.CharRNN(context=4, fim=0.5).fit(["ab" * 100])


class TestWriter:
    @pytest.mark.parametrize("stops", [("bcd", "c"), ("ab",), ("xx", "cde"), ("abcde",), ("e",), ("zz",), ()])
    def test_pieces_do_not_matter(self, stops: tuple[str, ...]) -> None:
        text = "abxabcde xabcc"
        whole = Writer(stops).push(text, last=True)
        for cuts in itertools.combinations(range(1, len(text)), 3):
            pieces = [text[a:b] for a, b in itertools.pairwise([0, *cuts, len(text)])]
            writer = Writer(stops)
            given = [writer.push(piece) for piece in pieces]
            assert "".join([*given, writer.push("", last=True)]) == whole
        letters = Writer(stops)
        assert "".join([*map(letters.push, text), letters.push("", last=True)]) == whole
        assert not any(stop in whole for stop in stops) and text.startswith(whole)

    def test_no_empty_stops(self) -> None:
        with pytest.raises(ZaohuaError, match="at least one character"):
            Writer(["a", ""])
