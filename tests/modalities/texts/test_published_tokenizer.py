"""Published tokenizers: a text comes back, token by token, too, and nothing written in it is a special token."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.vocabularies import KINDS, SPECIAL, byte_level, unigram

from zaohua.core.errors import ZaohuaError
from zaohua.modalities.texts.published_tokenizer import PublishedTokenizer
from zaohua.modalities.texts.tokenizers import Stream

PARTS = ["the cat", " ", "  ", "\n", "春眠不覺曉", "鷲", "🙂", "👩‍👩‍👧", "é", "\U0001f1e8\U0001f1e6", "H", "\x00"]
WRITTEN = st.lists(st.sampled_from([*PARTS, *SPECIAL, "<unk>", "<0x0A>", "<|im_"]), max_size=6).map("".join)
TEXTS = st.one_of(WRITTEN, st.text(max_size=8))


@functools.cache
def published(kind: str) -> tuple[PublishedTokenizer, Any]:
    """A tokenizer of ours, for a model with more tokens than it, and the library's."""
    fast = KINDS[kind]()
    return PublishedTokenizer(fast.to_str(), fast.get_vocab_size() + 30), fast


@pytest.mark.parametrize("kind", KINDS)
class TestKinds:
    @settings(max_examples=60, deadline=None)
    @given(text=TEXTS, begins=st.booleans())
    def test_round_trip(self, kind: str, text: str, begins: bool) -> None:
        ours, _ = published(kind)
        if ours.starts_with_space(begins) and kind != "bytes":  # they put no space before one
            text = text.lstrip(" ")
        text = text.replace("▁", "")  # a space, to those that write spaces so
        if kind == "unigram":  # which finds the pieces of bytes, too, where somebody writes them
            text = text.replace("<0x", "")
        tokens = ours.encode(text, begins)
        stream = Stream(ours, begins)
        pieces = [stream.push(token) for token in tokens.tolist()]
        assert ours.decode(tokens, begins) == text == "".join([*pieces, stream.finish()])
        assert all(map(ours.is_text, tokens.tolist()))
        surplus = ours.starts_with_space(begins) and bool(text)
        assert ours.sizes[tokens].sum() == len(text.encode()) + surplus
        again, places = ours.located(text, begins)
        assert np.array_equal(again, tokens) and (np.diff(places) >= 0).all()

    @settings(max_examples=30, deadline=None)
    @given(text=st.lists(st.sampled_from(PARTS), max_size=6).map("".join))
    def test_harmless_texts_are_as_the_library_has_them(self, kind: str, text: str) -> None:
        ours, fast = published(kind)
        tokens = fast.encode(text, add_special_tokens=False).ids
        assert ours.encode(text).tolist() == tokens and ours.decode(tokens) == fast.decode(tokens)

    @settings(max_examples=30, deadline=None)
    @given(tokens=st.lists(st.integers(20, 300), max_size=12))
    def test_any_tokens_are_the_same_one_by_one_and_at_once(self, kind: str, tokens: list[int]) -> None:
        ours, _ = published(kind)
        stream = Stream(ours, False)
        assert "".join([*map(stream.push, tokens), stream.finish()]) == ours.decode(tokens, False)

    def test_numbers_that_are_no_text(self, kind: str) -> None:
        ours, fast = published(kind)
        padding = range(fast.get_vocab_size(), ours.size)
        assert not any(map(ours.is_text, [*padding, -1, -9, *ours.controls])) and ours.sizes[list(padding)].sum() == 0
        assert ours.name(fast.token_to_id("<|im_end|>")) == "<|im_end|>" and ours.name(padding[0]) == f"<{padding[0]}>"


def test_a_piece_that_looks_like_a_special_token_is_none() -> None:
    """Unigram finds pieces wherever they are written, also those of special tokens."""
    fast = unigram()
    end = fast.token_to_id("</s>")
    fast.encode_special_tokens = True
    assert end in fast.encode("a</s>").ids
    ours = PublishedTokenizer(fast.to_str(), 400)
    assert end not in ours.encode("a</s>").tolist() and ours.decode(ours.encode("a</s>")) == "a</s>"


def test_added_tokens_that_are_not_special_are_text_unless_they_are_named() -> None:
    state = byte_level(more={"<think>": {"special": False}, "<turn>": {"special": False}}).to_str()
    ours = PublishedTokenizer(state, 400, [])
    think, turn = (ours.encode(each).tolist() for each in ("<think>", "<turn>"))
    assert len(think) == len(turn) == 1 and ours.decode([*think, *turn]) == "<think><turn>"
    named = PublishedTokenizer(state, 400, turn)
    assert named.encode("<think>").tolist() == think and turn[0] not in named.encode("a<turn>b").tolist()
    assert named.decode(named.encode("a<turn>b")) == "a<turn>b" and not named.is_text(turn[0])


def test_gaps_in_the_numbers_of_added_tokens() -> None:
    tree = json.loads(byte_level(["<s>"]).to_str())
    tree["added_tokens"].append({**tree["added_tokens"][0], "id": 390, "content": "<x>", "special": False})
    ours = PublishedTokenizer(json.dumps(tree), 400)
    numbers = ours.encode("<x>").tolist()
    assert ours.decode(numbers) == "<x>" and ours.sizes.shape == (400,) and not ours.is_text(385)


def test_letters_without_a_token_are_named() -> None:
    tree = json.loads(unigram().to_str())
    tree["model"]["vocab"] = [[p, s] for p, s in tree["model"]["vocab"] if not p.startswith("<0x")]
    tree["model"]["byte_fallback"] = False
    tree["added_tokens"] = tree["added_tokens"][:3]
    ours = PublishedTokenizer(json.dumps(tree), 400)
    assert ours.known("cat春x").tolist() == [True] * 4 + [False]
    with pytest.raises(ZaohuaError, match=r"the character 'x' \(number 4 of a text\) is none that the tokenizer knows"):
        ours.encode("cat春x")
    assert ours.encode(ours.encodable("cat春x")).size and len(ours.encodable("cat春x")) == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"type": "WordPiece", "vocab": {}}}, "of the type WordPiece, which isn't supported"),
        (
            {"decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True}},
            "decodes by WordPiece, which isn't supported",
        ),
        ({"decoder": None}, "decodes by nothing, which isn't supported"),
        ({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["b", "c"]]}}, "can't be read: "),
        ({"model": None}, "isn't the JSON of the tokenizers library"),
    ],
)
def test_what_is_not_supported_is_said_in_one_line(change: dict[str, Any], message: str) -> None:
    tree = {**json.loads(byte_level().to_str()), **change}
    with pytest.raises(ZaohuaError, match=message) as caught:
        PublishedTokenizer(json.dumps(tree), 400)
    assert "\n" not in str(caught.value)


def test_a_vocabulary_that_is_too_small() -> None:
    with pytest.raises(ZaohuaError, match="the tokenizer has a token number 329, but the model only 300 tokens"):
        PublishedTokenizer(byte_level().to_str(), 300)


def test_texts_are_neither_cut_nor_padded_nor_changed_at_random() -> None:
    fast = byte_level()
    fast.enable_truncation(2)
    fast.enable_padding(length=8)
    fast.model.dropout = 1.0
    ours = PublishedTokenizer(fast.to_str(), 400)
    assert np.array_equal(
        ours.encode("the cat sat on"), PublishedTokenizer(byte_level().to_str(), 400).encode("the cat sat on")
    )
